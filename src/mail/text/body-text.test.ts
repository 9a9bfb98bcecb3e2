import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseMime } from '../mime/mime.ts';
import { bodyText } from './body-text.ts';
import { previewOf } from './preview.ts';

const octets = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');

const parts = (text: string) => {
  const message = octets(text);
  return bodyText(message, parseMime(message));
};
const preview = (text: string): string => previewOf(parts(text));

/** A message of one part. */
const part = (type: string, encoding: string, body: string): string =>
  `Content-Type: ${type}\nContent-Transfer-Encoding: ${encoding}\n\n${body}`;

const multipart = (subtype: string, ...bodies: string[]): string =>
  `Content-Type: multipart/${subtype}; boundary=b\n\npreamble\n${bodies.map((body) => `--b\n${body}\n`).join('')}--b--\nepilogue\n`;

describe('bodyText', () => {
  const previews: readonly (readonly [what: string, message: string, preview: string])[] = [
    ['RFC 2045 §6.4: nothing of an encoding nobody knows', part('text/plain', 'x-none', 'a'), ''],
    ['Field: an encoding with a hyphen or a blank', part('text/plain', '8-Bit', 'a'), 'a'],
    ['and one that is called none', part('text/plain', 'none', 'a'), 'a'],
    [
      'a multipart that ends before it begins',
      'Content-Type: multipart/mixed; boundary=b\n\n--b--',
      '',
    ],
    [
      'and with a preamble',
      'Content-Type: multipart/mixed; boundary="b"\n\nThis is MIME.\n--b--\n',
      '',
    ],
    [
      'a multipart that was cut in its preamble',
      'Content-Type: multipart/mixed; boundary=b\n\nHi\n',
      'Hi',
    ],
    ['a multipart without a boundary', 'Content-Type: multipart/mixed\n\nHi\n', 'Hi'],
    ['an empty part', multipart('mixed', ''), ''],
    ['a part that was cut', 'Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHi the', 'Hi the'],
    [
      'nested alternatives',
      multipart(
        'mixed',
        `${multipart('alternative', '\n', 'Content-Type: text/html\n\n<b>Hi</b>').replaceAll('b\n', 'c\n').replace('=b', '=c').replace('b--', 'c--')}`,
      ),
      'Hi',
    ],
    [
      'AMP is no plain text',
      multipart(
        'alternative',
        '\n',
        'Content-Type: text/x-amp-html\n\n<p>A</p>',
        'Content-Type: text/html\n\n<p>H',
      ),
      'A',
    ],
    [
      'what is for programs comes last',
      multipart(
        'mixed',
        'Content-Type: text/calendar\n\nBEGIN',
        'Content-Type: text/html\n\n<p>Hi',
      ),
      'Hi',
    ],
    ['and is better than nothing', part('text/csv', '7bit', 'a;b'), 'a;b'],
    ['a message as the only part', 'Content-Type: message/rfc822\n\nSubject: s\n\nHi', 'Hi'],
    [
      'HTML alone',
      part('text/html', '7bit', '<style>p{}</style><!-- x --><p>a &amp; b</p><script>y</script>'),
      'a & b',
    ],
    ['text/enriched', part('text/enriched', '7bit', '<bold>a</bold> b'), 'a b'],
    [
      'RFC 2045 §6.7: soft breaks',
      part('text/plain; charset=utf-8', 'quoted-printable', 'a=C3=\n=A9 =\nb = =ZZ =c3=a9'),
      'aé b = =ZZ é',
    ],
    [
      'RFC 2045 §6.8: base64 with garbage',
      part('text/plain', 'BASE64', 'SGVs\n*bG8\n=\n--footer'),
      'Hello',
    ],
    ['uuencode', part('text/plain', 'x-uuencode', `x\nbegin 644 a\n%2&5L;&\\\n\`\nend\n`), 'Hello'],
    ['uuencode without beginning', part('text/plain', 'x-uue', '%2&5L;&\\\n'), ''],
    [
      'RFC 3676: paragraphs',
      part('text/plain; format=flowed; delsp=yes', '7bit', 'a \nb \n\nc\n-- \nd'),
      'ab c -- d',
    ],
    ['no charset', part('text/plain', '8bit', 'Gr\xc3\xbc\xc3\x9fe'), 'Grüße'],
    ['a charset nobody knows', part('text/plain; charset=x-none', '8bit', 'Gr\xfc\xdfe'), 'Grüße'],
    [
      'a charset that is wrong',
      part('text/plain; charset=iso-8859-1', '8bit', 'Gr\xc3\xbc\xc3\x9fe'),
      'Grüße',
    ],
    [
      'HTML that says UTF-16 in ASCII',
      part('text/html', '7bit', '<meta charset="utf-16">ab'),
      'ab',
    ],
    [
      'HTML that says itself which charset it is in',
      part(
        'text/html',
        '8bit',
        '<meta http-equiv=x content="text/html; charset=koi8-r">\xf0\xd2\xc9',
      ),
      'При',
    ],
    ['UTF-16', part('text/plain; charset=utf-16', 'base64', '//5IAGkA'), 'Hi'],
    [
      'RFC 2152: markup in UTF-7 is text',
      part('text/html; charset=utf-7', '7bit', '+ADw-b+AD4-a+ADw-/b+AD4 +AAo-+ABs-x'),
      'a x',
    ],
  ];
  for (const [what, message, expected] of previews)
    it(what, () => assert.equal(preview(message), expected));

  it('has texts for programs, and headers of messages inside, for search', () => {
    const inside = 'Content-Type: message/rfc822\n\nSubject: =?koi8-r?q?=F0?=\n\nx';
    assert.deepEqual(parts(multipart('mixed', 'Content-Type: text/csv\n\na', inside)), [
      { kind: 'other', text: 'a' },
      { kind: 'header', text: 'П' },
      { kind: 'plain', text: 'x' },
    ]);
  });

  it('decodes no more octets than it may', () => {
    const message = octets(multipart('mixed', `\n${'a'.repeat(50)}`, `\n${'b'.repeat(100)}`));
    const texts = bodyText(message, parseMime(message), 100).map(({ text }) => text);
    assert.equal(texts.join('').length, 100);
  });

  it('what is cut off within a character is UTF-8 all the same, whatever it says it is', () => {
    for (const charset of ['utf-8', 'us-ascii', 'iso-8859-1'])
      for (const [text, shown] of [
        ['aäöü', 'aä'],
        ['é中文', 'é'],
        ['é😀', 'é'],
      ] as const)
        for (let cut = Buffer.byteLength(shown); cut < Buffer.byteLength(shown) + 2; cut += 1) {
          const body = Buffer.from(text).toString('latin1');
          const message = octets(part(`text/plain; charset=${charset}`, '8bit', body));
          assert.deepEqual(bodyText(message, parseMime(message), cut), [
            { kind: 'plain', text: shown },
          ]);
        }
  });
});
