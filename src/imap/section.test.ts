import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { parseMime } from '../mail/mime/mime.ts';
import type { MimePart } from '../mail/mime/mime-part.ts';
import type { Partial, Section } from './command.ts';
import { finishSection, locateSection, rangeToRead } from './section.ts';

const octets = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');

/** `1.2.MIME`, `HEADER.FIELDS (a b)`. */
function section(text: string): Section {
  const [, numbers, word, fields] = /^((?:\d+\.?)*)([A-Z.]*)(?: \((.*)\))?$/.exec(text)!;
  return {
    part: numbers === '' ? [] : numbers!.replace(/\.$/, '').split('.').map(Number),
    text: word === '' ? undefined : (word as Section['text']),
    fields: fields?.split(' ') ?? [],
  };
}

/** As FETCH finds, reads and cuts it. */
function sectionOf(message: Uint8Array, root: MimePart, what: Section, partial?: Partial) {
  const located = locateSection(root, what);
  if (located === undefined) return undefined;
  const { start, end } = rangeToRead(located, partial);
  return finishSection(message.subarray(start, end), located, partial);
}

function fetch(message: Buffer, text: string, offset?: number, length?: number) {
  const partial = offset === undefined ? undefined : { offset, length: length! };
  const found = sectionOf(message, parseMime(message), section(text), partial);
  return found && Buffer.from(found).toString('latin1').replaceAll('\r\n', '\n');
}

// RFC 9051 §6.4.5.1: the example of a complex message.
const complex = octets(`Subject: all
Content-Type: multipart/mixed; boundary=a

preamble
--a

one
--a
Content-Type: application/octet-stream

two
--a
Content-Type: message/rfc822
X-Part: 3

Subject: three
Content-Type: multipart/mixed; boundary=b

--b

three one
--b
Content-Type: application/octet-stream

three two
--b--
--a
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: image/gif

four one
--c
Content-Type: message/rfc822

Subject: four two
Content-Type: multipart/mixed; boundary=d

--d

four two one
--d
Content-Type: multipart/alternative; boundary=e

--e

four two two one
--e
Content-Type: text/richtext

four two two two
--e--
--d--
--c--
--a--
`);

