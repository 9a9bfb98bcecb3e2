// Dialogues of a POP3 session (base/transcript.ts). Messages are given to it whole where the dialogue is
// played line by line, and octet by octet otherwise.

import { latin1, transcriptsOf } from '../base/transcript.ts';
import type { Answer, Question } from './event.ts';
import { isQuestion } from './event.ts';
import type { MessageList } from './maildrop.ts';
import { err } from './response.ts';
import type { Pop3Session } from './session.ts';

/** `message` questions are answered from the mailbox. */
export type Answers = (question: Exclude<Question, { readonly kind: 'message' }>) => Answer;

export interface TestMailbox extends MessageList {
  readonly messages: readonly string[];
}

/** Messages as latin1 text; 'gone' is listed and cannot be read. */
export const testMailbox = (...messages: readonly string[]): TestMailbox => ({
  messages,
  length: messages.length,
  idAt: (index) => `id${index + 1}`,
  sizeAt: (index) => messages[index]!.length,
});

export interface Played {
  output: string;
  /** Kinds of events that are neither questions nor need-input nor flush. */
  readonly events: string[];
  /** What went by QUIT. */
  deleted: readonly number[] | undefined;
}

export interface World {
  readonly open: () => Pop3Session;
  readonly mailbox: TestMailbox;
  readonly answers: Answers;
  readonly mechanismsUnderTls?: readonly string[];
}

export const transcripts = (world: World): ((text: string) => void) =>
  transcriptsOf<Pop3Session, Played>({
    open: world.open,
    nothing: nothingPlayed,
    drain: (session, played, playing) =>
      drain(session, world, played, playing === 'pieces' ? 1 : 0),
    startTls: (session) => session.tlsStarted(world.mechanismsUnderTls ?? []),
  });

/** Answers whatever the session asks until it needs input, or is over. */
export function drain(session: Pop3Session, world: World, played: Played, pieceBytes = 0): void {
  for (;;) {
    const event = session.next();
    if (event.kind === 'message') {
      giveMessage(session, world.mailbox.messages[event.index]!, pieceBytes);
    } else if (isQuestion(event)) {
      if (event.kind === 'update') played.deleted = event.deleted;
      session.answer(world.answers(event));
    } else {
      played.output += session
        .output()
        .map((piece) => (typeof piece === 'string' ? piece : piece.toString('latin1')))
        .join('');
      if (event.kind === 'need-input') return;
      if (event.kind !== 'flush') played.events.push(event.kind);
      if (event.kind === 'close' || event.kind === 'starttls') return;
    }
  }
}

function giveMessage(session: Pop3Session, message: string, pieceBytes: number): void {
  if (message === 'gone') {
    session.answer({ kind: 'refused', response: err('that message is gone') });
    return;
  }
  if (pieceBytes === 0) {
    session.answer({ kind: 'content', bytes: latin1(message) });
    return;
  }
  session.answer({ kind: 'pieces' });
  for (let at = 0; at < message.length; at += pieceBytes)
    if (!session.content(latin1(message.slice(at, at + pieceBytes)))) break;
  session.contentEnd();
}

export const nothingPlayed = (): Played => ({ output: '', events: [], deleted: undefined });
