// Pieces of a message on their way to a client: never more of a large one in memory than a piece.

import type { Extent } from '../../imap/section.ts';
import type { Content } from '../../store/content.ts';

export type Pieces = AsyncIterable<Uint8Array>;

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
