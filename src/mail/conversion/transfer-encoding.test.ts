import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { decodeBase64 } from '../mime/base64.ts';
import { parseMime } from '../mime/mime.ts';
import type { MimePart } from '../mime/mime-part.ts';
import { decodeQuotedPrintable } from '../mime/quoted-printable.ts';
import { convertContent, type HopContent, has8Bit } from './transfer-encoding.ts';

/** Content that is read in pieces of `size` octets. */
function source(bytes: Buffer, size = 7) {
  return {
    size: bytes.length,
    async *read(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    },
  };
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(pieces));
}

/** The converted message, or undefined when it must not be converted. */
async function convert(
  message: Buffer,
  target: HopContent = '7bit',
  options: { breakSignatures?: boolean; size?: number } = {},
): Promise<Buffer | undefined> {
  const conversion = await convertContent(source(message, options.size), target, options);
  if (conversion.kind !== 'converted') return undefined;
  const converted = await collect(conversion.read());
  assert.equal(converted.length, conversion.size);
  assert.deepEqual(await collect(conversion.read()), converted);
  return converted;
}

/** What the leaves mean, in order, with their media types. */
function leaves(message: Buffer, part: MimePart = parseMime(message)): readonly string[] {
  if (part.message !== undefined) return ['message', ...leaves(message, part.message)];
  const { type, subtype } = part.contentType;
  if (type === 'multipart') return [subtype, ...part.children.flatMap((c) => leaves(message, c))];
  const body = message.subarray(part.bodyStart, part.bodyEnd);
  const decoded =
    part.encoding === 'base64'
      ? decodeBase64(body)
      : part.encoding === 'quoted-printable'
        ? decodeQuotedPrintable(body)
        : body;
  return [`${type}/${subtype} ${decoded.toString('latin1')}`];
}

const lines = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');

function assertFits(message: Buffer, target: HopContent): void {
  if (target === '7bit') assert.equal(has8Bit(message), false);
  for (const line of message.toString('latin1').split(/\r?\n/)) assert.ok(line.length <= 998);
}

const check = (title: string, message: string, expected: string | undefined, target?: HopContent) =>
  it(title, async () => {
    const converted = await convert(lines(message), target);
    assert.equal(converted?.toString('latin1').replaceAll('\r', ''), expected);
  });

