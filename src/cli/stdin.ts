// What comes on stdin, as octets: a character may be cut in two on its way.

import { CliError } from './context.ts';

/** Limit: of a message. */
const messageBytesMax = 256 * 2 ** 20;
/** Limit: of what is read for one line. */
const lineBytesMax = 4096;

/** A message, to its end. @throws CliError */
export async function messageFrom(stdin: AsyncIterable<unknown>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stdin) {
    const octets = Buffer.from(piece as Uint8Array);
    size += octets.length;
    if (size > messageBytesMax)
      throw new CliError(2, 'the message on stdin is larger than 256 MiB');
    pieces.push(octets);
  }
  return Buffer.concat(pieces);
}

/** The first line, without its end; nothing behind it is waited for. */
export async function firstLineFrom(stdin: AsyncIterable<unknown>): Promise<string> {
  let start = Buffer.alloc(0);
  for await (const piece of stdin) {
    start = Buffer.concat([start, Buffer.from(piece as Uint8Array)]);
    if (start.includes('\n') || start.length > lineBytesMax) break;
  }
  return start.toString('utf8').split(/\r?\n/, 1)[0]!;
}
