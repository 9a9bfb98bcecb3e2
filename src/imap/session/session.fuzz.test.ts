import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import type { Answer, ImapFacts, Question } from '../event.ts';

import { defaultImapLimits } from '../limits.ts';
import { ImapSession } from './session.ts';
import { isQuestion } from './transcript.ts';

// Whatever the client sends, in whatever pieces, and whatever the owner answers.

const limits = {
  ...defaultImapLimits,
  commandSize: 400,
  messageSize: 50,
  messagesPerAppend: 2,
  depth: 5,
  errors: 8,
  commandsBeforeLogin: 10,
};

// With TLS from the start: behind STARTTLS what counts depends on the pieces on purpose.
const facts: ImapFacts = {
  hostname: 'imap.example.net',
  secure: true,
  startTls: false,
  mechanisms: ['PLAIN'],
  limits,
};

// Mostly commands that get somewhere, some that do not, and noise between them.
const lines = fc.constantFrom(
  'a LOGIN x secret\r\n',
  'a LOGIN {1}\r\nx {6+}\r\nsecret\r\n',
  'a AUTHENTICATE PLAIN\r\n',
  'AGEAYg==\r\n',
  '*\r\n',
  'a SELECT INBOX\r\n',
  'a ENABLE IMAP4rev2 UTF8=ACCEPT\r\n',
  'a FETCH 1:* (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (To)]<0.9>)\r\n',
  'a UID SEARCH RETURN (ALL) OR SUBJECT {3}\r\nabc NOT (UNSEEN TEXT "x")\r\n',
  `a SEARCH ${'('.repeat(9)}ALL${')'.repeat(9)}\r\n`,
  'a APPEND INBOX {5}\r\nhello\r\n',
  'a APPEND INBOX {5+}\r\nhello {6}\r\n there\r\n',
  'a APPEND INBOX {5+}\r\nhello (\\Seen) {5+}\r\nthree {5+}\r\nmany.\r\n',
  'a APPEND INBOX CATENATE (TEXT {3}\r\nabc URL "/x")\r\n',
  'a APPEND INBOX ~{4+}\r\n\0\xff\r\n\r\n',
  'a APPEND INBOX {2147483648}\r\n',
  'a APPEND INBOX {51+}\r\n',
  'a IDLE\r\n',
  'DONE\r\n',
  'a UNSELECT\r\n',
  'a UNAUTHENTICATE\r\n',
  'a STORE 1 +FLAGS (\0)\r\n',
  'a CREATE \xc3\xa4\xff\r\n',
  'a LOGOUT\r\n',
  `a SEARCH SUBJECT ${'x'.repeat(420)}\r\n`,
  `a SEARCH SUBJECT ${'x'.repeat(420)} {9+}\r\n`,
  `a NOOP ${'x'.repeat(900)}\r\n`,
);
const noise = fc.string({ unit: 'binary-ascii', maxLength: 8 });
const input = fc
  .array(fc.oneof({ weight: 6, arbitrary: lines }, { weight: 1, arbitrary: noise }), {
    minLength: 3,
    maxLength: 25,
  })
  // Most sessions have somebody who is logged in.
  .map((parts) => Buffer.from(`l LOGIN x secret\r\n${parts.join('')}`, 'latin1'));
const cuts = fc.array(fc.nat(600), { maxLength: 8 });

/** 0: no. Others mean yes, so that sessions get somewhere. */
const moods = fc.array(fc.nat(5), { minLength: 1, maxLength: 12 });

const states: ReadonlyMap<string, 'selected' | 'unselected' | 'unauthenticated'> = new Map([
  ['SELECT', 'selected'],
  ['UNSELECT', 'unselected'],
  ['UNAUTHENTICATE', 'unauthenticated'],
]);

function answerTo(question: Question, mood: number): Answer {
  if (mood === 0) return { kind: 'completion', status: 'NO', text: 'No' };
  const ok = { kind: 'completion', status: 'OK', text: 'Yes' } as const;
  switch (question.kind) {
    case 'login':
    case 'auth-response':
      return { ...ok, state: 'authenticated' };
    case 'authenticate':
      return { kind: 'challenge', bytes: new Uint8Array() };
    case 'command': {
      const state = states.get(question.command.name);
      return state === undefined ? ok : { ...ok, state };
    }
    case 'append-end':
      return ok;
    default:
      return { kind: 'proceed' };
  }
}

interface Run {
  readonly output: string;
  /** What happened, with the octets of each message together. */
  readonly events: readonly string[];
}

function run(pieces: readonly Uint8Array[], mood: readonly number[]): Run {
  const session = new ImapSession(facts);
  const events: string[] = [];
  let output = '';
  let asked = 0;
  let content: string | undefined;
  const collect = () => {
    for (const piece of session.output())
      output += typeof piece === 'string' ? piece : Buffer.from(piece).toString('latin1');
  };
  /** Whether it is over. */
  const step = (): boolean => {
    for (let steps = 0; ; steps += 1) {
      assert.ok(steps < 10_000, 'it comes to an end');
      const event = session.next();
      if (event.kind === 'content') {
        assert.ok(event.bytes.length > 0);
        content = `${content ?? ''}${Buffer.from(event.bytes).toString('latin1')}`;
        assert.ok(content.length <= limits.messageSize, 'no more than the limit');
        continue;
      }
      if (event.kind === 'need-input' || event.kind === 'flush' || event.kind === 'close') {
        collect();
        if (event.kind !== 'flush') return event.kind === 'close';
        continue;
      }
      if (content !== undefined) events.push(`content:${content}`);
      content = undefined;
      events.push(event.kind);
      if (isQuestion(event)) {
        asked += 1;
        session.answer(answerTo(event, mood[asked % mood.length]!));
      }
    }
  };
  let over = step();
  for (const piece of pieces) {
    if (over) break;
    session.receive(piece);
    over = step();
  }
  return { output, events };
}

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [...new Set(at.filter((place) => place > 0 && place < bytes.length))].sort(
    (a, b) => a - b,
  );
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
}

describe('ImapSession, whatever is said to it', () => {
  it('never throws, says whole lines, and means the same in whatever pieces it comes', () => {
    fc.assert(
      fc.property(input, cuts, moods, (bytes, at, mood) => {
        const whole = run([bytes], mood);
        assert.match(whole.output, /^\* (OK|BYE) .*\r\n$/s);
        assert.deepEqual(run(cut(bytes, at), mood), whole);
      }),
      { numRuns: 3000 },
    );
  });

  it('nesting of any depth is an error of its own, and the session goes on', () => {
    for (const keys of [
      `${'('.repeat(1000)}ALL${')'.repeat(1000)}`,
      `${'NOT '.repeat(1000)}ALL`,
      `${'OR ALL '.repeat(1000)}ALL`,
    ]) {
      const session = new ImapSession({ ...facts, limits: defaultImapLimits });
      session.receive(
        Buffer.from(`l LOGIN x y\r\ns SELECT INBOX\r\na SEARCH ${keys}\r\nb NOOP\r\n`),
      );
      let output = '';
      for (let event = session.next(); event.kind !== 'need-input'; event = session.next())
        if (isQuestion(event)) session.answer(answerTo(event, 1));
      for (const piece of session.output()) output += String(piece);
      assert.match(output, /\r\na (NO \[LIMIT\]|BAD) .*\r\nb OK /, keys.slice(0, 8));
    }
  });
});
