// Tests of a session written as dialogues, for every protocol. Each is played three times: line by line,
// with every response where it stands; byte by byte; and all at once, as a pipelining client would.
//
//   C: a line of the client    c: the same without CRLF after it    S: a line of the server
//   T: TLS begins here         other marks mean what the protocol's player says
//   <CR> <LF> <NUL> <xHH> stand for octets, <x255> for 255 times an x

import assert from 'node:assert/strict';
import { it } from 'node:test';

/** What was heard of a session. */
export interface Heard {
  /** What it said: octets as latin1. */
  output: string;
}

/** What a protocol brings along: its session, and how it is driven. */
export interface Player<Session extends { receive(bytes: Uint8Array): void }, H extends Heard> {
  readonly open: () => Session;
  readonly nothing: () => H;
  /** Answers whatever the session asks until it needs input, or is over. */
  readonly drain: (session: Session, heard: H, playing: Playing) => void;
  readonly startTls: (session: Session, heard: H, playing: Playing) => void;
  /** Whether nothing more may be sent to the session. Default: never. */
  readonly over?: (heard: H) => boolean;
  /** What stands on an S: line, where that is not plain text. */
  readonly said?: (line: string) => string;
  /** A line of another mark, when it is reached line by line. */
  readonly mark?: (line: string, heard: H) => void;
  /** What else must be true at the end. */
  readonly end?: (lines: readonly string[], heard: H, playing: Playing) => void;
}

export type Playing = 'lines' | 'pieces';

/** Returns a function that makes a test of a dialogue, whose first line is the test's title. */
export function transcriptsOf<S extends { receive(bytes: Uint8Array): void }, H extends Heard>(
  player: Player<S, H>,
): (text: string) => void {
  return (text) => {
    const [title = '', ...lines] = text.trim().split(/\n\s*/);
    it(title, () => {
      playLines(player, lines);
      playPieces(player, lines, (client) => [...client].map(latin1));
      playPieces(player, lines, (client) => [latin1(client)]);
    });
  };
}

function playLines<S extends { receive(bytes: Uint8Array): void }, H extends Heard>(
  player: Player<S, H>,
  lines: readonly string[],
): void {
  const { said = textOf } = player;
  const session = player.open();
  const heard = player.nothing();
  player.drain(session, heard, 'lines');
  for (const line of lines) {
    if (line.startsWith('S:')) {
      const end = heard.output.indexOf('\r\n');
      assert.notEqual(end, -1, `nothing was said where the dialogue has: ${line}`);
      assert.equal(heard.output.slice(0, end).trimEnd(), said(line).trimEnd());
      heard.output = heard.output.slice(end + 2);
    } else if (line.startsWith('T:')) {
      player.startTls(session, heard, 'lines');
    } else if (isClient(line)) {
      assert.equal(heard.output, '', `said before: ${line}`);
      session.receive(latin1(clientText(line)));
      player.drain(session, heard, 'lines');
    } else {
      assert.ok(player.mark, `no line of a dialogue: ${line}`);
      player.mark(line, heard);
    }
  }
  assert.equal(heard.output, '', 'said more than the dialogue has');
  player.end?.(lines, heard, 'lines');
}

function playPieces<S extends { receive(bytes: Uint8Array): void }, H extends Heard>(
  player: Player<S, H>,
  lines: readonly string[],
  cut: (client: string) => readonly Uint8Array[],
): void {
  const { said = textOf } = player;
  const session = player.open();
  const heard = player.nothing();
  player.drain(session, heard, 'pieces');
  // What follows STARTTLS in the same write is thrown away, so each side of it is played apart.
  const tls = lines.findIndex((line) => line.startsWith('T:'));
  const parts = tls === -1 ? [lines] : [lines.slice(0, tls), lines.slice(tls)];
  for (const part of parts) {
    if (part[0]?.startsWith('T:')) player.startTls(session, heard, 'pieces');
    for (const piece of cut(part.filter(isClient).map(clientText).join(''))) {
      session.receive(piece);
      player.drain(session, heard, 'pieces');
      if (player.over?.(heard) === true) break;
    }
  }
  assert.deepEqual(
    heard.output.split('\r\n').map((line) => line.trimEnd()),
    [...lines.filter((line) => line.startsWith('S:')).map((line) => said(line).trimEnd()), ''],
  );
  player.end?.(lines, heard, 'pieces');
}

const isClient = (line: string): boolean => /^c:/i.test(line);
const clientText = (line: string): string => textOf(line) + (line.startsWith('C:') ? '\r\n' : '');

export const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const named = new Map([
  ['CR', '\r'],
  ['LF', '\n'],
  ['NUL', '\0'],
]);

/** What stands behind the mark. */
export const textOf = (line: string): string =>
  line
    .slice(3)
    .replaceAll(/<x(\d{3,6})>/g, (_, count: string) => 'x'.repeat(Number(count)))
    .replaceAll(
      /<(CR|LF|NUL|x([0-9a-f]{2}))>/g,
      (_, name: string, hex?: string) =>
        named.get(name) ?? String.fromCharCode(Number.parseInt(hex ?? '0', 16)),
    );
