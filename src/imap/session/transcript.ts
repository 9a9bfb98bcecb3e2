// Dialogues of an IMAP session (base/transcript.ts), with one mark more:
//
//   E: events between, apart from questions, with the octets of messages
//
// Played all at once, literals come without leave among the rest: what is said must be the same.

import assert from 'node:assert/strict';
import { textOf, transcriptsOf } from '../../base/transcript.ts';
import type { Answer, Question, SessionEvent } from '../event.ts';
import type { ImapSession } from './session.ts';

export type Answers = (question: Question, session: ImapSession) => Answer;

export interface World {
  readonly open: () => ImapSession;
  readonly answers: Answers;
  readonly mechanismsUnderTls?: readonly string[];
}

export interface Played {
  output: string;
  /** Kinds of events that are neither questions nor need-input nor flush; `content:` is gathered. */
  events: string[];
}

export const transcripts = (world: World): ((text: string) => void) =>
  transcriptsOf<ImapSession, Played>({
    open: world.open,
    nothing: nothingPlayed,
    drain: (session, played) => drain(session, world, played),
    startTls(session, played, playing) {
      session.tlsStarted(world.mechanismsUnderTls ?? []);
      if (playing === 'lines') assert.deepEqual(played.events.splice(0), ['starttls']);
    },
    over: ({ events }) => events.at(-1)?.startsWith('close') === true,
    mark(line, { events }) {
      assert.match(line, /^E:/);
      assert.equal(events.shift(), textOf(line));
    },
    end(lines, { events }, playing) {
      const expected = lines.filter((line) => line.startsWith('E:')).map(textOf);
      if (expected.length === 0) return;
      // Line by line each was looked at where it stood.
      if (playing === 'lines') assert.deepEqual(events, [], 'more happened than the dialogue has');
      else assert.deepEqual(events.filter(isBetween), expected.filter(isBetween));
    },
  });

const isBetween = (event: string): boolean => event !== 'starttls' && !event.startsWith('close');

export const nothingPlayed = (): Played => ({ output: '', events: [] });

/** Answers whatever the session asks until it needs input, or is over. */
export function drain(session: ImapSession, world: World, played: Played): void {
  for (;;) {
    const event = session.next();
    if (isQuestion(event)) {
      session.answer(world.answers(event, session));
      continue;
    }
    if (event.kind === 'content') {
      const text = Buffer.from(event.bytes).toString('latin1');
      if (played.events.at(-1)?.startsWith('content:'))
        played.events.push(played.events.pop() + text);
      else played.events.push(`content:${text}`);
      continue;
    }
    for (const piece of session.output())
      played.output += typeof piece === 'string' ? piece : Buffer.from(piece).toString('latin1');
    if (event.kind === 'need-input') return;
    if (event.kind !== 'flush')
      played.events.push(event.kind === 'close' ? `close ${event.reason}` : event.kind);
    if (event.kind === 'close' || event.kind === 'starttls') return;
  }
}

const questions: ReadonlySet<string> = new Set<Question['kind']>([
  'login',
  'authenticate',
  'auth-response',
  'command',
  'append',
  'append-part',
  'append-end',
  'idle',
]);

export const isQuestion = (event: SessionEvent): event is Question => questions.has(event.kind);
