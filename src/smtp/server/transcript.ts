// Dialogues of an SMTP session (base/transcript.ts), with one mark more:
//
//   M: a message the owner got, with <CR> and <LF> for its line ends
//
// What the server says stands as it is: our 354 has <CR> and <LF> in its text.

import assert from 'node:assert/strict';
import { textOf, transcriptsOf } from '../../base/transcript.ts';
import type { Reply } from '../reply.ts';
import type { NewClient, Question } from './event.ts';
import { isQuestion } from './event.ts';
import type { ServerSession } from './session.ts';

export type Answer =
  | Reply
  | { readonly each: readonly Reply[] }
  | { readonly challenge: Uint8Array }
  | { readonly newClient: NewClient };
export type Answers = (question: Question) => Answer;

export interface Heard {
  output: string;
  /** Whole messages, latin1. */
  readonly messages: string[];
  /** Kinds of events that are neither questions, content nor need-input. */
  readonly events: string[];
}

export const transcripts = (
  open: () => ServerSession,
  answers: Answers,
): ((text: string) => void) =>
  transcriptsOf<ServerSession, Heard>({
    open,
    nothing: () => ({ output: '', messages: [], events: [] }),
    drain: (session, heard) => drain(session, answers, heard),
    startTls: (session) =>
      session.tlsStarted({ mechanisms: ['PLAIN', 'SCRAM-SHA-256'], trusted: false }),
    said: (line) => line.slice(3),
    mark: (line) => assert.match(line, /^M:/),
    end: (lines, { messages }) =>
      assert.deepEqual(messages, lines.filter((line) => line.startsWith('M:')).map(textOf)),
  });

/** Answers whatever the session asks until it needs input, or is over. */
export function drain(session: ServerSession, answers: Answers, heard: Heard): void {
  let content = '';
  for (;;) {
    const event = session.next();
    if (isQuestion(event)) {
      if (event.kind === 'message') heard.messages.push((pending.get(session) ?? '') + content);
      if (event.kind === 'message') forget();
      give(session, answers(event));
    } else if (event.kind === 'content') {
      content += Buffer.from(event.bytes).toString('latin1');
    } else {
      if (event.kind === 'need-input') break;
      heard.events.push(event.kind);
      if (event.kind === 'reset') forget();
      if (['close', 'starttls', 'turned'].includes(event.kind)) break;
    }
  }
  heard.output += session.output();
  pending.set(session, (pending.get(session) ?? '') + content);

  function forget(): void {
    content = '';
    pending.delete(session);
  }
}

/** Content of messages that are not complete yet. */
const pending = new WeakMap<ServerSession, string>();

function give(session: ServerSession, answer: Answer): void {
  if ('each' in answer) session.answerEach(answer.each);
  else if ('challenge' in answer) session.challenge(answer.challenge);
  else if ('newClient' in answer) session.clientTold(answer.newClient);
  else session.answer(answer);
}
