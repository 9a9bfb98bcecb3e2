import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { fc } from '../../base/test-properties.ts';
import { findHeaderEnd } from '../header/header.ts';
import { parseMime } from './mime.ts';
import type { MimePart } from './mime-part.ts';
import { mimeLimits } from './mime-part.ts';
import { MimeScanner } from './mime-scanner.ts';

const octets = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');

/** The tree as text: `type/subtype "body"`, parts in brackets, messages in braces. */
function show(message: Buffer, part: MimePart = parseMime(message)): string {
  const { type, subtype } = part.contentType;
  if (part.message !== undefined) return `${type}/${subtype} {${show(message, part.message)}}`;
  if (part.children.length > 0) {
    return `${type}/${subtype} [${part.children.map((child) => show(message, child)).join(', ')}]`;
  }
  const body = message.toString('latin1', part.bodyStart, part.bodyEnd).replaceAll('\r', '');
  return `${type}/${subtype} ${JSON.stringify(body)}`;
}

const mixed = (boundary: string): string =>
  `Content-Type: multipart/mixed; boundary="${boundary}"\n`;

describe('parseMime', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['an empty message', '', 'text/plain ""'],
    ['plain text', 'Subject: x\n\na\nb\n', 'text/plain "a\\nb\\n"'],
    [
      'RFC 2045 §5.2: a type that cannot be read is text',
      'Content-Type: html\n\na',
      'text/plain "a"',
    ],
    ['the first Content-Type counts', 'Content-Type: a/b\nContent-Type: c/d\n\n', 'a/b ""'],
    [
      'RFC 2046 §5.1.1: the example',
      'Content-Type: multipart/mixed; boundary="simple boundary"\n\npreamble\n--simple boundary\n\nimplicitly typed\n--simple boundary\nContent-type: text/plain; charset=us-ascii\n\nends with\n\n--simple boundary--\n\nepilogue\n',
      'multipart/mixed [text/plain "implicitly typed", text/plain "ends with\\n"]',
    ],
    [
      'RFC 2046 §5.1.1: padding behind boundaries',
      `${mixed('b')}\n--b \t\n\na\n--b--  \n`,
      'multipart/mixed [text/plain "a"]',
    ],
    ['no final boundary', `${mixed('b')}\n--b\n\na\n`, 'multipart/mixed [text/plain "a\\n"]'],
    [
      'no boundary parameter',
      'Content-Type: multipart/mixed\n\n--b\n\na',
      'multipart/mixed "--b\\n\\na"',
    ],
    ['no boundary line', `${mixed('b')}\nabc\n`, 'multipart/mixed "abc\\n"'],
    [
      'parts behind the final boundary',
      `${mixed('b')}\n--b\n\na\n--b--\n--b\n\nc\n`,
      'multipart/mixed [text/plain "a"]',
    ],
    [
      'a boundary that begins with another one',
      `${mixed('b')}\n--b\n${mixed('bb')}\n--bb\n\na\n--bb\n\nc\n--bb--\n--b\n\nd\n--b--\n`,
      'multipart/mixed [multipart/mixed [text/plain "a", text/plain "c"], text/plain "d"]',
    ],
    [
      'RFC 2046 §5.1.2: an outer boundary ends inner parts',
      `${mixed('o')}\n--o\n${mixed('i')}\n--i\n\na\n--o\n\nc\n--o--\n`,
      'multipart/mixed [multipart/mixed [text/plain "a"], text/plain "c"]',
    ],
    [
      'the same boundary inside and outside: the inner one counts',
      `${mixed('b')}\n--b\n${mixed('b')}\n--b\n\na\n--b--\n--b\n\nc\n--b--\n`,
      'multipart/mixed [multipart/mixed [text/plain "a"], text/plain "c"]',
    ],
    [
      'a part without header or body',
      `${mixed('b')}\n--b\n--b\n\n--b\n\n\n--b--`,
      'multipart/mixed [text/plain "", text/plain "", text/plain ""]',
    ],
    [
      'a header that runs into a boundary',
      `${mixed('b')}\n--b\nContent-Type: a/b\n--b\n\nc\n--b--\n`,
      'multipart/mixed [a/b "", text/plain "c"]',
    ],
    [
      'a header without its empty line',
      `${mixed('b')}--b\nContent-Type: a/b\nno field\n--b--\n`,
      'multipart/mixed [a/b "no field"]',
    ],
    [
      'a line that is no field in the header of a message and of a part',
      `From: x\nno field\n${mixed('b')}\n--b\nno field\nContent-Type: a/b\n\nc\n--b--\n`,
      'multipart/mixed [a/b "c"]',
    ],
    [
      'what the header of one part has is nothing to the next one',
      `${mixed('b')}\n--b\nSubject: x\nno field\nTo: y\n\na\n--b\nno field\nSubject: x\n\nc\n--b--\n`,
      'multipart/mixed [text/plain "a", text/plain "c"]',
    ],
    [
      'text where a header should be, between boundaries',
      `${mixed('b')}\n--b\nsome\ntext\n--b\nContent-Type: a/b\n\nc\n--b--\n`,
      'multipart/mixed [text/plain "some\\ntext", a/b "c"]',
    ],
    [
      'a message inside without a header',
      'Content-Type: message/rfc822\n\nsome\ntext\n\nmore\n',
      'message/rfc822 {text/plain "some\\ntext\\n\\nmore\\n"}',
    ],
    [
      'RFC 2046 §5.1.5: parts of a digest are messages',
      'Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\na\n--b\nContent-Type: text/x\n\nc\n--b--\n',
      'multipart/digest [message/rfc822 {text/plain "a"}, text/x "c"]',
    ],
    [
      'RFC 2046 §5.2.1: a message inside',
      `Content-Type: message/rfc822\n\n${mixed('b')}\n--b\n\na\n--b--\n`,
      'message/rfc822 {multipart/mixed [text/plain "a"]}',
    ],
    [
      'an encoded message is opaque',
      'Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdA==\n',
      'message/rfc822 "U3ViamVjdA==\\n"',
    ],
    [
      'a message in a message that ends at once',
      'Content-Type: message/rfc822\n\n',
      'message/rfc822 {text/plain ""}',
    ],
  ];
  for (const [title, message, expected] of cases) {
    it(title, () => assert.equal(show(octets(message)), expected));
  }

  it('LF alone, and mixed line ends', () => {
    const message = Buffer.from(`${mixed('b')}\n--b\n\na\r\nc\n--b\r\n\r\nd\r\n--b--\n`);
    assert.equal(show(message), 'multipart/mixed [text/plain "a\\nc", text/plain "d"]');
  });

  it('counts lines and octets as IMAP shows them', () => {
    const message = octets(`${mixed('b')}\n--b\n\na\nc\n--b\n\n\nd\n\n--b--\n`);
    const [first, second] = parseMime(message).children;
    assert.deepEqual([first!.lines, first!.bodyEnd - first!.bodyStart], [1, 4]);
    assert.deepEqual([second!.lines, second!.bodyEnd - second!.bodyStart], [2, 5]);
    assert.equal(parseMime(message).lines, 10);
  });

  it('reads what the header says of a part', () => {
    const part = parseMime(
      octets(
        'Content-Type: Text/HTML; Charset="utf-8"\nContent-Transfer-Encoding: BASE64 (x)\nContent-ID: <1@x>\nContent-Disposition: attachment;\n filename*=utf-8\'\'%C3%A9\nContent-Description: a thing\nContent-MD5: Q2hlY2s=\nContent-Language: de, en\nContent-Location: http://x/\n\n',
      ),
    );
    assert.equal(`${part.contentType.type}/${part.contentType.subtype}`, 'text/html');
    assert.equal(part.contentType.params.get('charset'), 'utf-8');
    assert.deepEqual(part.contentType.rawParams, [{ name: 'Charset', value: 'utf-8' }]);
    assert.equal(part.encoding, 'base64');
    assert.equal(part.disposition?.params.get('filename'), 'é');
    assert.deepEqual(
      [part.id, part.description, part.md5, part.location, part.language],
      ['<1@x>', 'a thing', 'Q2hlY2s=', 'http://x/', ['de', 'en']],
    );
  });

  it('bounds depth: 1,000 multiparts in each other', () => {
    const nested = Array.from({ length: 1000 }, (_, i) => `${mixed(`b${i}`)}\n--b${i}\n`).join('');
    let depth = 0;
    let part: MimePart | undefined = parseMime(octets(`${nested}\na`));
    for (; part !== undefined; part = part.children[0]) depth += 1;
    assert.equal(depth, mimeLimits.depthMax);
    let messages = 0;
    part = parseMime(octets('Content-Type: message/rfc822\n\n'.repeat(1000)));
    for (; part !== undefined; part = part.message) messages += 1;
    assert.equal(messages, mimeLimits.depthMax);
  });

  it('bounds parts: what is beyond belongs to the last', () => {
    const message = octets(`${mixed('b')}\n${'--b\n\na\n'.repeat(20_000)}--b--\n`);
    const { children } = parseMime(message);
    assert.equal(children.length, mimeLimits.partsMax - 1);
    assert.ok(children.at(-1)!.bodyEnd > message.length - 20);
  });

  it('finds the body behind a header of 2 MiB', () => {
    const message = octets(`${'A: b\n'.repeat(400_000)}${mixed('b')}\n--b\n\na\n--b--\n`);
    assert.equal(parseMime(message).bodyStart, findHeaderEnd(message));
    const line = octets(`A: ${'b'.repeat(2 ** 21)}\n\nbody`);
    assert.equal(parseMime(line).bodyStart, line.length - 4);
  });
});

