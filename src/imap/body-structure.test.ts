import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { messageFacts } from '../mail/digest/message-facts.ts';
import { formatBody, formatBodyStructure } from './body-structure.ts';
import { formatEnvelope } from './envelope.ts';

const octets = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');

const structure = (text: string) => wire(octets(text));

function wire(message: Buffer) {
  const { digest, text } = messageFacts(message);
  return {
    envelope: formatEnvelope(digest.envelope),
    bodyStructure: formatBodyStructure(digest.body),
    body: formatBody(digest.body),
    preview: digest.preview,
    text,
  };
}

describe('BODYSTRUCTURE', () => {
  const cases: readonly (readonly [what: string, message: string, expected: string])[] = [
    [
      'RFC 2045 §5.2: no header is text in US-ASCII',
      '\nhello\nyou\n',
      '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 12 2 NIL NIL NIL NIL)',
    ],
    [
      'RFC 9051 §7.5.2: the extension data',
      `Content-Type: IMAGE/Gif; name="a b.gif"
Content-ID: <1@example.org>
Content-Description: a "picture"
Content-Transfer-Encoding: BASE64
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
Content-Disposition: attachment; filename=a.gif
Content-Language: en, de
Content-Location: http://example.org/a.gif

AAAA
`,
      '("image" "gif" ("name" "a b.gif") "<1@example.org>" "a \\"picture\\"" "base64" 6 "Q2hlY2sgSW50ZWdyaXR5IQ==" ("attachment" ("filename" "a.gif")) ("en" "de") "http://example.org/a.gif")',
    ],
    [
      'RFC 9051 §7.5.2: a multipart',
      `Content-Type: multipart/mixed; boundary=b
Content-Language: en

--b

one
--b
Content-Type: text/plain; charset=UTF-8; name=cc.diff
Content-Transfer-Encoding: base64

AAAA
--b--
`,
      '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL)("text" "plain" ("charset" "UTF-8" "name" "cc.diff") NIL NIL "base64" 4 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL ("en") NIL)',
    ],
    [
      'RFC 9051 §7.5.2: a message inside has envelope, structure and lines',
      'Content-Type: message/rfc822\n\nSubject: in\n\nhello\n',
      '("message" "rfc822" NIL NIL NIL "7bit" 22 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)',
    ],
    [
      'RFC 6532 §3.7: message/global is such a message',
      'Content-Type: message/global\n\nSubject: in\n\n',
      '("message" "global" NIL NIL NIL "7bit" 15 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)',
    ],
    [
      'RFC 2046 §5.1.5: parts of a digest are messages',
      'Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: in\n\n--b--\n',
      '(("message" "rfc822" NIL NIL NIL "7bit" 13 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) 1 NIL NIL NIL NIL) "digest" ("boundary" "b") NIL NIL NIL)',
    ],
    [
      'RFC 9051 §9: a multipart without boundaries has one part',
      'Content-Type: multipart/mixed; boundary=b\n\nhello\n',
      '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)',
    ],
    [
      'RFC 9051 §9: a message inside that is encoded has an envelope, too',
      'Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA\n',
      '("message" "rfc822" NIL NIL NIL "base64" 6 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) 1 NIL NIL NIL NIL)',
    ],
    [
      'RFC 2231 §3: continuations are put together',
      'Content-Type: a/b; x*1="b c"; x*0=a; y=1\n\n',
      '("a" "b" ("x" "ab c" "y" "1") NIL NIL "7bit" 0 NIL NIL NIL NIL)',
    ],
    [
      'RFC 2231 §4.1: and keep their charset',
      `Content-Type: a/b
Content-Disposition: attachment; title*0*=us-ascii'en'This%20is%20even%20more%20;
 title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn't it!"; filename*=utf-8''%C3%A9

`,
      `("a" "b" NIL NIL NIL "7bit" 0 NIL ("attachment" ("title*" "us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it!" "filename*" "utf-8''%C3%A9")) NIL NIL)`,
    ],
    [
      'the parameters of a disposition without a name are shown',
      'Content-Type: a/b\nContent-Disposition: ; filename=x\n\n',
      '("a" "b" NIL NIL NIL "7bit" 0 NIL ("" ("filename" "x")) NIL NIL)',
    ],
    [
      'RFC 9051 §9: where no parameter can be put together there is none',
      'Content-Type: a/b; x*1=b\n\n',
      '("a" "b" NIL NIL NIL "7bit" 0 NIL NIL NIL NIL)',
    ],
    [
      'text that is not 7-bit goes out as UTF-8',
      'Content-Type: a/b; name="\xe9"\n\n',
      '("a" "b" ("name" {2}\r\n\xc3\xa9) NIL NIL "7bit" 0 NIL NIL NIL NIL)',
    ],
  ];
  for (const [what, message, expected] of cases) {
    it(what, () => assert.equal(structure(message).bodyStructure, expected));
  }

  it('RFC 9051 §7.5.2: BODY is the same without extension data, inside too', () => {
    const message = `Content-Type: multipart/mixed; boundary=b

--b
Content-Disposition: attachment

one
--b
Content-Type: message/rfc822

Content-Language: en

x
--b--
`;
    assert.equal(
      structure(message).body,
      '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0)("message" "rfc822" NIL NIL NIL "7bit" 25 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0) 2) "mixed")',
    );
  });
});

