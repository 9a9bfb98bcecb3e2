// Content on its way into the spool: gathered in memory while it is small, then streamed to a file of its
// own, two blocks at a time, so that memory is bounded whatever the disk does.

import { assert } from '../../base/assert.ts';
import { freeMemory } from '../../base/free-memory.ts';
import type { StorageError } from '../../smtp/smtp-error.ts';
import type { StoredContent } from '../content.ts';
import { inlineBytesMax } from '../content.ts';
import type { ContentWriter } from '../spool.ts';
import { storageError } from './file-content.ts';
import type { Shared, SpoolFile } from './spool-memory.ts';
import { blockBytes, recentContentBytesMax } from './spool-memory.ts';

/** Limit: two blocks may be under way for each writer. */
const pendingBytesMax = 2 * blockBytes;
// The least that is allocated for content which comes in small pieces.
const growBytesMin = 4 * 2 ** 10;

// Limit: what content that is not small may take of that.
const relayedShare = 1 / 4;

/** Limit: what is kept in memory of content that is a file. */
const headBytesMax = 16 * 2 ** 10;

/** Small pieces of content, then a file. */
export class FileWriter implements ContentWriter {
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
    const last = this.#last?.subarray(0, this.#lastLength);
    // What fails is said by the next write, or by the end: nobody waits for these.
    for (const buffer of [...this.#buffers, ...(last === undefined ? [] : [last])])
      this.#file.write(buffer)?.catch(() => {});
    this.#letGo();
  }

  #letGo(): void {
    this.#shared.unreserve(this.#reserved);
    this.#reserved = 0;
    this.#buffers = [];
    this.#last = undefined;
  }
}

/** Content that came back in memory, as a file after all. @throws StorageError */
export async function writeAtOnce(shared: Shared, bytes: Uint8Array): Promise<StoredContent> {
  const writer = new FileWriter(shared, 0);
  try {
    await writer.write(bytes);
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return writer.commit();
}

/** A file being written, block by block, one write at a time. */
class OutputFile {
  readonly key: string;
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
    this.key = shared.place.newKey();
    this.#opened = shared.place.open(this.key);
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
      await this.#shared.sync();
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
    await this.#shared.place.discard(this.key);
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
