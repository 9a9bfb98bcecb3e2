// The spool in files: content is gathered in memory while it is small, then streamed to a file of its
// own. commit() promises that the file and its directory entry are on the disk. Memory is bounded for
// each writer and for all together, whatever the disk does.

import { lstat, readdir, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { assert } from '../../base/assert.ts';
import type { Content, ContentError, StoredContent } from '../content.ts';
import { inlineBytesMax, memoryContent } from '../content.ts';
import { StoreOpenError } from '../open-error.ts';
import type { ContentWriter, Spool, SpoolUpkeep } from '../spool.ts';
import { makeDirectory } from './directory.ts';
import { checkFile, fileContent, findFile, readFile } from './file-content.ts';
import { FileWriter, writeAtOnce } from './file-writer.ts';
import type { SpoolDirectoryOptions } from './spool-directory.ts';
import { SpoolDirectory } from './spool-directory.ts';
import type { SpoolMemory } from './spool-memory.ts';
import { readBlocks, Shared } from './spool-memory.ts';

export interface FileSpoolOptions extends SpoolDirectoryOptions, SpoolMemory {
  /** Content of what is relayed comes back in memory up to this size. */
  readonly relayedBytesMax?: number;
}

export interface Recovered {
  /** Files that nothing referred to. */
  readonly removed: number;
  readonly faults: readonly ContentError[];
}

export class FileSpool implements Spool, SpoolUpkeep {
  readonly #directory: string;
  readonly #shared: Shared;
  readonly #relayedBytesMax: number;
  #holds = 0;
  readonly #removedLater: string[] = [];

  constructor(options: FileSpoolOptions) {
    this.#directory = options.directory;
    this.#relayedBytesMax = options.relayedBytesMax ?? inlineBytesMax;
    this.#shared = new Shared(new SpoolDirectory(options), options);
  }

  create({ relayed }: { readonly relayed: boolean } = { relayed: false }): ContentWriter {
    return new FileWriter(this.#shared, relayed ? this.#relayedBytesMax : inlineBytesMax);
  }

  store(bytes: Uint8Array): Promise<StoredContent> {
    return writeAtOnce(this.#shared, bytes);
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

function checkedKey(key: string): string {
  assert(/^[0-9a-z-]{1,64}$/.test(key), 'a spool key is a plain file name');
  return key;
}