describe('BODYSTRUCTURE, of hostile messages', () => {
  const nested = (type: (i: number) => string, depth: number): string =>
    Array.from({ length: depth }, (_, i) => type(i)).join('');

  it('bears 1,000 multiparts inside each other', () => {
    const message = nested(
      (i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`,
      1000,
    );
    const { bodyStructure } = wire(octets(`${message}\nhello\n`));
    assert.match(bodyStructure, /^\(+"text"/);
    assert.equal(bodyStructure.match(/"mixed"/g)?.length, 100);
  });

  it('bears 1,000 messages inside each other', () => {
    const message = nested(() => 'Content-Type: message/rfc822\n\n', 1000);
    const { bodyStructure } = wire(octets(`${message}Subject: in\n\nhello\n`));
    assert.equal(bodyStructure.match(/"message" "rfc822"/g)?.length, 100);
  });

  it('bears 20,000 parts', () => {
    const { body } = wire(
      octets(`Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(20_000)}--b--\n`),
    );
    assert.equal(body.match(/"text"/g)?.length, 9999);
  });

  it('bears a header of 2 MiB', () => {
    const many = `${'To: a@example.org\n'.repeat(120_000)}Subject: late\n\nhello\n`;
    assert.equal(wire(octets(many)).preview, 'hello');
    const long = `Subject: ${'x'.repeat(2 ** 21)}\nTo: a@b.c\n\nhello\n`;
    assert.equal(wire(octets(long)).preview, 'hello');
  });

  it('leaves out parameters where there is no end of them', () => {
    const header = `Content-Type: a/b; x="${'y'.repeat(900_000)}"\n\nz\n`;
    const { body } = wire(
      octets(`Content-Type: multipart/mixed; boundary=b\n\n${`--b\n${header}`.repeat(20)}--b--\n`),
    );
    assert.ok(body.length < 5 * 2 ** 20);
    assert.equal(body.match(/"a" "b"/g)?.length, 20);
  });

  it('decodes what can be decoded of broken encodings', () => {
    const part = (encoding: string, body: string) =>
      wire(
        octets(
          `Content-Type: text/plain; charset=no-such\nContent-Transfer-Encoding: ${encoding}\n\n${body}\n`,
        ),
      );
    assert.equal(part('base64', 'aGVs!!bG8').text, 'hello');
    assert.equal(part('base64', 'aGVsbG8===').text, 'hello');
    assert.equal(part('quoted-printable', 'a=ZZ=E9').text, 'a=ZZé\r\n');
    // RFC 2045 §6.4: octets of an encoding nobody knows are no text.
    assert.equal(part('no-such', 'as it is').text, '');
  });

  it('takes a bare LF for a line end and a bare CR for nothing', () => {
    const lf = wire(Buffer.from('Subject: a\nTo: b@c\n\nx\ny\n'));
    assert.match(lf.envelope, /^\(NIL "a" NIL NIL NIL \(\(NIL NIL "b" "c"\)\)/);
    assert.match(lf.body, / 4 2\)$/);
    assert.match(wire(Buffer.from('Subject: a\rTo: b@c\r\n\r\n')).envelope, /"a To: b@c"/);
  });
});
