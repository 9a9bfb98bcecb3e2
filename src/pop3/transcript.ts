// Tests of a session written as dialogues. Each is played three times: line by line, with every
// response where it stands; byte by byte; and all at once, as a pipelining client would. Messages are
// given to the session in one piece, and in pieces, in turn.
//
//   C: a line of the client    S: a line of the server    T: TLS begins here
//   <CR> <LF> <NUL> <xHH> stand for octets, <x255> for 255 times an x

import assert from 'node:assert/strict';
import { it } from 'node:test';
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

/** Returns a function that makes a test of a dialogue, whose first line is the test's title. */
export function transcripts(world: World): (text: string) => void {
  return (text) => {
    const [title = '', ...lines] = text.trim().split(/\n */);
    it(title, () => {
      playLines(world, lines);
      playPieces(world, lines, (client) => [...client].map(latin1));
      playPieces(world, lines, (client) => [latin1(client)]);
    });
  };
}

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

function playLines(world: World, lines: readonly string[]): void {
  const session = world.open();
  const played = nothingPlayed();
  drain(session, world, played);
  for (const line of lines) {
    if (line.startsWith('S:')) {
      const end = played.output.indexOf('\r\n');
      assert.notEqual(end, -1, `nothing was said where the dialogue has: ${line}`);
      assert.equal(played.output.slice(0, end).trimEnd(), textOf(line).trimEnd());
      played.output = played.output.slice(end + 2);
    } else if (line.startsWith('T:')) {
      session.tlsStarted(world.mechanismsUnderTls ?? []);
    } else {
      assert.match(line, /^C:/);
      assert.equal(played.output, '', `said before: ${line}`);
      session.receive(latin1(`${textOf(line)}\r\n`));
      drain(session, world, played);
    }
  }
  assert.equal(played.output, '', 'said more than the dialogue has');
}

function playPieces(
  world: World,
  lines: readonly string[],
  cut: (client: string) => readonly Uint8Array[],
): void {
  const session = world.open();
  const played = nothingPlayed();
  drain(session, world, played);
  // What follows STLS in the same write is thrown away, so each side of it is played apart.
  const tls = lines.findIndex((line) => line.startsWith('T:'));
  const parts = tls === -1 ? [lines] : [lines.slice(0, tls), lines.slice(tls)];
  for (const part of parts) {
    if (part[0]?.startsWith('T:')) session.tlsStarted(world.mechanismsUnderTls ?? []);
    const client = part.filter((line) => line.startsWith('C:'));
    for (const piece of cut(client.map((line) => `${textOf(line)}\r\n`).join(''))) {
      session.receive(piece);
      drain(session, world, played, 1);
    }
  }
  const said = played.output.split('\r\n').map((line) => line.trimEnd());
  const expected = lines.filter((line) => line.startsWith('S:')).map((l) => textOf(l).trimEnd());
  assert.deepEqual(said, [...expected, '']);
}

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const named = new Map([
  ['CR', '\r'],
  ['LF', '\n'],
  ['NUL', '\0'],
]);

const textOf = (line: string): string =>
  line
    .slice(3)
    .replaceAll(/<x(\d{3,6})>/g, (_, count: string) => 'x'.repeat(Number(count)))
    .replaceAll(
      /<(CR|LF|NUL|x([0-9a-f]{2}))>/g,
      (_, name: string, hex?: string) =>
        named.get(name) ?? String.fromCharCode(Number.parseInt(hex ?? '0', 16)),
    );
