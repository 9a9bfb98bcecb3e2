import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { ContentEncoder } from './content-encoder.ts';

const encode = (chunks: readonly (string | Uint8Array)[], stuffing = true): string => {
  const encoder = new ContentEncoder(stuffing);
  const out = chunks.map((chunk) =>
    Buffer.from(encoder.encode(Buffer.from(chunk))).toString('latin1'),
  );
  return out.join('') + encoder.end();
};

describe('content on its way out', () => {
  const rows: [what: string, content: string, expected: string][] = [
    ['passes clean lines', 'a\r\nb\r\n', 'a\r\nb\r\n'],
    [
      'RFC 5321 §4.5.2: doubles a dot at the beginning of a line',
      '.a\r\n..\r\nb.\r\n',
      '..a\r\n...\r\nb.\r\n',
    ],
    ['RFC 5321 §4.1.1.4: ends the last line', 'a', 'a\r\n'],
    ['sends nothing for nothing', '', ''],
    ['ends a last line that has only its CR', 'a\r', 'a\r\n'],
    ['CVE-2023-51764: mends a bare LF', 'a\n.\r\nb', 'a\r\n..\r\nb\r\n'],
    [
      'CVE-2023-51765: mends a bare LF on both sides of a dot',
      'a\n.\nMAIL FROM:<x>\n',
      'a\r\n..\r\nMAIL FROM:<x>\r\n',
    ],
    ['CVE-2023-51766: mends a bare CR', 'a\r.\rb\r\n', 'a\r\n..\r\nb\r\n'],
    ['mends LF CR in the wrong order', 'a\n\rb', 'a\r\n\r\nb\r\n'],
    ['mends CR CR LF', 'a\r\r\n.\r\n', 'a\r\n\r\n..\r\n'],
  ];
  for (const [what, content, expected] of rows)
    it(what, () => {
      assert.equal(encode([content]), expected);
      assert.equal(encode([...content]), expected, 'octet by octet');
      assert.equal(encode([content], false), expected.replace(/(^|\n)\.\./g, '$1.'), 'for BDAT');
    });

  it('passes clean pieces without a copy', () => {
    const piece = Buffer.from('Subject: x\r\n\r\nfine.\r\n');
    assert.equal(new ContentEncoder(true).encode(piece), piece);
  });

  it('RFC 5321 §4.5.2: the receiver gets the content back, however it is cut', () => {
    const text = fc.array(
      fc.constantFrom('\r\n', '.', 'a', '\r\n.', '\r\n..\r\n', '\n', '\r', 'bc'),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), (parts) => {
        const chunks = parts.map((part) => part.join(''));
        const wire = encode(chunks);
        assert.doesNotMatch(wire, /[^\r]\n|^\n|\r(?!\n)/, 'no bare CR or LF');
        assert.doesNotMatch(wire, /(^|\n)\.\r\n/, 'no end of data inside');
        assert.equal(wire, encode([chunks.join('')]), 'chunking does not matter');
        assert.equal(wire.replace(/(^|\n)\./g, '$1'), encode(chunks, false), 'dots come off again');
      }),
    );
  });
});
