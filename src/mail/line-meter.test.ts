import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { hasLongLine, LineMeter } from './line-meter.ts';

const x = (count: number) => 'x'.repeat(count);

describe('LineMeter', () => {
  const table: [text: string, expected: boolean][] = [
    ['', false],
    [x(998), false],
    [x(999), true],
    [`${x(998)}\r`, false],
    [`${x(998)}\r\n`, false],
    [`${x(998)}\n`, false],
    [`${x(999)}\n`, true],
    [`${x(999)}\r\n`, true],
    [`a\n${x(997)}\n${x(999)}\nb`, true],
    [`\n${x(998)}\n\n`, false],
    [`${x(500)}\r\n${x(998)}\r\n${x(998)}\r\n${x(10)}`, false],
    [`${x(500)}\r\n${x(998)}\r\n${x(10)}\r\n${x(999)}`, true],
  ];
  for (const [i, [text, expected]] of table.entries())
    it(`RFC 5321 §4.5.3.1.6: 998 octets and CRLF are the most, row ${i}`, () => {
      assert.equal(hasLongLine(Buffer.from(text)), expected);
    });

  it('says what splitting into lines says, in whatever pieces the text comes', () => {
    const piece = fc.oneof(
      fc.constantFrom('\r\n', '\n', '\r', 'y'),
      fc.integer({ min: 1, max: 1010 }).map(x),
      fc.integer({ min: 990, max: 1002 }).map(x),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(3000)), (pieces, cuts) => {
        const text = pieces.join('');
        const expected = text.split('\n').some((line) => line.replace(/\r$/, '').length > 998);
        const meter = new LineMeter();
        let at = 0;
        for (const cut of [...cuts.sort((a, b) => a - b), text.length]) {
          meter.push(Buffer.from(text.slice(at, cut)));
          at = Math.max(at, cut);
        }
        assert.equal(meter.hasLongLine, expected);
      }),
    );
  });
});
