import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { fc } from '../../base/test-properties.ts';
import { decodeQuotedPrintable, QuotedPrintableEncoder } from './quoted-printable.ts';

function encodeQuotedPrintable(bytes: Uint8Array): Buffer {
  const encoder = new QuotedPrintableEncoder();
  const encoded = Buffer.from(encoder.push(bytes));
  return Buffer.concat([encoded, encoder.end()]);
}

const encode = (text: string): string =>
  encodeQuotedPrintable(Buffer.from(text, 'latin1')).toString('latin1');
const decode = (text: string): string =>
  decodeQuotedPrintable(Buffer.from(text, 'latin1')).toString('latin1');

/** Octets of which many mean something here. */
const octets = fc
  .array(
    fc.oneof(
      fc.constantFrom('\r\n', '\r', '\n', ' ', '\t', '=', '.', '\0', '=20', '\xe9'),
      fc.stringMatching(/^[ -~]{0,90}$/),
    ),
    { maxLength: 50 },
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));

describe('QuotedPrintableEncoder', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', ''],
    ['plain text\r\n', 'plain text\r\n'],
    ['caf\xe9 = x', 'caf=E9 =3D x'],
    ['a \r\nb\t\r\nc ', 'a=20\r\nb=09\r\nc=20'],
    ['a  b', 'a  b'],
    ['a\nb\rc\r', 'a=0Ab=0Dc=0D'],
    ['a\r\r\n', 'a=0D\r\n'],
    ['\r\n\r\n', '\r\n\r\n'],
    ['.\r\n..a', '=2E\r\n=2E.a'],
    [`${'x'.repeat(76)}\r\n`, `${'x'.repeat(75)}=\r\nx\r\n`],
    [`${'x'.repeat(75)}--b\r\n`, `${'x'.repeat(75)}=\r\n=2D-b\r\n`],
    [`${'x'.repeat(75)}.\r\n`, `${'x'.repeat(75)}=\r\n=2E\r\n`],
    [`${'x'.repeat(74)}\xe9`, `${'x'.repeat(74)}=\r\n=E9`],
  ];
  for (const [text, expected] of cases) {
    it(JSON.stringify(text), () => assert.equal(encode(text), expected));
  }

  it('RFC 2045 §6.7: lines of at most 76 ASCII characters that decode to the same octets', () => {
    fc.assert(
      fc.property(octets, (bytes) => {
        const encoded = encodeQuotedPrintable(bytes);
        for (const line of encoded.toString('latin1').split('\r\n')) {
          assert.match(line, /^[\t -~]{0,76}$/);
          assert.doesNotMatch(line, /[ \t]$/);
        }
        assert.deepEqual(decodeQuotedPrintable(encoded), bytes);
      }),
    );
  });

  it('how the octets are cut does not matter', () => {
    fc.assert(
      fc.property(octets, fc.integer({ min: 1, max: 7 }), (bytes, size) => {
        const encoder = new QuotedPrintableEncoder();
        const pieces: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += size) {
          pieces.push(Buffer.from(encoder.push(bytes.subarray(at, at + size))));
        }
        pieces.push(Buffer.from(encoder.end()));
        assert.deepEqual(Buffer.concat(pieces), encodeQuotedPrintable(bytes));
      }),
    );
  });
});

describe('decodeQuotedPrintable', () => {
  const cases: readonly (readonly [string, string])[] = [
    // RFC 2045 §6.7
    [
      "Now's the time =\r\nfor all folk to come=\r\n to the aid",
      "Now's the time for all folk to come to the aid",
    ],
    ['=e9=E9', '\xe9\xe9'],
    ['a= \t\r\nb', 'ab'],
    ['a=\nb', 'ab'],
    ['a \t\r\nb', 'a\r\nb'],
    ['a  b ', 'a  b'],
    ['a=', 'a'],
    ['=ZZ=4', '=ZZ=4'],
    ['\xe9', '\xe9'],
  ];
  for (const [text, expected] of cases) {
    it(JSON.stringify(text), () => assert.equal(decode(text), expected));
  }

  it('is total and linear', () => {
    fc.assert(fc.property(octets, (bytes) => decodeQuotedPrintable(bytes).length <= bytes.length));
    for (const hostile of ['=', ' ', '= ', '=\r', '\t\r']) {
      assertLinear(decodeQuotedPrintable, (times) => Buffer.from(hostile.repeat(times)));
    }
  });
});
