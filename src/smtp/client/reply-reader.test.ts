import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { anyText } from '../../base/test-text.ts';
import { parseCapabilities } from './capabilities.ts';
import { briefReply, ReplyReader } from './reply-reader.ts';

function read(chunks: readonly (string | Uint8Array)[]) {
  const reader = new ReplyReader();
  const replies = [];
  for (const chunk of chunks) {
    reader.push(Buffer.from(chunk));
    for (let reply = reader.next(); reply !== undefined; reply = reader.next()) {
      replies.push(reply);
      if ('problem' in reply) return replies;
    }
  }
  return replies;
}

const reply = (code: number, detail: string | undefined, ...lines: string[]) => ({
  code,
  detail,
  lines,
});

describe('replies from a server', () => {
  const rows: [what: string, wire: string, expected: readonly unknown[]][] = [
    ['one line', '250 OK\r\n', [reply(250, undefined, 'OK')]],
    [
      'RFC 5321 §4.2.1: several lines',
      '250-a\r\n250-b\r\n250 c\r\n',
      [reply(250, undefined, 'a', 'b', 'c')],
    ],
    ['RFC 5321 §4.2: no text at all', '250\r\n', [reply(250, undefined, '')]],
    [
      'RFC 2034 §4: the enhanced status',
      '550 5.1.1 No such user\r\n',
      [reply(550, '1.1', 'No such user')],
    ],
    ['on every line', '550-5.7.1 No\r\n550 5.7.1 never\r\n', [reply(550, '7.1', 'No', 'never')]],
    ['RFC 3463 §2: three digits each', '450 4.123.45 x\r\n', [reply(450, '123.45', 'x')]],
    ['the status of another class is text', '550 4.1.1 x\r\n', [reply(550, undefined, '4.1.1 x')]],
    ['a version number is no status', '220 2.0 server\r\n', [reply(220, undefined, '2.0 server')]],
    [
      'two in one chunk',
      '250 a\r\n354 b\r\n',
      [reply(250, undefined, 'a'), reply(354, undefined, 'b')],
    ],
    ['bare LF ends a line', '250-a\n250 b\n', [reply(250, undefined, 'a', 'b')]],
    [
      'RFC 6531 §3.3: UTF-8 text',
      Buffer.from('250 grüß\r\n').toString('latin1'),
      [reply(250, undefined, 'grüß')],
    ],
    ['controls are shown as spaces', '250 a\0b\x1b[31m\r\n', [reply(250, undefined, 'a b [31m')]],
    [
      'what turns the direction of writing, too',
      Buffer.from('250 a\u202eb\u061cc\u2066d\r\n').toString('latin1'),
      [reply(250, undefined, 'a b c d')],
    ],
    [
      'garbage',
      'HTTP/1.1 400 Bad Request\r\n',
      [{ problem: 'No SMTP reply, but "HTTP/1.1 400 Bad Request" came' }],
    ],
    ['no code', 'OK\r\n', [{ problem: 'No SMTP reply, but "OK" came' }]],
    ['an empty line', '\r\n', [{ problem: 'No SMTP reply, but an empty line came' }]],
    ['1yz means nothing', '150 wait\r\n', [{ problem: 'No SMTP reply, but "150 wait" came' }]],
    ['half a reply', '250-a\r\n25', []],
  ];
  for (const [what, wire, expected] of rows)
    it(what, () => {
      assert.deepEqual(read([Buffer.from(wire, 'latin1')]), expected);
      const octets = [...Buffer.from(wire, 'latin1')].map((octet) => Buffer.from([octet]));
      assert.deepEqual(read(octets), expected, 'octet by octet');
    });

  it('gives up on a line without end', () => {
    const chunks = Array.from({ length: 100 }, () => 'a'.repeat(1000));
    assert.deepEqual(read(['250 ', ...chunks]), [
      { problem: 'A line of more than 16384 octets came' },
    ]);
  });

  it('gives up on a reply without end', () => {
    const chunks = Array.from({ length: 100_000 }, () => '250-more\r\n');
    assert.deepEqual(read(chunks), [{ problem: 'More than 500 lines or 65536 octets came' }]);
    const long = Array.from({ length: 1000 }, () => `250-${'x'.repeat(1000)}\r\n`);
    assert.deepEqual(read(long), [{ problem: 'More than 500 lines or 65536 octets came' }]);
  });

  it('keeps no more of a reply than somebody would read', () => {
    const lines = Array.from({ length: 100 }, () => 'x'.repeat(1000)) as [string, ...string[]];
    const kept = briefReply({ code: 550, detail: '1.1', lines });
    assert.equal(kept.lines.join('').length, 10_000);
    const short = { code: 250, detail: undefined, lines: ['OK'] } as const;
    assert.equal(briefReply(short), short);
  });

  it('never throws, and chunking does not matter', () => {
    const piece = fc.oneof(
      fc.constantFrom('250 ', '250-', '550 5.1.1 ', '\r\n', '\n', '421', 'x'),
      anyText({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(piece), fc.integer({ min: 1, max: 7 }), (pieces, width) => {
        const wire = Buffer.from(pieces.join(''));
        const chunks = [];
        for (let at = 0; at < wire.length; at += width) chunks.push(wire.subarray(at, at + width));
        assert.deepEqual(read(chunks), read([wire]));
      }),
    );
  });
});

describe('capabilities', () => {
  const parse = (...lines: [string, ...string[]]) =>
    parseCapabilities({ code: 250, detail: undefined, lines }, true);

  it('RFC 5321 §4.1.1.1: reads keywords in any case, with their parameters', () => {
    const found = parse(
      'mx.example.net at your service',
      'pipelining',
      'SIZE 1000',
      'X-foo bar baz',
    );
    assert.equal(found.name, 'mx.example.net');
    assert.equal(found.pipelining, true);
    assert.equal(found.chunking, false);
    assert.equal(found.messageBytesMax, 1000);
    assert.equal(found.keywords.get('X-FOO'), 'bar baz');
  });

  const sizes: [string, number][] = [
    ['SIZE', Infinity],
    ['SIZE 0', Infinity],
    ['SIZE nonsense', Infinity],
    ['SIZE 10240000', 10_240_000],
  ];
  for (const [line, expected] of sizes)
    it(`RFC 1870 §3: '${line}'`, () => assert.equal(parse('x', line).messageBytesMax, expected));

  it('RFC 4954 §3: reads AUTH in both forms as one list', () => {
    assert.deepEqual(parse('x', 'AUTH PLAIN login', 'AUTH=PLAIN LOGIN').mechanisms, [
      'PLAIN',
      'LOGIN',
    ]);
  });

  it('RFC 9422 §4: reads limits, ignores what it does not know', () => {
    const found = parse('x', 'LIMITS RCPTMAX=50 MAILMAX=20 FOO=1 RCPTDOMAINMAX=0');
    assert.equal(found.recipientsMax, 50);
    assert.equal(found.messagesMax, 20);
    assert.equal(found.recipientDomainsMax, Infinity);
  });

  it('keywords are data, not names of properties', () => {
    assert.equal(parse('x', '__proto__ 1', 'constructor').keywords.get('CONSTRUCTOR'), '');
  });
});
