// What a message is without some fields of its header: where they are, and the rest of its octets as they
// came. The body is never touched. What is a field of the header, header-walk.ts decides; every octet
// that does not belong to one of them stays.

import { headerBytesMax } from './header.ts';
import { HeaderWalk } from './header-walk.ts';

/** Content that can be read repeatedly. */
export interface Readable {
  readonly size: number;
  /** All of it, where it is in memory. */
  readonly bytes?: Uint8Array | undefined;
  read(): AsyncIterable<Uint8Array>;
}

export const memory = (bytes: Uint8Array): Readable => ({
  ...{ size: bytes.length, bytes },
  async *read() {
    yield bytes;
  },
});

/** Octets of a message. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * The first octets of a message with its header in them. Limit: of a header that is longer than
 * `headerBytesMax` the rest is not looked at.
 */
export async function readHeader(source: Readable): Promise<Uint8Array> {
  if (source.bytes !== undefined) return source.bytes;
  let head = Buffer.alloc(0);
  for await (const piece of source.read()) {
    head = Buffer.concat([head, piece]);
    if (isWhole(head) || head.length >= headerBytesMax) break;
  }
  return head;
}

/** Whether the header ends within these octets, and not with them. */
function isWhole(head: Uint8Array): boolean {
  const walk = new HeaderWalk(head);
  while (walk.next());
  return walk.complete;
}

/** Where the fields of that name are, in order; their folded lines belong to them. In lower case. */
export function fieldsNamed(head: Uint8Array, name: string): readonly Range[] {
  let found: Range[] | undefined;
  const walk = new HeaderWalk(head);
  while (walk.next()) {
    if (walk.nameLength !== name.length || !walk.isNamed(name)) continue;
    found ??= [];
    found.push({ start: walk.start, end: walk.end });
  }
  return found ?? none;
}

const none: readonly Range[] = [];

/** All of them, in order and apart. */
export function union(all: readonly Range[]): readonly Range[] {
  const apart: { start: number; end: number }[] = [];
  for (const { start, end } of all.toSorted((a, b) => a.start - b.start)) {
    const last = apart.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else apart.push({ start, end });
  }
  return apart;
}

/** The same message without these octets of it. The ranges are in order and apart. */
export function withoutRanges(source: Readable, ranges: readonly Range[]): Readable {
  const left = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  const { bytes } = source;
  if (bytes === undefined)
    return { size: source.size - left, read: () => piecesWithout(source.read(), ranges) };
  return memory(Buffer.concat([...new Cutter(ranges).kept(bytes)]));
}

async function* piecesWithout(pieces: AsyncIterable<Uint8Array>, ranges: readonly Range[]) {
  const cutter = new Cutter(ranges);
  for await (const piece of pieces) yield* cutter.kept(piece);
}

/** Goes through a message once, and through the ranges with it. */
class Cutter {
  readonly #ranges: readonly Range[];
  #range = 0;
  /** Where in the message the next piece begins. */
  #from = 0;

  constructor(ranges: readonly Range[]) {
    this.#ranges = ranges;
  }

  /** What stays of the next piece. */
  *kept(piece: Uint8Array): Generator<Uint8Array> {
    const from = this.#from;
    this.#from += piece.length;
    let at = 0;
    while (at < piece.length) {
      const range = this.#ranges[this.#range];
      const start = range === undefined ? piece.length : Math.min(range.start - from, piece.length);
      if (start > at) yield piece.subarray(at, start);
      if (range === undefined || start === piece.length) return;
      at = range.end - from;
      // What a range covers beyond this piece is taken from the next one.
      if (at <= piece.length) this.#range += 1;
    }
  }
}
