// A journal's disk in memory, for tests and simulations. It outlives the journals opened on it; a
// crash leaves of the write that was under way nothing, all, or a part.

import type { JournalDirectory, JournalFile } from './file.ts';

/** What may happen to a write. `torn` and `crash-after` end the process, so to speak. */
export type WriteFault =
  | { readonly kind: 'failed' }
  /** The process dies over it; blocks for which `keeps` says so are on the disk. */
  | { readonly kind: 'torn'; readonly keeps: (block: number) => boolean }
  /** All of it is on the disk, and nobody hears of it. */
  | { readonly kind: 'crash-after' };

export interface MemoryDirectoryOptions {
  readonly faults?: (() => WriteFault | undefined) | undefined;
}

// What a disk writes as one.
const sectorBytes = 512;

export class MemoryJournalDirectory implements JournalDirectory {
  readonly path = 'memory';
  readonly files: Map<string, Uint8Array> = new Map();
  faults: (() => WriteFault | undefined) | undefined;
  /** Whether there is room for another file. */
  full = false;
  /** When a write comes to its end. */
  writes: (complete: () => void) => void = queueMicrotask;
  #life = 0;
  readonly #open = new Set<JournalFile>();

  constructor({ faults }: MemoryDirectoryOptions = {}) {
    this.faults = faults;
  }

  /** Whoever has files open is dead from now on: nothing of theirs reaches the disk. */
  crash(): void {
    this.#life += 1;
    this.#open.clear();
    this.faults = undefined;
  }

  get openFiles(): number {
    return this.#open.size;
  }

  async open(): Promise<readonly JournalFile[]> {
    return [...this.files.keys()].map((name) => this.#opened(name));
  }

  async create(name: string, head: Uint8Array, size: number): Promise<JournalFile> {
    if (this.full) throw new Error('no space left on device');
    const bytes = new Uint8Array(size);
    bytes.set(head);
    this.files.set(name, bytes);
    return this.#opened(name);
  }

  async remove(file: JournalFile): Promise<void> {
    if (this.#open.delete(file)) this.files.delete(file.name);
  }

  #opened(name: string): JournalFile {
    const bytes = this.files.get(name)!;
    const life = this.#life;
    const file: JournalFile = {
      name,
      size: bytes.length,
      write: (pieces, position, callback) => {
        const written = Buffer.concat(pieces);
        this.writes(() => {
          if (life !== this.#life) return callback(dead);
          const fault = this.faults?.();
          if (fault?.kind === 'failed') return callback(new Error('input/output error'));
          if (fault !== undefined) this.crash();
          const keeps = fault?.kind === 'torn' ? fault.keeps : () => true;
          for (let at = 0; at < written.length; at += sectorBytes)
            if (keeps(at / sectorBytes))
              bytes.set(written.subarray(at, at + sectorBytes), position + at);
          callback(fault === undefined ? undefined : dead);
        });
      },
      read: async (position, length) => bytes.slice(position, position + length),
      close: async () => void this.#open.delete(file),
    };
    this.#open.add(file);
    return file;
  }
}

const dead = new Error('the store crashed');