describe('sections of a message', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['HEADER', 'Subject: all\nContent-Type: multipart/mixed; boundary=a\n\n'],
    ['1', 'one'],
    ['1.MIME', '\n'],
    ['2', 'two'],
    ['2.MIME', 'Content-Type: application/octet-stream\n\n'],
    ['3.MIME', 'Content-Type: message/rfc822\nX-Part: 3\n\n'],
    ['3.HEADER', 'Subject: three\nContent-Type: multipart/mixed; boundary=b\n\n'],
    ['3.HEADER.FIELDS (subject)', 'Subject: three\n\n'],
    ['3.TEXT', '--b\n\nthree one\n--b\nContent-Type: application/octet-stream\n\nthree two\n--b--'],
    ['3.1', 'three one'],
    ['3.2', 'three two'],
    ['3.3', undefined],
    ['4.1', 'four one'],
    ['4.1.MIME', 'Content-Type: image/gif\n\n'],
    ['4.2.HEADER', 'Subject: four two\nContent-Type: multipart/mixed; boundary=d\n\n'],
    ['4.2.1', 'four two one'],
    ['4.2.2.1', 'four two two one'],
    ['4.2.2.2', 'four two two two'],
    ['4.2.2.2.1', undefined],
    ['5', undefined],
    ['0', undefined],
    ['1.1', undefined],
    ['1.HEADER', undefined],
    ['4.TEXT', undefined],
    ['MIME', undefined],
  ];
  for (const [what, expected] of cases) {
    it(`RFC 9051 §6.4.5.1: ${what} of a complex message`, () =>
      assert.equal(fetch(complex, what), expected));
  }

  it('RFC 9051 §6.4.5.1: a whole part of type message is the message inside', () => {
    assert.equal(fetch(complex, '3'), `${fetch(complex, '3.HEADER')}${fetch(complex, '3.TEXT')}`);
  });

  it('RFC 9051 §6.4.5.1: a message that is no multipart has a part 1', () => {
    const message = octets('Content-Type: text/plain\n\nhello\n');
    assert.equal(fetch(message, '1'), 'hello\n');
    assert.equal(fetch(message, '1.MIME'), 'Content-Type: text/plain\n\n');
    assert.equal(fetch(message, '2'), undefined);
    assert.equal(fetch(message, '1.1'), undefined);
    assert.equal(fetch(message, '1.TEXT'), undefined);
  });

  it('RFC 9051 §6.4.5.1: a message inside that is no multipart has a part 1, too', () => {
    const message = octets('Content-Type: message/rfc822\n\nSubject: in\n\nhello\n');
    assert.equal(fetch(message, '1'), 'Subject: in\n\nhello\n');
    assert.equal(fetch(message, '1.HEADER'), 'Subject: in\n\n');
    assert.equal(fetch(message, '1.1'), 'hello\n');
    assert.equal(fetch(message, '1.1.MIME'), 'Subject: in\n\n');
    assert.equal(fetch(message, '1.1.1'), undefined);
  });

  it('a multipart without boundaries has one part: all there is', () => {
    const message = octets('Content-Type: multipart/mixed; boundary=x\n\nhello\n');
    assert.equal(fetch(message, '1'), 'hello\n');
    assert.equal(fetch(message, '1.MIME'), '');
    assert.equal(fetch(message, '2'), undefined);
  });

  const fields = octets('From: a\nX-A: 1\n folded\nto : b\nx-a: 2\n\nbody\n');
  it('RFC 9051 §6.4.5.1: HEADER.FIELDS has the octets as they are, in their order', () => {
    assert.equal(
      fetch(fields, 'HEADER.FIELDS (To X-A Bcc)'),
      'X-A: 1\n folded\nto : b\nx-a: 2\n\n',
    );
    assert.equal(fetch(fields, 'HEADER.FIELDS (none)'), '\n');
    assert.equal(fetch(fields, 'HEADER.FIELDS.NOT (X-A)'), 'From: a\nto : b\n\n');
  });

  it('RFC 9051 §6.4.5.1: an empty line ends them unless there is neither one nor a body', () => {
    assert.equal(fetch(octets('A: 1\nB: 2\n'), 'HEADER.FIELDS (A)'), 'A: 1\n');
    assert.equal(fetch(octets('A: 1\nno field\n'), 'HEADER.FIELDS (A)'), 'A: 1\n\n');
    assert.equal(fetch(octets('A: 1\n\n'), 'HEADER.FIELDS (A)'), 'A: 1\n\n');
    assert.equal(fetch(octets(''), 'HEADER.FIELDS (A)'), '');
  });

  it('RFC 9051 §6.4.5: a partial fetch is cut at the end, and empty beyond it', () => {
    assert.equal(fetch(complex, '1', 0, 2), 'on');
    assert.equal(fetch(complex, '1', 1, 100), 'ne');
    assert.equal(fetch(complex, '1', 3, 1), '');
    assert.equal(fetch(complex, '1', 4_294_967_295, 4_294_967_295), '');
  });

  it('RFC 9051 §6.4.5: a partial fetch of header fields counts what was chosen', () => {
    assert.equal(fetch(fields, 'HEADER.FIELDS (to x-a)', 5, 4), '1\n ');
  });

  it('reads no more of a message than it needs', () => {
    const root = parseMime(complex);
    const located = locateSection(root, section('4.1'))!;
    const read = complex.subarray(located.start, located.end);
    assert.equal(finishSection(read, located, undefined), read);
    assert.equal(read.toString(), 'four one');
  });

  const line = fc.constantFrom(
    'Content-Type: multipart/mixed; boundary=b',
    'Content-Type: multipart/digest; boundary=c',
    'Content-Type: message/rfc822',
    'Subject: x',
    'From a@b',
    '',
    'text',
    '--b',
    '--c',
    '--b--',
  );
  const message = fc
    .array(fc.tuple(line, fc.constantFrom('\r\n', '\n', '\r')), { maxLength: 25 })
    .map((lines) => Buffer.from(lines.flat().join('')));
  const paths = ['1', '2', '1.1', '1.2', '2.1', '1.1.1', '2.1.1'];

  it('header and text of any message are the message', () => {
    fc.assert(
      fc.property(message, (bytes) => {
        const root = parseMime(bytes);
        const get = (what: string) => sectionOf(bytes, root, section(what))!;
        assert.deepEqual(Buffer.concat([get('HEADER'), get('TEXT')]), bytes);
        assert.deepEqual(Buffer.from(get('')), bytes);
      }),
    );
  });

  it('partial fetches of any section are the section, put together', () => {
    const sections = fc.constantFrom('', 'HEADER', 'TEXT', 'HEADER.FIELDS.NOT (from)', ...paths);
    fc.assert(
      fc.property(message, sections, fc.integer({ min: 1, max: 9 }), (bytes, what, length) => {
        const root = parseMime(bytes);
        const whole = sectionOf(bytes, root, section(what));
        if (whole === undefined) return;
        const pieces: Uint8Array[] = [];
        for (let offset = 0; offset <= whole.length; offset += length) {
          pieces.push(sectionOf(bytes, root, section(what), { offset, length })!);
        }
        assert.deepEqual(Buffer.concat(pieces), Buffer.from(whole));
      }),
    );
  });

  it('fields chosen and fields left are all the fields', () => {
    fc.assert(
      fc.property(message, (bytes) => {
        const root = parseMime(bytes);
        const get = (what: string) => sectionOf(bytes, root, section(what))!.length;
        const both = get('HEADER.FIELDS (subject)') + get('HEADER.FIELDS.NOT (subject)');
        const [all, none] = [get('HEADER.FIELDS.NOT (y)'), get('HEADER.FIELDS (y)')];
        assert.equal(both, all + none);
      }),
    );
  });
});
