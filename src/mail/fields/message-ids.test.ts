import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { fc } from '../../base/test-properties.ts';
import { parseMessageIds } from './message-ids.ts';

describe('parseMessageIds', () => {
  const cases: readonly (readonly [value: string, ids: readonly string[]])[] = [
    ['', []],
    ['<a@b>', ['a@b']],
    ['<a@b> <c@d>', ['a@b', 'c@d']],
    ['<a@b><c@d>', ['a@b', 'c@d']],
    ['a@b', []],
    // RFC 5256 §3: two ways to write one identifier.
    ['<"01KF8JCEOCBS0045PS"@xxx.yyy.com>', ['01KF8JCEOCBS0045PS@xxx.yyy.com']],
    ['<"a\\"b>c"@d>', ['a"b>c@d']],
    ['< a @ b >', ['a@b']],
    ['Message of Monday <a@b> "x" <c@d>', ['a@b', 'c@d']],
    ['<a@b <c@d>', ['c@d']],
    ['<a"b@c> <d@e>', ['a"b@c'.replace('"', ''), 'd@e']],
    ['<> <a@b>', ['a@b']],
    ['<a@b', []],
    [`<${'x'.repeat(2000)}@b> <a@b>`, ['a@b']],
  ];
  for (const [value, ids] of cases) {
    it(`RFC 5322 §3.6.4: ${value.slice(0, 60)}`, () =>
      assert.deepEqual(parseMessageIds(value), ids));
  }

  it('stops where it has enough', () =>
    assert.deepEqual(parseMessageIds('<a@b> <c@d>', 1), ['a@b']));

  it('is total', () => {
    const piece = fc.constantFrom('<', '>', '"', '\\', 'a', '@', ' ');
    fc.assert(fc.property(fc.array(piece), (pieces) => void parseMessageIds(pieces.join(''))));
  });

  for (const piece of ['<', '<"', '<a>', '"<>', '<"a">', '<a"b@c> ']) {
    it(`takes linear time for ${piece}`, () =>
      assertLinear(parseMessageIds, (times) => piece.repeat(times)));
  }
});
