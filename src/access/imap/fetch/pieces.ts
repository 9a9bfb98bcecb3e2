// Pieces of a message on their way to a client: never more of a large one in memory than a piece.

import type { Extent } from '../../../imap/section.ts';
import type { Content } from '../../../store/content.ts';

export type Pieces = AsyncIterable<Uint8Array>;

const CR = 0x0d;
const LF = 0x0a;

/** The octets of a range, of what may be too large to be held. */
export async function* piecesOf(content: Content, { start, end }: Extent): Pieces {
  if (content.bytes !== undefined) {
    if (end > start) yield content.bytes.subarray(start, end);
    return;
  }
  if (end > start) yield* sliceOf(content.read({ from: start }), 0, end - start);
}

/** From `offset` on, at most `length` octets. */
export async function* sliceOf(pieces: Pieces, offset: number, length: number): Pieces {
  let at = 0;
  const end = offset + length;
  for await (const piece of pieces) {
    const from = Math.max(offset - at, 0);
    const to = Math.min(end - at, piece.length);
    if (to > from) yield piece.subarray(from, to);
    at += piece.length;
    if (at >= end) return;
  }
}

/** How many octets, and whether one of them is NUL. */
export async function measure(pieces: Pieces): Promise<{ octets: number; hasNul: boolean }> {
  let octets = 0;
  let hasNul = false;
  for await (const piece of pieces) {
    octets += piece.length;
    hasNul ||= piece.includes(0);
  }
  return { octets, hasNul };
}

export async function gather(pieces: Pieces): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return all.length === 1 ? all[0]! : Buffer.concat(all);
}

/** RFC 9051 §7.5.2, BINARY: lines of text end in CRLF, whatever they ended in. */
export async function* withCrlf(pieces: Pieces): Pieces {
  let previous = 0;
  for await (const piece of pieces) {
    if (piece.length === 0) continue;
    yield completed(piece, previous);
    previous = piece[piece.length - 1]!;
  }
}

/** With a CR before each LF that has none. */
function completed(piece: Uint8Array, before: number): Uint8Array {
  const bare: number[] = [];
  for (let at = piece.indexOf(LF); at !== -1; at = piece.indexOf(LF, at + 1))
    if ((at === 0 ? before : piece[at - 1]) !== CR) bare.push(at);
  if (bare.length === 0) return piece;
  const result = new Uint8Array(piece.length + bare.length);
  let from = 0;
  for (const [index, at] of bare.entries()) {
    result.set(piece.subarray(from, at), from + index);
    result[at + index] = CR;
    from = at;
  }
  result.set(piece.subarray(from), from + bare.length);
  return result;
}
