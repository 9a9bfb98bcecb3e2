import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { withoutComments } from './comment.ts';

describe('withoutComments', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['a', 'a'],
    ['a(b)c', 'a c'],
    ['a (b (c) d) e', 'a   e'],
    ['a "(b)" c', 'a "(b)" c'],
    ['a "\\"(b)" c', 'a "\\"(b)" c'],
    ['a (\\)b) c', 'a   c'],
    ['a ("b) c', 'a   c'],
    ['a (b', 'a  '],
    ['a) b', 'a) b'],
  ];
  for (const [text, expected] of cases) {
    it(`RFC 5322 §3.2.2: ${JSON.stringify(text)}`, () => {
      assert.equal(withoutComments(text), expected);
    });
  }

  it('is linear', () => {
    for (const hostile of ['(', ')', '\\', '"', '("', '\\('])
      assertLinear(withoutComments, (times) => hostile.repeat(times));
  });
});
