// A spool that leaves nothing behind: for tests and simulations, beside a store in memory.

import type { Content, ReadOptions, StoredContent } from '../content.ts';
import { ContentError, inlineBytesMax, memoryContent } from '../content.ts';
import type { ContentWriter, Spool, SpoolUpkeep } from '../spool.ts';
import type { Recovered } from './spool.ts';

export class MemorySpool implements Spool, SpoolUpkeep {
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
      head: () => Buffer.concat(pieces),
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
      check: async () => {
        if (!this.#files.has(stored.key)) throw gone(stored.key);
      },
    };
  }

  async remove(key: string): Promise<void> {
    this.#files.delete(key);
  }

  hold(): () => void {
    return () => {};
  }

  async look({ key, size }: { readonly key: string; readonly size: number }): Promise<void> {
    if (this.#files.get(key)?.length !== size) throw gone(key);
  }

  async setAside(key: string): Promise<string | undefined> {
    await this.remove(key);
    return undefined;
  }

  head(key: string, bytesMax: number): Uint8Array {
    const bytes = this.#files.get(key);
    if (bytes === undefined) throw gone(key);
    return bytes.subarray(0, bytesMax);
  }

  /** As FileSpool.recover(): removes what no row refers to, and misses what one does. */
  async recover(
    referenced: Iterable<{ readonly key: string; readonly size: number }>,
  ): Promise<Recovered> {
    const unknown = new Set(this.#files.keys());
    const faults: ContentError[] = [];
    for (const { key, size } of referenced) {
      unknown.delete(key);
      if (this.#files.get(key)?.length !== size) faults.push(gone(key));
    }
    for (const key of unknown) this.#files.delete(key);
    return { removed: unknown.size, faults };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async *#read(key: string, options?: ReadOptions): AsyncIterable<Uint8Array> {
    const bytes = this.#files.get(key);
    if (bytes === undefined) throw gone(key);
    yield* memoryContent(bytes).read(options);
  }
}

const gone = (key: string): ContentError =>
  new ContentError('missing', `content ${key} is missing`);
