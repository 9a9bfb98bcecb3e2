import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { anyText } from '../base/test-text.ts';
import { asciiHeader } from './surrogate.ts';

describe('asciiHeader', () => {
  const cases: readonly (readonly [title: string, header: string, expected: string])[] = [
    [
      'RFC 6858 §2.1: an address without an ASCII form gives way to one nobody can answer',
      'To: Jörg <jörg@example.org>\r\n',
      'To: =?utf-8?Q?J=C3=B6rg_=3Cj=C3=B6rg=40example=2Eorg=3E?=\r\n <invalid@internationalized-address.invalid>\r\n',
    ],
    [
      'an address that has one keeps it',
      'From: Jörg <j@bücher.example>\r\n',
      'From: =?utf-8?Q?J=C3=B6rg?= <j@xn--bcher-kva.example>\r\n',
    ],
    [
      'fields in ASCII stay as they are, octet by octet',
      'From mbox line\r\nA:b\r\n  c \nSubject: é\r\n\r\n',
      'From mbox line\r\nA:b\r\n  c \nSubject: =?utf-8?Q?=C3=A9?=\r\n\r\n',
    ],
    ['what has no other form is masked', 'Content-Type: é\r\n', 'Content-Type: ??\r\n'],
  ];
  for (const [title, header, expected] of cases)
    it(title, () => assert.equal(asciiHeader(Buffer.from(header)).toString('latin1'), expected));

  it('translates no more than is cheap: the rest is masked', () => {
    const header = Buffer.from(`To: ${'<é@'.repeat(200_000)}\r\n`);
    assert.equal(asciiHeader(header).toString('latin1').slice(0, 12), 'To: <??@<??@');
  });

  it('is ASCII whatever the header was', () => {
    const pieces = fc.constantFrom('To: ', 'Subject: ', 'X: ', 'é', '\xff', ' a', '@', '<', '\r\n');
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, anyText({ maxLength: 3 }))), (all) => {
        const text = asciiHeader(Buffer.from(all.join(''), 'latin1')).toString('latin1');
        assert.match(text, /^[\x00-\x7f]*$/);
      }),
      { numRuns: 500 },
    );
  });
});
