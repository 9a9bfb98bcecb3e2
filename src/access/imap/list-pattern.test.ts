import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { anyOf } from './list-pattern.ts';

const table: readonly (readonly [pattern: string, name: string, matches: boolean])[] = [
  ['*', 'INBOX', true],
  ['*', 'a/b/c', true],
  ['%', 'a', true],
  ['%', 'a/b', false],
  ['%/b', 'a/b', true],
  ['a/%', 'a/b', true],
  ['a/%', 'a/b/c', false],
  ['a/*', 'a/b/c', true],
  ['a/%', 'a', false],
  ['a*', 'a', true],
  ['*b', 'a/b', true],
  ['%%', 'a', true],
  ['*%*', 'a/b', true],
  ['inbox', 'INBOX', true],
  ['inBox', 'INBOX', true],
  ['in%', 'INBOX', true],
  ['inbox/%', 'INBOX/a', true],
  ['inbox/A', 'INBOX/a', false],
  ['A', 'a', false],
  ['', 'a', false],
  ['e\u0301', '\u00e9', true],
  ['Other Users/%/%', 'Other Users/bob@example.org/a', true],
];

describe('LIST patterns', () => {
  for (const [pattern, name, expected] of table)
    it(`RFC 9051 §6.3.9: '${pattern}' ${expected ? 'matches' : 'does not match'} '${name}'`, () => {
      assert.equal(anyOf([pattern])(name), expected);
    });

  it('one of several patterns is enough; empty ones count for nothing', () => {
    assert.ok(anyOf(['', 'x', 'a/%'])('a/b'));
    assert.ok(!anyOf(['', ''])(''));
  });

  it('agrees with the regular expression it stands for', () => {
    const text = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 8 });
    const pattern = fc.array(fc.constantFrom('a', 'b', '/', '*', '%'), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(pattern, text, (parts, name) => {
        const source = parts.map((p) => (p === '*' ? '.*' : p === '%' ? '[^/]*' : p)).join('');
        assert.equal(
          anyOf([parts.join('')])(name.join('')),
          new RegExp(`^${source}$`).test(name.join('')),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('a hostile pattern costs pattern times name, no more', () => {
    const hostile = '*a%a'.repeat(400);
    assert.equal(anyOf([hostile])(`${'a'.repeat(999)}b`), false);
  });

  it('what is before a "*" that was reached is not looked at again', () => {
    const matches = anyOf(['*a'.repeat(400)], 5000);
    assert.equal(matches('a'.repeat(1000)), true);
  });

  it('all names of a command together cost no more than the limit: then they are refused', () => {
    const matches = anyOf([`*${'a'.repeat(500)}b`], 1_000_000);
    const many = () => {
      for (let n = 0; n < 10; n += 1) matches('a'.repeat(1000));
    };
    assert.throws(many, /fewer or shorter patterns/);
    for (let n = 0, usual = anyOf(['*', 'work%', '*/2026/*'], 1_000_000); n < 5000; n += 1)
      assert.equal(usual(`archive/2026/${n} of many`), true);
  });
});
