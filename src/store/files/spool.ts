// The spool in files: content is gathered in memory while it is small, then streamed to a file of its
// own. commit() promises that the file and its directory entry are on the disk. Memory is bounded for
// each writer and for all together, whatever the disk does.

import { randomBytes } from 'node:crypto';
import { lstat, open, readdir, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { assert } from '../../base/assert.ts';
import { freeMemory } from '../../base/free-memory.ts';
import type { StorageError } from '../../smtp/smtp-error.ts';
import type { Content, ContentError, ReadOptions, StoredContent } from '../content.ts';
import { inlineBytesMax, memoryContent } from '../content.ts';
import { StoreOpenError } from '../open-error.ts';
import type { ContentWriter, Spool, SpoolUpkeep } from '../spool.ts';
import { makeDirectory, syncDirectory } from './directory.ts';
import { checkFile, fileContent, findFile, readFile, storageError } from './file-content.ts';

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

export interface FileSpoolOptions {
  /** Made when it is first needed. */
  readonly directory: string;
  /** What all writers together may hold in memory before they go to their files early. */
  readonly memoryBytesMax?: number;
  /** What may be kept in memory of content that was written; 0 for nothing. */
  readonly recentBytesMax?: number;
  /** Content of what is relayed comes back in memory up to this size. */
  readonly relayedBytesMax?: number;
  readonly openFile?: (path: string) => Promise<SpoolFile>;
}

export interface Recovered {
  /** Files that nothing referred to. */
  readonly removed: number;
  readonly faults: readonly ContentError[];
}

// Limit: one write to a file; two of them may be under way for each writer.
const blockBytes = 128 * 2 ** 10;
const pendingBytesMax = 2 * blockBytes;
// Limit: blocks kept for the next writer.
const spareBlocksMax = 32;
// The least that is allocated for content which comes in small pieces.
const growBytesMin = 4 * 2 ** 10;

const memoryBytesMaxDefault = 64 * 2 ** 20;
// Limit: what content that is not small may take of that.
const relayedShare = 1 / 4;

// Limits: content of at most this size is kept in memory after it was written, since most of it is
// read once more right away; and so much of it in all, the latest.
const recentContentBytesMax = 2 ** 20;
const recentBytesMaxDefault = 32 * 2 ** 20;

export class FileSpool implements Spool, SpoolUpkeep {
  readonly #directory: string;
  readonly #shared: Shared;
  readonly #relayedBytesMax: number;
  #holds = 0;
  readonly #removedLater: string[] = [];

  constructor(options: FileSpoolOptions) {
    this.#directory = options.directory;
    this.#relayedBytesMax = options.relayedBytesMax ?? inlineBytesMax;
    this.#shared = new Shared(options);
  }

  create({ relayed }: { readonly relayed: boolean } = { relayed: false }): ContentWriter {
    return new FileWriter(this.#shared, relayed ? this.#relayedBytesMax : inlineBytesMax);
  }

  async store(bytes: Uint8Array): Promise<StoredContent> {
    const writer = new FileWriter(this.#shared, 0);
    try {
      await writer.write(bytes);
    } catch (error) {
      await writer.abort();
      throw error;
    }
    return writer.commit();
  }

  open(stored: StoredContent): Content {
    if (stored.kind === 'inline') return memoryContent(stored.bytes);
    const { key, size } = stored;
    const path = join(this.#directory, checkedKey(key));
    const { recent } = this.#shared;
    return {
      ...fileContent(path, size),
      // What was just written is where we saw it a moment ago.
      check: async () => (recent.get(key) === undefined ? checkFile(path, size) : undefined),
      read(options) {
        const blocks = recent.get(key);
        return blocks === undefined ? readFile(path, size, options) : readBlocks(blocks, options);
      },
    };
  }

  async remove(key: string): Promise<void> {
    if (this.#holds > 0) {
      this.#removedLater.push(key);
      return;
    }
    this.#shared.recent.delete(key);
    try {
      await unlink(join(this.#directory, checkedKey(key)));
    } catch {
      // It is gone already, or will be found unreferenced at the next start.
    }
  }

  hold(): () => void {
    this.#holds += 1;
    let held = true;
    return () => {
      if (held) this.#holds -= 1;
      held = false;
      if (this.#holds > 0) return;
      for (const key of this.#removedLater.splice(0)) void this.remove(key);
    };
  }

  look({ key, size }: { readonly key: string; readonly size: number }): Promise<void> {
    return checkFile(join(this.#directory, checkedKey(key)), size);
  }

  async setAside(key: string): Promise<string | undefined> {
    const from = join(this.#directory, checkedKey(key));
    const to = join(dirname(this.#directory), 'lost', key);
    this.#shared.recent.delete(key);
    if ((await lstat(from).catch(() => undefined)) === undefined) return undefined;
    await makeDirectory(dirname(to));
    await rename(from, to);
    return to;
  }

  /**
   * Before anything is received: removes files of receptions that never ended, and finds out which
   * files that rows refer to are not as they were written. Mail goes on without them.
   */
  async recover(
    referenced: Iterable<{ readonly key: string; readonly size: number }>,
  ): Promise<Recovered> {
    const unknown = new Set(await this.#names());
    const faults: ContentError[] = [];
    for (const { key, size } of referenced) {
      const path = join(this.#directory, checkedKey(key));
      unknown.delete(key);
      const fault = await findFile(path, size);
      if (fault !== undefined) faults.push(fault);
    }
    for (const key of unknown) await unlink(join(this.#directory, key)).catch(() => {});
    return { removed: unknown.size, faults };
  }

  async #names(): Promise<readonly string[]> {
    try {
      await makeDirectory(this.#directory);
      return await readdir(this.#directory);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const what = `${this.#directory} is not a folder that can be used (${code})`;
      const cure = 'move away what is in its place, and put the folder back from a backup';
      throw new StoreOpenError('damaged', `${what}: ${cure}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shared.close();
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

/** What the writers of one spool share: the memory they may use, spare blocks, directory syncs. */
class Shared {
  readonly recent: RecentContent;
  readonly #directory: string;
  readonly #memoryBytesMax: number;
  readonly #openFile: (path: string) => Promise<SpoolFile>;
  readonly #spareBlocks: Buffer[] = [];
  #memoryBytes = 0;
  #made: Promise<unknown> | undefined;
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;

  constructor({ directory, memoryBytesMax, recentBytesMax, openFile }: FileSpoolOptions) {
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

/** Limit: what is kept in memory of content that is a file. */
const headBytesMax = 16 * 2 ** 10;

/** Small pieces of content, then a file. */
class FileWriter implements ContentWriter {
  readonly #shared: Shared;
  readonly #keptBytesMax: number;
  #size = 0;
  /** In memory: full buffers and the last one, which may have room. */
  #buffers: Buffer[] = [];
  #last: Buffer | undefined;
  #lastLength = 0;
  #reserved = 0;
  #file: OutputFile | undefined;
  /** Kept of what has gone into the file. */
  #head: Uint8Array | undefined;
  #ended = false;

  constructor(shared: Shared, keptBytesMax: number) {
    this.#shared = shared;
    this.#keptBytesMax = keptBytesMax;
  }

  get size(): number {
    return this.#size;
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    assert(!this.#ended, 'a writer that was committed or aborted takes nothing more');
    if (bytes.length === 0) return undefined;
    this.#size += bytes.length;
    if (this.#file === undefined) {
      if (this.#size <= this.#keptBytesMax && this.#keep(bytes)) return undefined;
      this.#spill();
    }
    return this.#file!.write(bytes);
  }

  head(): Uint8Array {
    if (this.#head !== undefined) return this.#head;
    const pieces: Uint8Array[] = [];
    let left = headBytesMax;
    for (const piece of [...this.#buffers, this.#last?.subarray(0, this.#lastLength)]) {
      if (piece === undefined || left === 0) break;
      const taken = piece.subarray(0, left);
      pieces.push(taken);
      left -= taken.length;
    }
    return Buffer.concat(pieces);
  }

  async commit(): Promise<StoredContent> {
    assert(!this.#ended, 'a writer ends once');
    this.#ended = true;
    const file = this.#file;
    if (file === undefined) {
      const bytes = this.#gathered();
      this.#buffers = [];
      this.#last = undefined;
      // What is not small counts until it is somebody else's.
      if (this.#size <= inlineBytesMax) this.#letGo();
      return { kind: 'inline', bytes };
    }
    await file.commit();
    return { kind: 'file', key: file.key, size: this.#size };
  }

  release(): void {
    this.#letGo();
  }

  async abort(): Promise<void> {
    this.#ended = true;
    this.#letGo();
    await this.#file?.abort();
  }

  #keep(bytes: Uint8Array): boolean {
    const room = this.#last === undefined ? 0 : this.#last.length - this.#lastLength;
    if (bytes.length > room) {
      // Most messages come in one piece: its buffer fits exactly.
      const wanted = bytes.length - room;
      const grow = this.#last === undefined ? wanted : Math.max(wanted, growBytesMin);
      const share = this.#size > inlineBytesMax ? relayedShare : 1;
      if (!this.#shared.reserve(grow, share)) return false;
      this.#reserved += grow;
      if (this.#last !== undefined) {
        this.#last.set(bytes.subarray(0, room), this.#lastLength);
        this.#buffers.push(this.#last);
      }
      this.#last = Buffer.allocUnsafe(grow);
      this.#last.set(room === 0 ? bytes : bytes.subarray(room));
      this.#lastLength = wanted;
      return true;
    }
    this.#last!.set(bytes, this.#lastLength);
    this.#lastLength += bytes.length;
    return true;
  }

  #gathered(): Uint8Array {
    const last = this.#last?.subarray(0, this.#lastLength) ?? Buffer.alloc(0);
    if (this.#buffers.length === 0) return last;
    const pieces = [...this.#buffers, last];
    const bytes = Buffer.concat(pieces);
    for (const piece of pieces) freeMemory(piece);
    return bytes;
  }

  #spill(): void {
    this.#head = this.head();
    this.#file = new OutputFile(this.#shared);
    for (const buffer of this.#buffers) this.#file.write(buffer);
    if (this.#last !== undefined) this.#file.write(this.#last.subarray(0, this.#lastLength));
    this.#letGo();
  }

  #letGo(): void {
    this.#shared.unreserve(this.#reserved);
    this.#reserved = 0;
    this.#buffers = [];
    this.#last = undefined;
  }
}

/** A file being written, block by block, one write at a time. */
class OutputFile {
  readonly key = randomBytes(12).toString('hex');
  readonly #shared: Shared;
  readonly #opened: Promise<SpoolFile>;
  #block: Buffer;
  #used = 0;
  #position = 0;
  /** Everything so far, while it is little enough to be kept. */
  #blocks: Buffer[] | undefined = [];
  /** Octets in blocks that are full and not yet written. */
  #pending = 0;
  #tail: Promise<void>;
  #failure: StorageError | undefined;
  #drained: (() => void) | undefined;
  #draining: Promise<void> | undefined;

  constructor(shared: Shared) {
    this.#shared = shared;
    this.#block = shared.takeBlock();
    this.#opened = shared.openFile(this.key);
    this.#tail = this.#opened.then(
      () => {},
      (error: unknown) => this.#fail(error),
    );
  }

  /** @throws StorageError */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(bytes.length - at, blockBytes - this.#used);
      this.#block.set(bytes.subarray(at, at + count), this.#used);
      this.#used += count;
      at += count;
      if (this.#used === blockBytes) this.#next();
    }
    if (this.#pending < pendingBytesMax) return undefined;
    this.#draining ??= new Promise((resolve) => {
      this.#drained = resolve;
    });
    return this.#draining.then(() => {
      if (this.#failure !== undefined) throw this.#failure;
    });
  }

  async commit(): Promise<void> {
    this.#next();
    await this.#tail;
    try {
      if (this.#failure !== undefined) throw this.#failure;
      const file = await this.#opened;
      await file.datasync();
      await file.close();
      await this.#shared.syncDirectory();
      if (this.#blocks !== undefined) this.#shared.recent.add(this.key, this.#blocks);
    } catch (error) {
      await this.abort();
      throw storageError(error);
    }
  }

  async abort(): Promise<void> {
    await this.#tail;
    const file = await this.#opened.catch(() => undefined);
    await file?.close().catch(() => {});
    await unlink(this.#shared.path(this.key)).catch(() => {});
  }

  #next(): void {
    const block = this.#block;
    const length = this.#used;
    this.#pending += length;
    this.#block = this.#shared.takeBlock();
    this.#used = 0;
    this.#tail = this.#tail.then(async () => {
      try {
        if (this.#failure === undefined) await this.#writeAll(block, length);
      } catch (error) {
        this.#fail(error);
      }
      this.#keep(block, length);
      this.#pending -= length;
      if (this.#pending < pendingBytesMax) this.#drain();
    });
  }

  #keep(block: Buffer, length: number): void {
    if (this.#blocks !== undefined && this.#position <= recentContentBytesMax) {
      if (length > 0) this.#blocks.push(block.subarray(0, length));
      return;
    }
    // Too large to be kept: what was kept so far is of use to the next writer.
    for (const kept of this.#blocks ?? []) this.#shared.giveBlock(kept);
    this.#blocks = undefined;
    this.#shared.giveBlock(block);
  }

  async #writeAll(block: Buffer, length: number): Promise<void> {
    const file = await this.#opened;
    for (let at = 0; at < length; ) {
      const { bytesWritten } = await file.write(block, at, length - at, this.#position);
      at += bytesWritten;
      this.#position += bytesWritten;
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= storageError(error);
    this.#drain();
  }

  #drain(): void {
    this.#drained?.();
    this.#drained = undefined;
    this.#draining = undefined;
  }
}

const createFile = (path: string): Promise<SpoolFile> => open(path, 'wx', 0o600);

async function* readBlocks(
  blocks: readonly Uint8Array[],
  { from = 0 }: ReadOptions = {},
): AsyncIterable<Uint8Array> {
  let left = from;
  for (const block of blocks) {
    yield* memoryContent(block).read({ from: left });
    left = Math.max(left - block.length, 0);
  }
}

function checkedKey(key: string): string {
  assert(/^[0-9a-z-]{1,64}$/.test(key), 'a spool key is a plain file name');
  return key;
}
