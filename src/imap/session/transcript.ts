// Tests of a session written as dialogues. Each is played three times: line by line, with every
// response where it stands; byte by byte; and all at once, as a pipelining client would (literals
// without leave among it: what is said must be the same).
//
//   C: a line of the client    S: a line of the server    T: TLS begins here
//   E: events between, apart from questions, with the octets of messages
//   <CR> <LF> <NUL> <xHH> stand for octets, <x255> for 255 times an x

import assert from 'node:assert/strict';
import { it } from 'node:test';
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
    } else if (line.startsWith('E:')) {
      assert.equal(played.events.shift(), textOf(line));
    } else if (line.startsWith('T:')) {
      session.tlsStarted(world.mechanismsUnderTls ?? []);
      assert.deepEqual(played.events.splice(0), ['starttls']);
    } else {
      assert.match(line, /^C:/);
      assert.equal(played.output, '', `said before: ${line}`);
      session.receive(latin1(`${textOf(line)}\r\n`));
      drain(session, world, played);
    }
  }
  assert.equal(played.output, '', 'said more than the dialogue has');
  if (lines.some((line) => line.startsWith('E:')))
    assert.deepEqual(played.events, [], 'more happened than the dialogue has');
}

function playPieces(
  world: World,
  lines: readonly string[],
  cut: (client: string) => readonly Uint8Array[],
): void {
  const session = world.open();
  const played = nothingPlayed();
  drain(session, world, played);
  // What follows STARTTLS in the same write is thrown away, so each side of it is played apart.
  const tls = lines.findIndex((line) => line.startsWith('T:'));
  const parts = tls === -1 ? [lines] : [lines.slice(0, tls), lines.slice(tls)];
  for (const part of parts) {
    if (part[0]?.startsWith('T:')) session.tlsStarted(world.mechanismsUnderTls ?? []);
    const client = part.filter((line) => line.startsWith('C:'));
    for (const piece of cut(client.map((line) => `${textOf(line)}\r\n`).join(''))) {
      session.receive(piece);
      drain(session, world, played);
      if (played.events.at(-1)?.startsWith('close') === true) break;
    }
  }
  const said = played.output.split('\r\n').map((line) => line.trimEnd());
  const expected = lines.filter((line) => line.startsWith('S:')).map((l) => textOf(l).trimEnd());
  assert.deepEqual(said, [...expected, '']);
  const events = lines.filter((line) => line.startsWith('E:')).map(textOf);
  if (events.length > 0)
    assert.deepEqual(
      played.events.filter((event) => event !== 'starttls' && !event.startsWith('close')),
      events.filter((event) => !event.startsWith('close')),
    );
}

export const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const named = new Map([
  ['CR', '\r'],
  ['LF', '\n'],
  ['NUL', '\0'],
]);

export const textOf = (line: string): string =>
  line
    .slice(3)
    .replaceAll(/<x(\d{3,6})>/g, (_, count: string) => 'x'.repeat(Number(count)))
    .replaceAll(
      /<(CR|LF|NUL|x([0-9a-f]{2}))>/g,
      (_, name: string, hex?: string) =>
        named.get(name) ?? String.fromCharCode(Number.parseInt(hex ?? '0', 16)),
    );
