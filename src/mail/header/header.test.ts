import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { fc } from '../../base/test-properties.ts';
import { anyText } from '../../base/test-text.ts';
import { parseMime } from '../mime/mime.ts';
import {
  findHeaderEnd,
  foldHeader,
  type HeaderScan,
  headerEndWithin,
  headerValue,
  parseHeader,
  scanHeader,
} from './header.ts';

const octets = (text: string): Buffer => Buffer.from(text, 'latin1');
const lineArbitrary = fc
  .array(
    fc.constantFrom(
      '\r\n',
      '\n',
      '\r',
      ' ',
      '\t',
      ':',
      'a',
      'From',
      'From: a\r\n',
      'Note: a\r\n',
      '--',
      '\xef\xbb\xbf',
      'Received: ',
      'Message-ID',
      '\xe9',
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''));

describe('findHeaderEnd', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['an empty message', '', ''],
    ['no body', 'A: b\r\n\r\n', ''],
    ['a body', 'A: b\r\n\r\nbody', 'body'],
    ['no header', '\r\nbody', 'body'],
    ['LF alone ends lines', 'A: b\n\nbody', 'body'],
    ['no empty line at all', 'A: b\r\nC: d\r\n', ''],
    [
      'a line that is no field ends it',
      'A: b\r\nno field here\r\nC: d\r\n\r\n',
      'no field here\r\nC: d\r\n\r\n',
    ],
    ['continuations, blank ones too (RFC 5322 §4.2)', 'A: b\r\n c\r\n \t\r\n d\r\n\r\nx', 'x'],
    ['a continuation of nothing', ' a\r\nA: b\r\n\r\n', ' a\r\nA: b\r\n\r\n'],
    ['RFC 5322 §4.5: white space before the colon', 'Subject \t: b\r\n\r\nx', 'x'],
    ['an empty name', ': b\r\n\r\nx', ': b\r\n\r\nx'],
    ['8-bit octets in a name', 'Caf\xe9: b\r\n\r\nx', 'Caf\xe9: b\r\n\r\nx'],
    ['an mbox line first', 'From ann@x Thu Jan 1\r\nA: b\r\n\r\nx', 'x'],
    ['a field From with a space before its colon', 'From : ann@x\r\n\r\nx', 'x'],
    ['an mbox line later is no field', 'A: b\r\nFrom ann@x\r\n\r\n', 'From ann@x\r\n\r\n'],
    ['a bare CR is no line end', 'A: b\r\rB\r\n\r\nx', 'x'],
  ];
  for (const [title, message, body] of cases) {
    it(title, () => {
      assert.equal(octets(message).toString('latin1', findHeaderEnd(octets(message))), body);
    });
  }
});

