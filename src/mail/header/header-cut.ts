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

/** Octets of a message, and what is put in their place. */
export interface Splice extends Range {
  readonly put: Uint8Array;
}

/** The same message without these octets of it. The ranges are in order and apart. */
export const withoutRanges = (source: Readable, ranges: readonly Range[]): Readable =>
  spliced(source, ranges);

/** The same message with others in place of these octets of it. They are in order and apart. */
export function spliced(source: Readable, splices: readonly (Range | Splice)[]): Readable {
  const more = splices.reduce((sum, one) => sum + putOf(one).length + one.start - one.end, 0);
  const { bytes } = source;
  if (bytes === undefined)
    return { size: source.size + more, read: () => piecesOf(source.read(), splices) };
  const cutter = new Cutter(splices);
  return memory(Buffer.concat([...cutter.kept(bytes), ...cutter.rest()]));
}

async function* piecesOf(pieces: AsyncIterable<Uint8Array>, splices: readonly (Range | Splice)[]) {
  const cutter = new Cutter(splices);
  for await (const piece of pieces) yield* cutter.kept(piece);
  yield* cutter.rest();
}

const nothing = new Uint8Array();
const putOf = (splice: Range | Splice): Uint8Array => ('put' in splice ? splice.put : nothing);

/** Goes through a message once, and through the splices with it. */
class Cutter {
  readonly #splices: readonly (Range | Splice)[];
  /** The next one; what is put in its place has been given out when its first octet was passed. */
  #next = 0;
  #isPut = false;
  /** Where in the message the next piece begins. */
  #from = 0;

  constructor(splices: readonly (Range | Splice)[]) {
    this.#splices = splices;
  }

  /** What stays of the next piece, and what comes into it. */
  *kept(piece: Uint8Array): Generator<Uint8Array> {
    const from = this.#from;
    this.#from += piece.length;
    let at = 0;
    while (at < piece.length) {
      const splice = this.#splices[this.#next];
      const start =
        splice === undefined ? piece.length : Math.min(splice.start - from, piece.length);
      if (start > at) yield piece.subarray(at, start);
      if (splice === undefined || start === piece.length) return;
      yield* this.#put(splice);
      at = splice.end - from;
      // What a splice covers beyond this piece is taken from the next one.
      if (at > piece.length) return;
      this.#next += 1;
      this.#isPut = false;
    }
  }

  /** What is put behind the last octet. */
  *rest(): Generator<Uint8Array> {
    for (; this.#next < this.#splices.length; this.#next += 1) {
      yield* this.#put(this.#splices[this.#next]!);
      this.#isPut = false;
    }
  }

  *#put(splice: Range | Splice): Generator<Uint8Array> {
    const put = putOf(splice);
    if (!this.#isPut && put.length > 0) yield put;
    this.#isPut = true;
  }
}
