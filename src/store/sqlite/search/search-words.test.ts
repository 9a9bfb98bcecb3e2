import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { fc } from '../../../base/test-properties.ts';
import { fold, indexed, sought } from '../../search/search-words.ts';
import { Vocabulary } from './vocabulary.ts';

/** An index of one text, looked up as a search does. */
function openIndex(text: string) {
  const database = new DatabaseSync(':memory:');
  database.exec(`
    CREATE VIRTUAL TABLE bodies USING fts5(
      text, content='', contentless_delete=1, detail=none, tokenize='ascii');
    CREATE VIRTUAL TABLE words USING fts5vocab('bodies', 'row')`);
  database.prepare('INSERT INTO bodies (rowid, text) VALUES (1, ?)').run(indexed(fold(text)));
  const vocabulary = new Vocabulary(() =>
    database
      .prepare('SELECT term FROM words')
      .all()
      .map(({ term }) => String(term)),
  );
  const match = database.prepare('SELECT rowid FROM bodies WHERE bodies MATCH ?');
  return (needle: string) => {
    const { words, exact } = sought(fold(needle));
    const found = words.every((word) =>
      vocabulary.matching(word).some((one) => match.all(`"${one}"`).length > 0),
    );
    return { found, exact };
  };
}

describe('what is looked up', () => {
  const texts: readonly (readonly [text: string, needle: string, found: boolean])[] = [
    ['Grüße aus Köln', 'GRÜSSE', false],
    ['Grüße aus Köln', 'rüße a', true],
    ['naïve', 'NAÏ', true],
    ['日本語のテキスト', '語のテ', true],
    ['“quoted”', 'quoted', true],
    ['one_two', 'one_t', true],
    ['a😀b', 'a', true],
    [`${'x'.repeat(70)}needle${'y'.repeat(70)}`, 'xneedley', true],
    [`${'漢字'.repeat(200)}終`, '漢字終', true],
    [`a ${'z'.repeat(300)} b`, `${'z'.repeat(300)} b`, true],
    ['foo bar', 'foo baz', false],
    ['foo bar', 'o b', true],
    ['foobar', 'o b', false],
  ];
  for (const [text, needle, found] of texts)
    it(`${needle.slice(0, 20)} in ${text.slice(0, 20)}`, () =>
      assert.equal(openIndex(text)(needle).found, found));

  const alphabet = fc.constantFrom(
    ...['a', 'b', 'A', '1', ' ', '-', '_', '"', '\n', '\0', 'é', 'ß', 'İ', '日', '😀', '\u0301'],
    ...['“', '\u00a0', '\ud800', 'ﬁ', 'Σ', 'ς'],
  );
  const text = fc.oneof(
    fc.string({ unit: alphabet, maxLength: 30 }),
    fc.string({ unit: fc.constantFrom('a', 'b', '日', '😀'), minLength: 90, maxLength: 330 }),
  );

  it('no part of a text is missed; what needs no verification is right', () => {
    fc.assert(
      fc.property(text, fc.nat(), fc.nat(200), text, (whole, start, length, other) => {
        const look = openIndex(whole);
        const from = whole.length === 0 ? 0 : start % whole.length;
        const part = whole.slice(from, from + length);
        if (fold(whole).includes(fold(part))) assert.ok(look(part).found, JSON.stringify(part));
        for (const needle of [part, other]) {
          if (needle === '') continue;
          const { found, exact } = look(needle);
          if (exact) assert.equal(found, fold(whole).includes(fold(needle)), needle);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('words that come later are found too', () => {
    const vocabulary = new Vocabulary(() => ['one', 'two']);
    const any = (word: string) => vocabulary.matching({ word, begins: false, ends: false });
    assert.deepEqual(any('o'), ['one', 'two']);
    vocabulary.add('three four');
    assert.deepEqual(any('o'), ['one', 'two', 'four']);
    assert.deepEqual(vocabulary.matching({ word: 't', begins: true, ends: false }), [
      'two',
      'three',
    ]);
    assert.deepEqual(vocabulary.matching({ word: 'e', begins: false, ends: true }), [
      'one',
      'three',
    ]);
    assert.deepEqual(vocabulary.matching({ word: 'new', begins: true, ends: true }), ['new']);
  });
});