describe('RFC 5322 §2.2: a line that is no field', () => {
  const namesOf = (message: string): string =>
    parseHeader(octets(message))
      .map(({ name }) => name)
      .join(' ');
  const lines = (count: number, line: string): string => `${line}\r\n`.repeat(count);

  const cases: readonly (readonly [title: string, message: string, names: string, body: string])[] =
    [
      ['is passed over', 'From: a\r\nastray\r\nTo: b\r\n\r\nx', 'From To', 'x'],
      ['with what continues it', 'From: a\r\nastray\r\n more\r\nTo: b\r\n\r\nx', 'From To', 'x'],
      ['an encoded word', 'Subject: a\r\n=?x?Q?b?=\r\nTo: b\r\n\r\nx', 'Subject To', 'x'],
      ['a blank in the name', 'From: a\r\nMy Name: b\r\nTo: b\r\n\r\nx', 'From To', 'x'],
      ['8-bit octets in the name', 'From: a\r\nN\xe4me: b\r\nTo: b\r\n\r\nx', 'From To', 'x'],
      ['control characters', 'From: a\r\n\0\x01\r\nTo: b\r\n\r\nx', 'From To', 'x'],
      ['before every field', 'astray\r\n too\r\nFrom: a\r\n\r\nx', 'From', 'x'],
      ['several times', 'a b\r\nFrom: a\r\nc\r\nX-A: d\r\ne\r\nTo: f\r\n\r\nx', 'From X-A To', 'x'],
      [
        'an mbox line behind trace fields',
        'Received: a\r\nFrom a Thu\r\nTo: b\r\n\r\nx',
        'Received To',
        'x',
      ],
      [
        'fields of any name before the known one',
        'A: b\r\nc\r\nD: e\r\n f\r\nTo: g\r\n\r\nx',
        'A D To',
        'x',
      ],
      ['seven of them', `A: b\r\n${lines(7, 'c')}To: d\r\n\r\nx`, 'A To', 'x'],
      ['LF alone', 'A: b\nc d\nTo: e\n\nx', 'A To', 'x'],
      ['a known field is the end of it all', 'A: b\r\nc\r\nTo: d', 'A To', ''],
      [
        'ends it when a text follows',
        'A: b\r\nHello,\r\nNote: c\r\n\r\nx',
        'A',
        'Hello,\r\nNote: c\r\n\r\nx',
      ],
      [
        'ends it before an empty line',
        'A: b\r\nHello\r\n\r\nTo: c\r\n',
        'A',
        'Hello\r\n\r\nTo: c\r\n',
      ],
      [
        'eight of them end it',
        `A: b\r\n${lines(8, 'c')}To: d\r\n`,
        'A',
        `${lines(8, 'c')}To: d\r\n`,
      ],
      [
        'a long one ends it',
        `A: b\r\n${'c '.repeat(500)}\r\nTo: d\r\n`,
        'A',
        `${'c '.repeat(500)}\r\nTo: d\r\n`,
      ],
      [
        'RFC 5322 §3.6: what the header has already, and may have once, is of a quoted header',
        'From: a\r\nSubject: b\r\nHello,\r\nFrom: c\r\nSubject: d\r\n\r\nx',
        'From Subject',
        'Hello,\r\nFrom: c\r\nSubject: d\r\n\r\nx',
      ],
      ['a boundary ends it', 'A: b\r\n--b\r\nTo: c\r\n\r\nx', 'A', '--b\r\nTo: c\r\n\r\nx'],
      ['a boundary with a colon ends it', 'A: b\r\n--=:x\r\nTo: c\r\n', 'A', '--=:x\r\nTo: c\r\n'],
      [
        'a boundary behind it ends it',
        'A: b\r\nc\r\n--b\r\nTo: c\r\n',
        'A',
        'c\r\n--b\r\nTo: c\r\n',
      ],
      ['UTF-8’s mark is none', '\xef\xbb\xbfFrom: a\r\n\r\nx', 'From', 'x'],
      ['UTF-8’s mark behind trace fields', 'A: b\r\n\xef\xbb\xbfFrom: a\r\n\r\nx', 'A From', 'x'],
      ['UTF-8’s mark before an mbox line', '\xef\xbb\xbfFrom a\r\nTo: b\r\n\r\nx', 'To', 'x'],
    ];
  for (const [title, message, names, body] of cases) {
    it(title, () => {
      assert.equal(namesOf(message), names);
      assert.equal(octets(message).toString('latin1', findHeaderEnd(octets(message))), body);
    });
  }

  it('ends the header beyond its first 64 KiB', () => {
    const many = (count: number) => `${lines(count, `A: ${'b'.repeat(59)}`)}c\r\nTo: d\r\n\r\n`;
    assert.match(namesOf(many(1_000)), / To$/);
    assert.doesNotMatch(namesOf(many(1_100)), /To/);
  });

  it('is linear on hostile headers', () => {
    for (const hostile of [
      'a b\n',
      'a\nX-B: c\n',
      'a\nB: c\n',
      ' \n',
      'a\nTo: b\n',
      '-',
      '\xef\xbb\xbf',
    ]) {
      assertLinear(findHeaderEnd, (times) => octets(hostile.repeat(times)), 500);
      assertLinear(parseMime, (times) => octets(`A: b\n${hostile.repeat(times)}`), 500);
    }
  });

  it('means the same to whoever has only the header', () => {
    fc.assert(
      fc.property(lineArbitrary, (text) => {
        const message = octets(text);
        const header = message.subarray(0, findHeaderEnd(message));
        assert.equal(findHeaderEnd(header), header.length);
        assert.deepEqual(parseHeader(header), parseHeader(message));
        for (let end = 0; end < message.length; end += 1) {
          const known = headerEndWithin(message.subarray(0, end));
          if (known !== undefined) assert.equal(known, header.length);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('parseHeader', () => {
  it('RFC 5322 §2.2.3: unfolds values and keeps where the raw field was', () => {
    const message = octets('Subject:\r\n Hello\r\n\tworld \r\nX :y\r\n\r\nNo: field');
    const fields = parseHeader(message);
    assert.deepEqual(fields, [
      { name: 'Subject', lowerName: 'subject', value: 'Hello\tworld', offset: 0, length: 27 },
      { name: 'X', lowerName: 'x', value: 'y', offset: 27, length: 6 },
    ]);
    assert.equal(headerValue(fields, 'x'), 'y');
    assert.equal(headerValue(fields, 'no'), undefined);
  });

  it('RFC 6532 §3.1: reads UTF-8, and Latin-1 where it is not UTF-8', () => {
    const message = Buffer.concat([Buffer.from('A: é\r\n'), octets('B: \xe9\r\n')]);
    assert.deepEqual(
      parseHeader(message).map((field) => field.value),
      ['é', 'é'],
    );
  });

  it('bounds fields and octets', () => {
    const many = octets('A: b\r\n'.repeat(100_000));
    assert.equal(parseHeader(many).length, 10_000);
    assert.equal(parseHeader(many, { fieldsMax: 7 }).length, 7);
    assert.equal(parseHeader(many, { bytesMax: 13 }).length, 2);
    assert.equal(parseHeader(octets(`A: ${'x'.repeat(2 * 2 ** 20)}\r\n`)).length, 0);
  });

  it('is total: raw fields follow each other, values are single lines', () => {
    fc.assert(
      fc.property(lineArbitrary, (text) => {
        const message = octets(text);
        const fields = parseHeader(message);
        const end = findHeaderEnd(message);
        for (const [i, field] of fields.entries()) {
          assert.doesNotMatch(field.value, /[\r\n]/);
          const next = fields[i + 1];
          if (next !== undefined) assert.ok(field.offset + field.length <= next.offset);
          else assert.ok(field.offset + field.length <= end);
        }
      }),
    );
  });
});

describe('scanHeader', () => {
  it('finds what the message path asks for', () => {
    const header =
      'Received: from a\r\n by b\r\nreceived: from c\r\nDATE: x\r\nFrom: ann@x\r\n' +
      'Message-Id:\r\n <1@ x>\r\nMessage-ID: <2@x>\r\n\r\n';
    assert.deepEqual(scanHeader(octets(`${header}body`)), {
      end: header.length,
      complete: true,
      messageId: '<1@x>',
      received: 2,
      hasDate: true,
      hasMessageId: true,
      hasFrom: true,
      hasResults: false,
      hasValidSince: false,
    } satisfies HeaderScan);
  });

  it('knows nothing of fields in the body or with longer names', () => {
    assert.ok(scanHeader(octets('authentication-RESULTS : x\r\n\r\n')).hasResults);
    assert.ok(scanHeader(octets('Require-Recipient-Valid-Since: x\r\n\r\n')).hasValidSince);
    const facts = scanHeader(octets('Dates: x\r\nFromm: y\r\nX-Received: z\r\n\r\nDate: x\r\n'));
    assert.deepEqual(
      [facts.hasDate, facts.hasFrom, facts.received, facts.hasMessageId, facts.messageId],
      [false, false, 0, false, undefined],
    );
  });

  it('an empty Message-ID is there but names nothing', () => {
    const facts = scanHeader(octets('Message-ID: \r\n\r\n'));
    assert.deepEqual([facts.hasMessageId, facts.messageId], [true, undefined]);
  });

  it('says when the octets end before the header does', () => {
    for (const part of ['', 'A: b\r\n', 'A: b\r\n\r', 'A: b\r\nDat', 'A: b\r\nDate ']) {
      assert.equal(scanHeader(octets(part)).complete, false, JSON.stringify(part));
    }
    for (const part of ['\xef', 'A: b\r\nno field\r\n', 'no field\r\nSubjec', 'no field\r\n-']) {
      assert.equal(scanHeader(octets(part)).complete, false, JSON.stringify(part));
      assert.equal(headerEndWithin(octets(part)), undefined, JSON.stringify(part));
      assert.equal(scanHeader(octets(part), true).complete, true, JSON.stringify(part));
    }
    const decided = ['\r\n', 'A: b\r\n\r\n', 'A: b\r\nno field\r\n\r\n', '\n', 'A: b\r\n--'];
    for (const whole of [...decided, 'no field\r\n'.repeat(8), 'x '.repeat(501)]) {
      assert.equal(scanHeader(octets(whole)).complete, true, JSON.stringify(whole));
      assert.equal(headerEndWithin(octets(whole)), findHeaderEnd(octets(whole)));
    }
  });

  it('looks at one MiB only', () => {
    const facts = scanHeader(octets('A: b\r\n'.repeat(400_000)));
    assert.equal(facts.complete, false);
    assert.ok(facts.end <= 2 ** 20);
  });

  it('agrees with parseHeader and findHeaderEnd on any octets', () => {
    fc.assert(
      fc.property(lineArbitrary, (text) => {
        const message = octets(text);
        const fields = parseHeader(message);
        const facts = scanHeader(message);
        const count = (name: string) => fields.filter((field) => field.lowerName === name).length;
        assert.equal(facts.received, count('received'));
        assert.equal(facts.hasFrom, count('from') > 0);
        assert.equal(facts.hasMessageId, count('message-id') > 0);
        if (facts.complete) assert.equal(facts.end, findHeaderEnd(message));
      }),
    );
  });
});

describe('foldHeader', () => {
  it('RFC 5322 §2.1.1: folds before 78 characters, at white space', () => {
    const value = Array.from({ length: 40 }, (_, i) => `<${i}@example.org>`).join(' ');
    const folded = foldHeader('References', value);
    for (const line of folded.split('\r\n')) assert.ok(line.length <= 78, line);
    assert.equal(parseHeader(octets(folded))[0]!.value, value);
  });

  it('RFC 5322 §2.1.1: no line is longer than 998 octets, whatever the value', () => {
    fc.assert(
      fc.property(anyText({ maxLength: 200 }), fc.nat(2_000), (text, times) => {
        const folded = foldHeader('X-Test', text + 'é'.repeat(times) + text);
        for (const line of folded.split('\r\n')) assert.ok(Buffer.byteLength(line) <= 998);
      }),
    );
  });

  it('takes steps in proportion to the value, a single word too', () => {
    assertLinear(
      (value: string) => foldHeader('X-Test', value),
      (times) => 'aé'.repeat(times),
      10_000,
    );
  });

  it('a value cannot begin another field', () => {
    assert.equal(
      foldHeader('Subject', 'a\r\nBcc: b\r\n\r\nbody'),
      'Subject: a  Bcc: b    body\r\n',
    );
  });

  it('what it folds reads as it was', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[!-~ \t]{0,400}$/), (value) => {
        const bytes = octets(foldHeader('Subject', value));
        assert.equal(parseHeader(bytes).length, 1);
        assert.equal(findHeaderEnd(bytes), bytes.length);
        assert.equal(parseHeader(bytes)[0]!.value, value.trim());
      }),
    );
  });
});
