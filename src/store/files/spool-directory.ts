// The directory of a spool: a file for each content, and its entry on the disk before anybody relies on it.

import { randomBytes } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, syncDirectory } from './directory.ts';
import type { SpoolFile, SpoolPlace } from './spool-memory.ts';

export interface SpoolDirectoryOptions {
  /** Made when it is first needed. */
  readonly directory: string;
  readonly openFile?: (path: string) => Promise<SpoolFile>;
}

export class SpoolDirectory implements SpoolPlace {
  readonly #directory: string;
  readonly #openFile: (path: string) => Promise<SpoolFile>;
  #made: Promise<unknown> | undefined;

  constructor({ directory, openFile }: SpoolDirectoryOptions) {
    this.#directory = directory;
    this.#openFile = openFile ?? createFile;
  }

  newKey(): string {
    return randomBytes(12).toString('hex');
  }

  async open(key: string): Promise<SpoolFile> {
    try {
      await this.#makeDirectory();
      return await this.#openFile(join(this.#directory, key));
    } catch (error) {
      this.#made = undefined;
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      // Somebody has removed it, or moved it away.
      await this.#makeDirectory();
      return this.#openFile(join(this.#directory, key));
    }
  }

  /** Opened each time: the one that bears the name may be another by now. */
  sync(): Promise<void> {
    return syncDirectory(this.#directory);
  }

  async discard(key: string): Promise<void> {
    await unlink(join(this.#directory, key)).catch(() => {});
  }

  #makeDirectory(): Promise<unknown> {
    this.#made ??= makeDirectory(this.#directory);
    return this.#made;
  }
}

const createFile = (path: string): Promise<SpoolFile> => open(path, 'wx', 0o600);
