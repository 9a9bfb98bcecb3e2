// Tests of a server session written as dialogues. Each is played three times: line by line, with
// every reply where it stands; byte by byte; and all at once, as a pipelining client would.
//
//   C: a line of the client     c: the same without CRLF after it (chunks)
//   S: a line of the server     M: a message the owner got, with <CR> and <LF> for its line ends
//   T: TLS begins here          <CR> <LF> <NUL> <xHH> stand for octets

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Reply } from '../reply.ts';
import type { Question } from './event.ts';
import { isQuestion } from './event.ts';
import type { ServerSession } from './session.ts';

export type Answer =
  | Reply
  | { readonly each: readonly Reply[] }
  | { readonly challenge: Uint8Array };
export type Answers = (question: Question) => Answer;

export interface Heard {
  output: string;
  /** Whole messages, latin1. */
  readonly messages: string[];
  /** Kinds of events that are neither questions, content nor need-input. */
  readonly events: string[];
}

/** Returns a function that makes a test of a dialogue, whose first line is the test's title. */
export function transcripts(open: () => ServerSession, answers: Answers): (text: string) => void {
  return (text) => {
    const [title = '', ...lines] = text.trim().split(/\n */);
    it(title, () => {
      playLines(open(), answers, lines);
      playPieces(open(), answers, lines, (client) => [...client].map(latin1));
      playPieces(open(), answers, lines, (client) => [latin1(client)]);
    });
  };
}

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
      if (event.kind === 'close' || event.kind === 'starttls') break;
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
  else session.answer(answer);
}

function playLines(session: ServerSession, answers: Answers, lines: readonly string[]): void {
  const heard: Heard = { output: '', messages: [], events: [] };
  drain(session, answers, heard);
  let unheard = heard.output;
  const expected = lines.filter((line) => line.startsWith('M:')).map(textOf);
  for (const line of lines) {
    if (line.startsWith('S:')) {
      const end = unheard.indexOf('\r\n');
      assert.notEqual(end, -1, `nothing was said where the dialogue has: ${line}`);
      assert.equal(unheard.slice(0, end).trimEnd(), line.slice(3).trimEnd());
      unheard = unheard.slice(end + 2);
    } else if (line.startsWith('T:')) {
      session.tlsStarted({ mechanisms: ['PLAIN', 'SCRAM-SHA-256'], trusted: false });
    } else if (isClient(line)) {
      assert.equal(unheard, '', `said before: ${line}`);
      session.receive(latin1(clientText(line)));
      heard.output = '';
      drain(session, answers, heard);
      unheard = heard.output;
    }
  }
  assert.equal(unheard, '', 'said more than the dialogue has');
  assert.deepEqual(heard.messages.slice(0, expected.length), expected);
}

function playPieces(
  session: ServerSession,
  answers: Answers,
  lines: readonly string[],
  cut: (client: string) => readonly Uint8Array[],
): void {
  const heard: Heard = { output: '', messages: [], events: [] };
  drain(session, answers, heard);
  // What follows STARTTLS in the same write is thrown away, so each side of it is played apart.
  const tls = lines.findIndex((line) => line.startsWith('T:'));
  const parts = tls === -1 ? [lines] : [lines.slice(0, tls), lines.slice(tls)];
  for (const part of parts) {
    if (part[0]?.startsWith('T:'))
      session.tlsStarted({ mechanisms: ['PLAIN', 'SCRAM-SHA-256'], trusted: false });
    for (const piece of cut(part.filter(isClient).map(clientText).join(''))) {
      session.receive(piece);
      drain(session, answers, heard);
    }
  }
  const said = heard.output.split('\r\n').map((line) => line.trimEnd());
  const expected = lines.filter((line) => line.startsWith('S:')).map((l) => l.slice(3).trimEnd());
  assert.deepEqual(said.slice(0, -1), expected);
  assert.deepEqual(heard.messages, lines.filter((line) => line.startsWith('M:')).map(textOf));
}

const isClient = (line: string): boolean => /^c:/i.test(line);
const clientText = (line: string): string => textOf(line) + (line.startsWith('C:') ? '\r\n' : '');
const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const named = new Map([
  ['CR', '\r'],
  ['LF', '\n'],
  ['NUL', '\0'],
]);

const textOf = (line: string): string =>
  line
    .slice(3)
    .replaceAll(
      /<(CR|LF|NUL|x([0-9a-f]{2}))>/g,
      (_, name: string, hex?: string) =>
        named.get(name) ?? String.fromCharCode(Number.parseInt(hex ?? '0', 16)),
    );
