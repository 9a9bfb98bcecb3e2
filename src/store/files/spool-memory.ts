// What the writers of one spool share: the memory they may use, spare blocks, syncs of the directory, and
// the latest content, which is mostly read once more right away.

import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, syncDirectory } from './directory.ts';

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

export interface SharedOptions {
  /** Made when it is first needed. */
  readonly directory: string;
  /** What all writers together may hold in memory before they go to their files early. */
  readonly memoryBytesMax?: number;
  /** What may be kept in memory of content that was written; 0 for nothing. */
  readonly recentBytesMax?: number;
  readonly openFile?: (path: string) => Promise<SpoolFile>;
}

/** Limit: one write to a file. */
export const blockBytes = 128 * 2 ** 10;
// Limit: blocks kept for the next writer.
const spareBlocksMax = 32;
const memoryBytesMaxDefault = 64 * 2 ** 20;
/** Limits: content of at most this size is kept after it was written; and so much of it in all, the latest. */
export const recentContentBytesMax = 2 ** 20;
const recentBytesMaxDefault = 32 * 2 ** 20;

/** What the writers of one spool share: the memory they may use, spare blocks, directory syncs. */
export class Shared {
  readonly recent: RecentContent;
  readonly #directory: string;
  readonly #memoryBytesMax: number;
  readonly #openFile: (path: string) => Promise<SpoolFile>;
  readonly #spareBlocks: Buffer[] = [];
  #memoryBytes = 0;
  #made: Promise<unknown> | undefined;
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;

  constructor({ directory, memoryBytesMax, recentBytesMax, openFile }: SharedOptions) {
    this.#directory = directory;
    this.#memoryBytesMax = memoryBytesMax ?? memoryBytesMaxDefault;
    this.recent = new RecentContent(recentBytesMax ?? recentBytesMaxDefault);
    this.#openFile = openFile ?? createFile;
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

  path(key: string): string {
    return join(this.#directory, key);
  }

  async openFile(key: string): Promise<SpoolFile> {
    try {
      await this.#makeDirectory();
      return await this.#openFile(this.path(key));
    } catch (error) {
      this.#made = undefined;
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      // Somebody has removed it, or moved it away.
      await this.#makeDirectory();
      return this.#openFile(this.path(key));
    }
  }

  #makeDirectory(): Promise<unknown> {
    this.#made ??= makeDirectory(this.#directory);
    return this.#made;
  }

  /** Those who come while the directory is being synced share the next sync. */
  syncDirectory(): Promise<void> {
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
      // Opened each time: the one that bears the name may be another by now.
      await syncDirectory(this.#directory);
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

const createFile = (path: string): Promise<SpoolFile> => open(path, 'wx', 0o600);
