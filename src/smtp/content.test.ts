import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import type { ContentRules } from './content.ts';
import { ContentReader } from './content.ts';
import { defaultLimits } from './limits.ts';
import { replies, textLineTooLong } from './reply.ts';

const rules = (options: Partial<ContentRules> = {}): ContentRules => ({
  framing: 'dots',
  bareNewlines: 'refuse',
  limits: defaultLimits,
  ...options,
});

interface Read {
  readonly reader: ContentReader;
  readonly content: string;
  /** What came after the end of data. */
  readonly rest: string;
}

/** Reads these pieces as a session would. */
function read(pieces: readonly string[], options?: Partial<ContentRules>): Read {
  const reader = new ContentReader(rules(options));
  let content = '';
  let rest = '';
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1');
    let at = 0;
    for (;;) {
      const part = reader.read(bytes, at);
      at = reader.at;
      if (part === undefined) break;
      content += Buffer.from(part).toString('latin1');
    }
    rest += bytes.toString('latin1', at);
  }
  return { reader, content, rest };
}

const everyCut = (text: string): readonly (readonly string[])[] => [
  [text],
  [...text],
  ...Array.from(text, (_, at) => [text.slice(0, at), text.slice(at)]),
];

describe('smtp/content', () => {
  const table: readonly (readonly [string, string, string])[] = [
    ['.\r\n', '', ''],
    ['.\r\nQUIT\r\n', '', 'QUIT\r\n'],
    ['a\r\n.\r\n', 'a\r\n', ''],
    ['a\r\n\r\n.\r\n', 'a\r\n\r\n', ''],
    ['..\r\n.\r\n', '.\r\n', ''],
    ['...\r\n.\r\n', '..\r\n', ''],
    ['.a\r\n..b\r\n.\r\nX', 'a\r\n.b\r\n', 'X'],
    ['a.\r\n.\r\n', 'a.\r\n', ''],
    ['a\r\n.b\r\n.\r\n', 'a\r\nb\r\n', ''],
  ];
  for (const [wire, content, rest] of table)
    it(`RFC 5321 §4.5.2: reads ${JSON.stringify(wire)}, however it is cut`, () => {
      for (const pieces of everyCut(wire)) {
        const found = read(pieces);
        assert.deepEqual([found.content, found.rest], [content, rest]);
        assert.equal(found.reader.ended, true);
        assert.equal(found.reader.refusal, undefined);
        assert.equal(found.reader.bytes, content.length);
      }
    });

  it('RFC 5321 §4.5.3.1.6: a line with a dot in front is counted from its own beginning', () => {
    const limits = { ...defaultLimits, textLine: 10 };
    for (const pieces of everyCut('abcdefgh\r\n..abcdef\r\n.\r\n')) {
      const { reader, content } = read(pieces, { limits });
      assert.deepEqual([reader.refusal, content], [undefined, 'abcdefgh\r\n.abcdef\r\n']);
    }
  });

  const smuggling: readonly (readonly [string, string])[] = [
    ['CVE-2023-51764 (Postfix): <LF>.<CR><LF> does not end the data', 'a\n.\r\nMAIL\r\n.\r\n'],
    ['CVE-2023-51765 (Sendmail): <CR><LF>.<LF> does not end the data', 'a\r\n.\nMAIL\r\n.\r\n'],
    ['CVE-2023-51766 (Exim): <LF>.<LF> does not end the data', 'a\n.\nMAIL\r\n.\r\n'],
    ['CVE-2023-51764: <CR>.<CR><LF> does not end the data', 'a\r.\r\nMAIL\r\n.\r\n'],
    ['CVE-2023-51765: <CR><LF>.<CR> does not end the data', 'a\r\n.\rMAIL\r\n.\r\n'],
    ['CVE-2023-51766: <CR>.<CR> does not end the data', 'a\r.\rMAIL\r\n.\r\n'],
    ['CVE-2023-51764: <CR><CR><LF>.<CR><CR><LF> does not end it', 'a\r\r\n.\r\r\nMAIL\r\n.\r\n'],
    ['CVE-2023-51766: <LF><CR>.<CR><LF> does not end the data', 'a\n\r.\r\nMAIL\r\n.\r\n'],
    ['CVE-2023-51765: <CR><LF><NUL>.<CR><LF> with a bare <LF>', 'a\r\n\0.\r\n\nMAIL\r\n.\r\n'],
  ];
  for (const [title, wire] of smuggling) {
    it(`${title}, and is refused with 550 5.6.11`, () => {
      for (const pieces of everyCut(wire)) {
        const { reader, content, rest } = read(pieces);
        assert.equal(reader.ended, true);
        assert.equal(rest, '');
        assert.equal(reader.refusal, replies.bareNewline);
        assert.doesNotMatch(content, /MAIL/);
      }
    });

    it(`${title}, and leaves as CRLF when a listener normalises`, () => {
      const whole = read([wire], { bareNewlines: 'normalise' }).content;
      for (const pieces of everyCut(wire)) {
        const { reader, content, rest } = read(pieces, { bareNewlines: 'normalise' });
        assert.deepEqual([reader.ended, reader.refusal, rest], [true, undefined, '']);
        assert.equal(content, whole);
        assert.doesNotMatch(content.replaceAll('\r\n', ''), /[\r\n]/);
        assert.match(content, /MAIL\r\n$/);
        assert.equal(reader.bytes, content.length);
      }
    });
  }

  it('normalises, and gives dots behind a bare newline no meaning', () => {
    assert.equal(
      read(['a\n.\r\nb\r.c\r\n.\r\n'], { bareNewlines: 'normalise' }).content,
      'a\r\n.\r\nb\r\n.c\r\n',
    );
  });

  it('RFC 3030 §2: text in chunks has no dots to remove, and a CR at its end is bare', () => {
    const { reader, content } = read(['..\r', '\n.\r\n'], { framing: 'lines' });
    reader.finish();
    assert.deepEqual([content, reader.refusal], ['..\r\n.\r\n', undefined]);
    const cut = read(['a\r'], { framing: 'lines' });
    cut.reader.finish();
    assert.equal(cut.reader.refusal, replies.bareNewline);
  });

  it('RFC 5321 §4.5.3.1.6: the refusal of a long line says which, and how long lines may be', () => {
    const limits = { ...defaultLimits, textLine: 20 };
    const long = 'x'.repeat(21);
    for (const [wire, line] of [
      [`a: b\r\n\r\n${long}\r\n${long}\r\n.\r\n`, 3],
      [`..\r\n.x\r\n${long}\r\n.\r\n`, 3],
      [`${'\r\n'.repeat(999)}${long}\r\n.\r\n`, 1000],
    ] as const)
      for (const pieces of [[wire], [...wire]])
        assert.deepEqual(read(pieces, { limits }).reader.refusal, textLineTooLong(line, 20));
    // A bare newline that is made a whole one ends a line as well.
    const { reader } = read([`a\nb\r${long}\r\n.\r\n`], { limits, bareNewlines: 'normalise' });
    assert.deepEqual(reader.refusal, textLineTooLong(3, 20));
  });

  it('keeps a copy of the beginning of what it refused, whose input may be gone by then', () => {
    const input = Buffer.from(`Message-ID: <a@b>\r\n\r\nx\ny${'z'.repeat(100_000)}\r\n.\r\n`);
    const reader = new ContentReader(rules());
    while (reader.read(input, reader.at) !== undefined);
    input.fill(0);
    assert.equal(String(reader.refused), 'Message-ID: <a@b>\r\n\r\nx');
    const long = new ContentReader({ ...rules(), limits: { ...defaultLimits, textLine: 9 } });
    assert.equal(long.read(Buffer.alloc(100_000, 'x'), 0), undefined);
    assert.equal(long.refused?.length, 16 * 2 ** 10);
  });

  it('gives a message in one chunk as one view of it', () => {
    const input = Buffer.from('Subject: x\r\n\r\nbody\r\nmore\r\n.\r\n');
    const piece = new ContentReader(rules()).read(input, 0);
    assert.ok(piece);
    assert.equal(piece.buffer, input.buffer);
    assert.equal(piece.length, input.length - 3);
  });

  const limits = { ...defaultLimits, messageSize: 100, textLine: 20, headerSize: 50 };
  const refused: readonly (readonly [string, string, unknown])[] = [
    ['RFC 5321 §4.5.3.1.6: a line of the limit', `${'x'.repeat(20)}\r\n.\r\n`, undefined],
    ['RFC 5321 §4.5.3.1.6: a line above it', `${'x'.repeat(21)}\r\n.\r\n`, textLineTooLong(1, 20)],
    ['RFC 5321 §4.5.3.1.6: a stuffed dot does not count', `.${'.'.repeat(20)}\r\n.\r\n`, undefined],
    ['a header of the limit', `${'x: 345678\r\n'.repeat(4)}a: c\r\n\r\n.\r\n`, undefined],
    ['a header above it', `${'x: 345678\r\n'.repeat(5)}\r\n.\r\n`, replies.headerTooBig],
    [
      'a small header, of a body above it',
      `a: b\r\n\r\n${'12345678\r\n'.repeat(5)}\r\n.\r\n`,
      undefined,
    ],
    [
      'RFC 1870 §6.3: content of the limit',
      `\r\n${'12345678\r\n'.repeat(9)}123456\r\n.\r\n`,
      undefined,
    ],
    [
      'RFC 1870 §6.3: content above it',
      `\r\n${'12345678\r\n'.repeat(9)}1234567\r\n.\r\n`,
      replies.messageTooBig,
    ],
  ];
  for (const [title, wire, because] of refused)
    it(title, () => {
      for (const pieces of [[wire], [...wire]]) {
        const { reader, rest } = read(pieces, { limits });
        assert.deepEqual(reader.refusal, because);
        assert.deepEqual([reader.ended, rest], [true, '']);
      }
    });

  // Few letters, so that the interesting neighbours are frequent.
  const wild = fc.string({
    unit: fc.constantFrom('a', '.', '\r', '\n', '\r\n', '.\r\n'),
    maxLength: 40,
  });
  const cuts = fc.array(fc.nat(80), { maxLength: 6 });
  const cutAt = (text: string, at: readonly number[]): string[] => {
    const places = [
      0,
      ...[...at].sort((a, b) => a - b).map((n) => Math.min(n, text.length)),
      text.length,
    ];
    return places.slice(1).map((end, i) => text.slice(places[i], end));
  };

  it('RFC 5321 §4.5.2: what was dot-stuffed comes out as it went in', () =>
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', '.', 'é', ' '), maxLength: 8 })),
        cuts,
        (lines, at) => {
          const content = lines.map((line) => `${line}\r\n`).join('');
          const wire = `${content.replaceAll(/^\./gm, '..')}.\r\nrest`;
          const found = read(cutAt(wire, at));
          assert.deepEqual([found.content, found.rest], [content, 'rest']);
        },
      ),
    ));

  it('chunking does not matter', () =>
    fc.assert(
      fc.property(
        wild,
        cuts,
        fc.constantFrom('refuse' as const, 'normalise' as const),
        fc.constantFrom('dots' as const, 'lines' as const, 'octets' as const),
        (wire, at, bareNewlines, framing) => {
          const options = { bareNewlines, framing };
          const whole = read([wire], options);
          const cut = read(cutAt(wire, at), options);
          assert.equal(cut.reader.ended, whole.reader.ended);
          assert.equal(cut.reader.refusal, whole.reader.refusal);
          assert.equal(cut.rest, whole.rest);
          if (whole.reader.refusal === undefined) {
            // A CR whose meaning is open is held back; nothing else may differ.
            assert.equal(cut.content, whole.content);
          }
        },
      ),
      { numRuns: 500 },
    ));

  it('only CRLF.CRLF ends data, and normalised content has no bare newline', () =>
    fc.assert(
      fc.property(wild, (wire) => {
        const { reader, content, rest } = read([wire], { bareNewlines: 'normalise' });
        const end = `\r\n${wire}`.indexOf('\r\n.\r\n');
        assert.equal(reader.ended, end !== -1);
        if (end !== -1) assert.equal(rest, `\r\n${wire}`.slice(end + 5));
        assert.doesNotMatch(content.replaceAll('\r\n', ''), /[\r\n]/);
      }),
      { numRuns: 500 },
    ));
});