describe('convertContent', () => {
  check(
    'what fits is left alone, whatever its label',
    'Content-Transfer-Encoding: 8bit\n\na\n',
    'Content-Transfer-Encoding: 8bit\n\na\n',
  );
  const longest = `X: ${'ab '.repeat(331)}ab`;
  assert.equal(longest.length, 998);
  check(
    'RFC 5322 §2.1.1: a field of 998 octets stays as it is where its header is written anew',
    `MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\n${longest}\n\nun petit caf\xe9 noir\n`,
    `MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\n${longest}\nContent-Transfer-Encoding: quoted-printable\n\nun petit caf=E9 noir\n`,
  );
  check(
    'RFC 6152 §3: 8-bit text becomes quoted-printable',
    "MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\nSubject: x\n\nun petit caf\xe9 noir, s'il vous pla\xeet\n",
    "MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nSubject: x\nContent-Transfer-Encoding: quoted-printable\n\nun petit caf=E9 noir, s'il vous pla=EEt\n",
  );
  check(
    'text of mostly 8-bit octets becomes base64',
    'MIME-Version: 1.0\nContent-Type: text/plain; charset=koi8-r\n\n\xc1\xc2\xc3\n',
    'MIME-Version: 1.0\nContent-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n\nwcLDDQo=\n',
  );
  check(
    'RFC 1428 §3: without MIME fields it gets them',
    'Subject: x\n\nabcdefghij\xe9\n',
    'Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\nabcdefghij=E9\n',
  );
  check(
    'without MIME fields UTF-8 is called that',
    'Subject: x\n\nabcdefghijklm\xc3\xa9\n',
    'Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nabcdefghijklm=C3=A9\n',
  );
  check(
    'only the parts that do not fit are touched; the labels around them follow',
    'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\npre\xe4mble\n--b\nContent-Type: text/plain\n\n7bit  stays \n--b\nContent-Type: image/png\nContent-Transfer-Encoding: 8bit\n\n\xff\xfe\n--b--\n',
    'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 7bit\n\npre?mble\n--b\nContent-Type: text/plain\n\n7bit  stays \n--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n//4=\n--b--\n',
  );
  check(
    'text behind a header without its empty line does not become part of it',
    'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\xe9: x\n--b\n\na\n--b--\n',
    'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n?: x\n--b\n\na\n--b--\n',
  );
  check(
    'RFC 2045 §6.4: in a message inside, not around it',
    'MIME-Version: 1.0\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: x\n\nabcdefghij\xe9\n',
    'MIME-Version: 1.0\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\nSubject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\nabcdefghij=E9\n',
  );
  check(
    'raw 8-bit header fields become encoded words',
    'Subject: caf\xe9\nTo: J\xf6rg <j@x>\n\nbody\n',
    'Subject: =?utf-8?Q?caf=C3=A9?=\nTo: =?utf-8?Q?J=C3=B6rg?= <j@x>\nMIME-Version: 1.0\n\nbody\n',
  );
  check('a raw 8-bit local part has no 7-bit form', 'To: j\xf6rg@x\n\nbody\n', undefined);
  check(
    'what is labelled as quoted-printable is not encoded twice',
    'MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\ncaf=E9 caf\xe9 =\nx\n',
    'MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\ncaf=E9 caf=E9 =\nx\n',
  );
  check(
    'a line that is broken leaves no dot alone on the next',
    `MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\n${'x'.repeat(991)}.\n${'x'.repeat(999)}\n`,
    `MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\n${'x'.repeat(991)}=\n=2E\n${'x'.repeat(991)}=\n${'x'.repeat(8)}\n`,
  );
  check(
    'what is labelled as base64 is not encoded twice',
    'MIME-Version: 1.0\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n//\xe94=\n',
    'MIME-Version: 1.0\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n//4=\n',
  );
  check(
    'RFC 3030 §3: binary for a hop that takes lines of 8-bit text',
    'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: binary\n\n--b\nContent-Type: text/plain\nContent-Transfer-Encoding: binary\n\nna\xefve\n--b\nContent-Type: image/png\nContent-Transfer-Encoding: binary\n\n\0\xff\n--b--\n',
    'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\n--b\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\nna\xefve\n--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nAP8=\n--b--\n',
    '8bit',
  );
  check(
    'RFC 2046 §5.2.2: message/partial is 7bit or nothing',
    'Content-Type: message/partial\n\n\xe9',
    undefined,
  );
  check(
    'a multipart without parts cannot be encoded',
    'Content-Type: multipart/mixed\n\n\xe9',
    undefined,
  );

  it('RFC 6376 §3.5: a signed message is not changed, unless that is wanted', async () => {
    const dkim = lines('DKIM-Signature: v=1\n\nabcdefghij\xe9\n');
    assert.equal(await convert(dkim), undefined);
    assert.match(String(await convert(dkim, '7bit', { breakSignatures: true })), /abcdefghij=E9/);
    const fits = lines('DKIM-Signature: v=1\n\nabc\n');
    assert.deepEqual(await convert(fits), fits);
  });

  it('RFC 1847 §2.1: inside multipart/signed nothing is changed, around it things are', async () => {
    const inside = (octet: string) =>
      `Content-Type: multipart/signed; boundary=s\n\n--s\nContent-Transfer-Encoding: 8bit\n\nabcdefghij${octet}\n--s\n\nsig\n--s--\n`;
    const around = (octet: string, signed: string) =>
      lines(
        `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\n\nabcdefghij${octet}\n--m\n${signed}--m--\n`,
      );
    assert.equal(await convert(lines(`MIME-Version: 1.0\n${inside('\xe9')}`)), undefined);
    assert.equal(await convert(around('k', inside('\xe9'))), undefined);
    const converted = await convert(around('\xe9', inside('k')));
    assert.ok(converted!.includes(lines(inside('k').trimEnd())));
  });

  it('keeps nothing in memory when it is large', async () => {
    const header = 'MIME-Version: 1.0\r\nContent-Type: image/png\r\n\r\n';
    const body = Buffer.alloc(2 ** 20, '\xff\0\xe9x', 'latin1');
    const message = Buffer.concat([Buffer.from(header), body]);
    const converted = await convert(message, '8bit', { size: 60_000 });
    assert.deepEqual(leaves(converted!), leaves(message));
    assertFits(converted!, '7bit');
  });
});

const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r\n',
        '\n',
        '\r',
        '=',
        ' ',
        '.',
        '\0',
        '\xe9',
        '--a',
        'x'.repeat(73),
        'y'.repeat(999),
      ),
      fc.stringMatching(/^[ -~]{0,30}$/),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));
const leaf = fc
  .tuple(
    fc.constantFrom('', 'Content-Type: text/plain; charset=x\n', 'Content-Type: image/png\n'),
    fc.constantFrom('', '8bit', 'binary', '7bit', 'base64', 'quoted-printable', 'x-what'),
    fc.constantFrom('', 'Content-Description: caf\xe9\n', `X: ${'z '.repeat(600)}\n`),
    text,
  )
  .map(([type, encoding, extra, body]) => {
    const label = encoding === '' ? '' : `Content-Transfer-Encoding: ${encoding}\n`;
    return `${(type + label + extra).replaceAll('\n', '\r\n')}\r\n${body}`;
  });
const { entity } = fc.letrec<{ entity: string }>((tie) => ({
  entity: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    tie('entity').map((inner) => `Content-Type: message/rfc822\r\n\r\n${inner}`),
    fc
      .tuple(
        fc.constantFrom('a', 'ab', 'a-'),
        fc.array(tie('entity'), { minLength: 1, maxLength: 3 }),
        text,
      )
      .map(([boundary, parts, preamble]) =>
        [
          `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n${preamble}`,
          ...parts.map((part) => `\r\n--${boundary}\r\n${part}`),
          `\r\n--${boundary}--\r\n`,
        ].join(''),
      ),
  ),
}));

describe('convertContent on any message', () => {
  for (const target of ['7bit', '8bit'] as const) {
    it(`${target}: it fits, and every part decodes to the octets it had`, async () => {
      await fc.assert(
        fc.asyncProperty(entity, fc.integer({ min: 1, max: 2000 }), async (written, size) => {
          const message = Buffer.from(written, 'latin1');
          const converted = await convert(message, target, { size });
          if (converted === undefined) return;
          assertFits(converted, target);
          assert.deepEqual(leaves(converted), leaves(message));
          assert.deepEqual(await convert(converted, target), converted);
        }),
        { numRuns: 120 },
      );
    });
  }
});
