// What the writers of one spool share: the memory they may use, spare blocks, the place where content goes,
// and the latest content, which is mostly read once more right away.

import type { ReadOptions } from '../content.ts';
import { memoryContent } from '../content.ts';

/** What the spool asks of a file that is being written: a test puts a failing disk here. */
export interface SpoolFile {
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** Where content goes that is not kept in memory: files of a directory, rows of a database. */
export interface SpoolPlace {
  newKey(): string;
  open(key: string): Promise<SpoolFile>;
  /** What was written is there for good, and is found by its key. */
  sync(): Promise<void>;
  /** Never throws. */
  discard(key: string): Promise<void>;
}

export interface SpoolMemory {
  /** What all writers together may hold in memory before they go to their files early. */
  readonly memoryBytesMax?: number;
  /** What may be kept in memory of content that was written; 0 for nothing. */
  readonly recentBytesMax?: number;
}

/** Limit: one write to a file. */
export const blockBytes = 128 * 2 ** 10;
// Limit: blocks kept for the next writer.
const spareBlocksMax = 32;
const memoryBytesMaxDefault = 64 * 2 ** 20;
/** Limits: content of at most this size is kept after it was written; and so much of it in all, the latest. */
export const recentContentBytesMax = 2 ** 20;
const recentBytesMaxDefault = 32 * 2 ** 20;

/** What the writers of one spool share: the memory they may use, spare blocks, where content goes. */
export class Shared {
  readonly recent: RecentContent;
  readonly place: SpoolPlace;
  readonly #memoryBytesMax: number;
  readonly #spareBlocks: Buffer[] = [];
  #memoryBytes = 0;
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;

  constructor(place: SpoolPlace, { memoryBytesMax, recentBytesMax }: SpoolMemory = {}) {
    this.place = place;
    this.#memoryBytesMax = memoryBytesMax ?? memoryBytesMaxDefault;
    this.recent = new RecentContent(recentBytesMax ?? recentBytesMaxDefault);
  }

  /** False when there is no room in memory: then the writer goes to its file. */
  reserve(bytes: number, share = 1): boolean {
    if (this.#memoryBytes + bytes > share * this.#memoryBytesMax) return false;
    this.#memoryBytes += bytes;
    return true;
  }

  unreserve(bytes: number): void {
    this.#memoryBytes -= bytes;
  }

  takeBlock(): Buffer {
    return this.#spareBlocks.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  }

  giveBlock(block: Buffer): void {
    if (this.#spareBlocks.length < spareBlocksMax) this.#spareBlocks.push(block);
  }

  /** Those who come while the place is being synced share the next sync. */
  sync(): Promise<void> {
    if (this.#syncing === undefined) {
      this.#syncing = this.#sync();
      return this.#syncing;
    }
    this.#nextSync ??= this.#syncing
      .catch(() => {})
      .then(() => {
        this.#nextSync = undefined;
        this.#syncing = this.#sync();
        return this.#syncing;
      });
    return this.#nextSync;
  }

  async close(): Promise<void> {
    await this.#syncing?.catch(() => {});
  }

  async #sync(): Promise<void> {
    try {
      await this.place.sync();
    } finally {
      if (this.#nextSync === undefined) this.#syncing = undefined;
    }
  }
}

/** The latest content that was written, by key. Its blocks are never written to again. */
class RecentContent {
  readonly #bytesMax: number;
  readonly #contents = new Map<string, readonly Uint8Array[]>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(key: string): readonly Uint8Array[] | undefined {
    return this.#contents.get(key);
  }

  add(key: string, blocks: readonly Uint8Array[]): void {
    this.#contents.set(key, blocks);
    this.#bytes += sizeOf(blocks);
    for (const oldest of this.#contents.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const blocks = this.#contents.get(key);
    if (blocks === undefined) return;
    this.#contents.delete(key);
    this.#bytes -= sizeOf(blocks);
  }
}

/** What they take: a block holds its whole memory. */
const sizeOf = (blocks: readonly Uint8Array[]): number =>
  blocks.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);

/** Content that was kept, in pieces. */
export async function* readBlocks(
  blocks: readonly Uint8Array[],
  { from = 0 }: ReadOptions = {},
): AsyncIterable<Uint8Array> {
  let left = from;
  for (const block of blocks) {
    yield* memoryContent(block).read({ from: left });
    left = Math.max(left - block.length, 0);
  }
}
