import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { globMatches } from './glob.ts';
import { fc } from './test-properties.ts';

describe('patterns with * and ?', () => {
  for (const [pattern, text, matches] of [
    ['*.exe', 'Invoice.pdf.EXE', true],
    ['*.exe', 'exe', false],
    ['*.ex?', 'a.exe', true],
    ['a*b*c', 'a--b-b--c', true],
    ['a*b*c', 'a--b-b--', false],
    ['*', '', true],
    ['?', '', false],
    ['', 'a', false],
    ['*prize*', 'You WON a Prize!', true],
    ['[a]', 'a', false],
  ] as const)
    it(`${pattern} ${matches ? 'fits' : 'does not fit'} ${text}`, () =>
      assert.equal(globMatches(pattern, text), matches));

  it('means what the same regular expression does', () => {
    const piece = fc.constantFrom('a', 'b', '*', '?');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }),
        fc.array(fc.constantFrom('a', 'b'), { maxLength: 10 }),
        (pattern, text) => {
          const expression = pattern.map((one) => (one === '*' ? '.*' : one === '?' ? '.' : one));
          assert.equal(
            globMatches(pattern.join(''), text.join('')),
            new RegExp(`^${expression.join('')}$`).test(text.join('')),
          );
        },
      ),
    );
  });
});
