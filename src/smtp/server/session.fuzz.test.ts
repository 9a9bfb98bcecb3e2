import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import type { SessionLimits } from '../limits.ts';
import { defaultLimits } from '../limits.ts';
import { replies, reply } from '../reply.ts';
import type { Question, ServerFacts, SessionEvent } from './event.ts';
import { isQuestion } from './event.ts';
import { ServerSession } from './session.ts';

// Whatever the peer sends, in whatever pieces, and whatever the owner answers.

const limits: SessionLimits = {
  ...defaultLimits,
  messageSize: 200,
  textLine: 60,
  headerSize: 100,
  recipients: 3,
  errorsPerConnection: 12,
  commandsWithoutMail: 12,
  messagesPerConnection: 6,
};

const factsOf = (protocol: ServerFacts['protocol'], more: Partial<ServerFacts>): ServerFacts => ({
  protocol,
  hostname: 'mx.example.net',
  secure: false,
  startTls: true,
  mechanisms: ['PLAIN'],
  trusted: false,
  authRequired: false,
  bareNewlines: 'refuse',
  limits,
  ...more,
});

// Mostly commands that get somewhere, some that do not, and noise between them.
const lines = fc.constantFrom(
  'EHLO a\r\n',
  'LHLO a\r\n',
  'MAIL FROM:<a@b>\r\n',
  'MAIL FROM:<a@b> BODY=BINARYMIME\r\n',
  'MAIL FROM:<> SIZE=201\r\n',
  'RCPT TO:<c@d>\r\n',
  'DATA\r\n',
  'Subject: x\r\n\r\n..\r\ntext\r\n',
  '.\r\n',
  'a\nb\r.\r\n',
  'BDAT 5\r\nab\r\nc',
  'BDAT 5 LAST\r\nab\r\n\r',
  'BDAT 0 LAST\r\n',
  'BDAT 300\r\n',
  'RSET\r\n',
  'NOOP\r\n',
  'AUTH PLAIN\r\n',
  'AUTH PLAIN AHRlc3QAMTIzNA==\r\n',
  'AAAA\r\n',
  '*\r\n',
  'STARTTLS\r\n',
  'VRFY a\r\n',
  'FROB\r\n',
  `NOOP ${'x'.repeat(600)}\r\n`,
  'QUIT\r\n',
);
const noise = fc.string({ unit: 'binary-ascii', maxLength: 8 });
const input = fc
  .array(fc.oneof({ weight: 6, arbitrary: lines }, { weight: 1, arbitrary: noise }), {
    maxLength: 30,
  })
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));
const cuts = fc.array(fc.nat(600), { maxLength: 8 });

/** 0: yes, 1: no, 2: later. Others mean yes too, so that sessions get somewhere. */
const moods = fc.array(fc.nat(7), { minLength: 1, maxLength: 12 });

interface Run {
  readonly output: string;
  readonly contents: readonly string[];
}

const afterwards = new Set<SessionEvent['kind']>(['need-input', 'close', 'starttls']);

function run(facts: ServerFacts, pieces: readonly Uint8Array[], mood: readonly number[]): Run {
  const session = new ServerSession(facts);
  const contents: string[] = [];
  let output = '';
  let content = '';
  let asked = 0;
  let recipients = 0;
  const step = () => {
    for (let steps = 0; ; steps += 1) {
      assert.ok(steps < 10_000, 'it comes to an end');
      const event = session.next();
      if (event.kind === 'content') {
        assert.ok(event.bytes.length > 0);
        content += Buffer.from(event.bytes).toString('latin1');
        assert.ok(content.length <= facts.limits.messageSize, 'no more than the limit');
      }
      if (event.kind === 'reset') content = '';
      if (event.kind === 'mail') recipients = 0;
      if (event.kind === 'message') {
        assert.equal(event.bytes, content.length);
        assert.ok(recipients > 0 && recipients <= facts.limits.recipients);
        contents.push(content);
        content = '';
      }
      if (isQuestion(event)) {
        asked += 1;
        if (give(session, event, mood[asked % mood.length] ?? 0) && event.kind === 'rcpt')
          recipients += 1;
      }
      if (afterwards.has(event.kind)) {
        output += session.output();
        if (event.kind !== 'starttls') return event.kind === 'close';
        session.tlsStarted({ mechanisms: ['PLAIN'], trusted: true });
        return false;
      }
    }
  };
  let over = step();
  for (const piece of pieces) {
    if (over) break;
    // The session must not hold on to what it was lent.
    const lent = Buffer.from(piece);
    session.receive(lent);
    over = step();
    lent.fill(0x3f);
  }
  return { output, contents };
}

function give(session: ServerSession, question: Question, mood: number): boolean {
  const { kind } = question;
  if (mood === 1 && kind !== 'connect') session.answer(reply(550, '7.1', 'No'));
  else if (mood === 2 && kind !== 'connect') session.answer(reply(451, '3.0', 'Later'));
  else if (kind === 'auth' && mood === 3) session.challenge(new Uint8Array([1]));
  else if (kind === 'auth' || kind === 'auth-response') session.answer(replies.authenticated);
  else if (kind === 'connect') session.answer(replies.greeting);
  else {
    session.answer(replies.ok);
    return true;
  }
  return false;
}

const cutAt = (bytes: Uint8Array, at: readonly number[]): Uint8Array[] => {
  const places = [0, ...[...at].sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
};

describe('smtp/server: arbitrary peers and owners', () => {
  const worlds = fc.record({
    protocol: fc.constantFrom('smtp' as const, 'submission' as const, 'lmtp' as const),
    bareNewlines: fc.constantFrom('refuse' as const, 'normalise' as const),
    authRequired: fc.boolean(),
  });

  it('never throws, keeps its limits, says whole lines with a status where one belongs', () =>
    fc.assert(
      fc.property(worlds, input, cuts, moods, ({ protocol, ...more }, bytes, at, mood) => {
        const { output } = run(factsOf(protocol, more), cutAt(bytes, at), mood);
        assert.match(output, /^(?:[2-5]\d\d[ -][^\r\n]*\r\n)+$/);
        // RFC 2034 §4: each line of each reply, but greetings, EHLO's and 3yz.
        for (const line of output.split('\r\n').slice(1, -1))
          if (!/^(?:250[ -](?!2)|220 mx|3)/.test(line))
            assert.match(line, /^([245])\d\d[ -]\1\.\d{1,3}\.\d{1,3} /);
      }),
      { numRuns: 1500 },
    ));

  it('chunking does not matter', () =>
    fc.assert(
      fc.property(worlds, input, cuts, moods, ({ protocol, ...more }, bytes, at, mood) => {
        // What comes with STARTTLS is lost by design, so its fate depends on the pieces.
        const facts = factsOf(protocol, { ...more, startTls: false });
        const whole = run(facts, [bytes], mood);
        const pieces = run(facts, cutAt(bytes, at), mood);
        assert.equal(pieces.output, whole.output);
        assert.deepEqual(pieces.contents, whole.contents);
        const octets = run(facts, cutAt(bytes, [...bytes.keys()]), mood);
        assert.equal(octets.output, whole.output);
        assert.deepEqual(octets.contents, whole.contents);
      }),
      { numRuns: 700 },
    ));

  it('survives any octets', () =>
    fc.assert(
      fc.property(
        worlds,
        fc.array(fc.uint8Array({ maxLength: 40 })),
        ({ protocol, ...more }, pieces) => {
          run(factsOf(protocol, more), pieces, [0]);
        },
      ),
      { numRuns: 300 },
    ));
});
