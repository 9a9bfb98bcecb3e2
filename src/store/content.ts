// Message content at rest: written once, shared by all recipients, never changed.

import { reply } from '../smtp/reply.ts';
import { StorageError } from '../smtp/smtp-error.ts';

/** How content is read. */
export interface ReadOptions {
  /** Octets at the beginning that are left out. */
  readonly from?: number | undefined;
  /** Whoever reads is done with a piece when it asks for the next one, which may then lie in its place. */
  readonly reuse?: boolean | undefined;
}

/** Content of a message, without the trace fields put in front of it. Can be read repeatedly. */
export interface Content {
  /** Octets. */
  readonly size: number;
  /** All of it, when it is small enough to be kept with its row; otherwise undefined: use read(). */
  readonly bytes: Uint8Array | undefined;
  /**
   * In order, in pieces of at most 64 KiB that are never written to again, unless `reuse` is asked
   * for: a socket may hold them for as long as it likes. @throws StorageError
   */
  read(options?: ReadOptions): AsyncIterable<Uint8Array>;
  /** Its bytes are not looked at any more: their memory may be used for something else. */
  free?(): void;
  /** Whether it is there and as long as it should be, where that is not certain. @throws ContentError */
  check?(): Promise<void>;
  /** The file that holds it and nothing else, where there is one: for whoever reads elsewhere. */
  readonly file?: string | undefined;
}

/** `missing` and `damaged` need a backup, or somebody who gives it up; `unreadable` is a matter of rights, or of the disk. */
export type ContentProblem = 'missing' | 'damaged' | 'unreadable';

// RFC 3463 §3.4: X.3.0. It may be put back: nothing is given up before its time.
const notHere = reply(451, '3.0', 'The content of this message cannot be read here');

/** Content that was stored is not there as it was. The message has the path: for the operator alone. */
export class ContentError extends StorageError {
  readonly problem: ContentProblem;

  constructor(problem: ContentProblem, message: string, options?: ErrorOptions) {
    super(message, { ...options, reply: notHere });
    this.problem = problem;
  }
}

/** Content that is durable, or will be with the transaction that carries it. */
export type StoredContent =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly key: string; readonly size: number };

export const storedSize = (content: StoredContent): number =>
  content.kind === 'inline' ? content.bytes.length : content.size;

/** Limit: what read() gives at once. */
export const pieceBytesMax = 64 * 2 ** 10;

/** Content that is in memory. */
export function memoryContent(bytes: Uint8Array): Content {
  return {
    size: bytes.length,
    bytes,
    async *read({ from = 0 } = {}) {
      for (let at = from; at < bytes.length; at += pieceBytesMax)
        yield bytes.subarray(at, Math.min(at + pieceBytesMax, bytes.length));
    },
  };
}

/** The same content with something in front of it. */
export function prefixed(prefix: Uint8Array, content: Content): Content {
  if (content.bytes !== undefined) return memoryContent(Buffer.concat([prefix, content.bytes]));
  return {
    size: prefix.length + content.size,
    bytes: undefined,
    ...(content.check && { check: content.check }),
    async *read({ from = 0, reuse } = {}) {
      yield* memoryContent(prefix).read({ from });
      yield* content.read({ from: Math.max(from - prefix.length, 0), reuse });
    },
  };
}

/** Content up to this many octets travels in the transaction of its queue row. */
export const inlineBytesMax = 128 * 2 ** 10;

/** Content up to this many octets may travel in the queue's journal. */
export const journalBytesMax = 2 ** 20;
