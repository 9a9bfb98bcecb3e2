// A spool that leaves nothing behind: for tests and simulations, beside a store in memory.

import { StorageError } from '../../smtp/smtp-error.ts';
import type { Content, ReadOptions, StoredContent } from '../content.ts';
import { inlineBytesMax, memoryContent } from '../content.ts';
import { StoreOpenError } from '../open-error.ts';
import type { ContentWriter, Spool } from '../spool.ts';

export class MemorySpool implements Spool {
  readonly #files = new Map<string, Uint8Array>();
  #keys = 0;

  /** How many contents it keeps. */
  get files(): number {
    return this.#files.size;
  }

  /** Content of what is relayed comes back as it is up to this size. */
  relayedBytesMax: number = inlineBytesMax;

  create({ relayed }: { readonly relayed: boolean } = { relayed: false }): ContentWriter {
    const keptBytesMax = relayed ? this.relayedBytesMax : inlineBytesMax;
    const pieces: Buffer[] = [];
    let size = 0;
    return {
      get size() {
        return size;
      },
      write: (bytes) => {
        pieces.push(Buffer.from(bytes));
        size += bytes.length;
        return undefined;
      },
      commit: async () => {
        const bytes = Buffer.concat(pieces.splice(0));
        return bytes.length <= keptBytesMax ? { kind: 'inline', bytes } : this.store(bytes);
      },
      release: () => {},
      abort: async () => {
        pieces.length = 0;
      },
    };
  }

  async store(bytes: Uint8Array): Promise<StoredContent> {
    this.#keys += 1;
    const key = `memory-${this.#keys}`;
    this.#files.set(key, bytes);
    return { kind: 'file', key, size: bytes.length };
  }

  open(stored: StoredContent): Content {
    if (stored.kind === 'inline') return memoryContent(stored.bytes);
    return {
      size: stored.size,
      bytes: undefined,
      read: (options) => this.#read(stored.key, options),
    };
  }

  async remove(key: string): Promise<void> {
    this.#files.delete(key);
  }

  head(key: string, bytesMax: number): Uint8Array {
    return this.#files.get(key)?.subarray(0, bytesMax) ?? new Uint8Array(0);
  }

  /** As FileSpool.recover(): removes what no row refers to, and misses what one does. */
  async recover(
    referenced: Iterable<{ readonly key: string; readonly size: number }>,
  ): Promise<{ readonly removed: number }> {
    const unknown = new Set(this.#files.keys());
    for (const { key, size } of referenced) {
      unknown.delete(key);
      const found = this.#files.get(key)?.length;
      if (found !== size) throw new StoreOpenError('damaged', `${key} is not what was written`);
    }
    for (const key of unknown) this.#files.delete(key);
    return { removed: unknown.size };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async *#read(key: string, options?: ReadOptions): AsyncIterable<Uint8Array> {
    const bytes = this.#files.get(key);
    if (bytes === undefined) throw new StorageError(`content ${key} is missing`);
    yield* memoryContent(bytes).read(options);
  }
}