const pieces = fc.constantFrom(
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '--a',
  '--ab',
  '--a--',
  '-',
  ' ',
  'x',
  'x: y',
  'x y\r\n',
  'To: z\r\n',
  'Subject: z\r\n',
  'Content-Type: multipart/mixed; boundary=a\r\n',
  'Content-Type: multipart/digest; boundary=ab\r\n',
  'Content-Type: message/rfc822\r\n',
);
const message = fc
  .array(pieces, { maxLength: 60 })
  .map((parts) => Buffer.from(`Content-Type: multipart/mixed; boundary=a\r\n${parts.join('')}`));

describe('parseMime on any octets', () => {
  it('parts lie inside their parents, one behind the other', () => {
    const check = (part: MimePart, start: number, end: number): void => {
      const { headerStart, bodyStart, bodyEnd } = part;
      assert.ok(start <= headerStart && headerStart <= bodyStart);
      assert.ok(bodyStart <= bodyEnd && bodyEnd <= end);
      let from = bodyStart;
      for (const child of part.children) {
        check(child, from, bodyEnd);
        from = child.bodyEnd;
      }
      if (part.message === undefined) return;
      assert.equal(part.message.headerStart, bodyStart);
      assert.equal(part.message.bodyEnd, bodyEnd);
      check(part.message, bodyStart, bodyEnd);
    };
    fc.assert(
      fc.property(message, (bytes) => {
        const part = parseMime(bytes);
        assert.equal(part.bodyStart, findHeaderEnd(bytes));
        assert.equal(part.bodyEnd, bytes.length);
        check(part, 0, bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  it('where each header ends is what findHeaderEnd says of it', () => {
    const check = (bytes: Buffer, part: MimePart): void => {
      const { headerStart, bodyStart, bodyEnd, children } = part;
      if (bodyEnd > bodyStart)
        assert.equal(findHeaderEnd(bytes.subarray(headerStart, bodyEnd)), bodyStart - headerStart);
      for (const child of children) check(bytes, child);
      if (part.message !== undefined) check(bytes, part.message);
    };
    fc.assert(
      fc.property(message, (bytes) => check(bytes, parseMime(bytes))),
      { numRuns: 500 },
    );
  });

  it('counts exactly the line feeds of each body', () => {
    const check = (bytes: Buffer, part: MimePart): void => {
      const body = bytes.toString('latin1', part.bodyStart, part.bodyEnd);
      assert.equal(part.lines, body.split('\n').length - 1);
      for (const child of part.children) check(bytes, child);
      if (part.message !== undefined) check(bytes, part.message);
    };
    fc.assert(
      fc.property(message, (bytes) => check(bytes, parseMime(bytes))),
      { numRuns: 500 },
    );
  });

  it('how the octets are cut does not matter', () => {
    const cut = fc.tuple(message, fc.array(fc.nat(40), { minLength: 1, maxLength: 20 }));
    const options = { ...mimeLimits, measure: true };
    fc.assert(
      fc.property(cut, fc.boolean(), ([bytes, sizes], long) => {
        const whole = long ? Buffer.concat([bytes, Buffer.alloc(3000, 'x'), bytes]) : bytes;
        const scanner = new MimeScanner(options);
        for (let at = 0, i = 0; at < whole.length; i += 1) {
          const size = (long ? 300 : 1) + sizes[i % sizes.length]!;
          scanner.push(whole.subarray(at, at + size));
          at += size;
        }
        const once = new MimeScanner(options);
        once.push(whole);
        assert.deepEqual(scanner.end(), once.end());
      }),
    );
  });

  it('is linear on hostile input', () => {
    for (const hostile of [
      '--a\n',
      '--',
      '-',
      '\r',
      'a:\n',
      ' ',
      '--a\n--a--\n',
      'Content-Type: message/rfc822\n\n',
    ]) {
      assertLinear(
        parseMime,
        (times) => Buffer.from(`${mixed('a')}\n${hostile.repeat(times)}`),
        1_000,
      );
    }
  });
});
