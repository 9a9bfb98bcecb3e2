// Notices when a file that is open is removed or replaced under its name: what is written to it from
// then on nobody will find. Looks every ten seconds.

import { statSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';

export const watchMs = 10_000;

interface Watched {
  readonly path: string;
  readonly onGone: () => void;
  /** Which file the name led to; undefined before there was one. */
  inode: bigint | undefined;
}

export class FileWatch {
  readonly #clock: Clock;
  readonly #watched = new Set<Watched>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lookLater();
  }

  /** Calls back once; from then on the name is watched no longer. */
  add(path: string, onGone: () => void): void {
    this.#watched.add({ path, onGone, inode: inodeOf(path) });
  }

  close(): void {
    this.#cancel?.();
    this.#watched.clear();
  }

  #lookLater(): void {
    this.#cancel = this.#clock.after(watchMs, () => {
      this.#lookLater();
      for (const each of [...this.#watched]) this.#look(each);
    });
  }

  #look(watched: Watched): void {
    const { path, onGone, inode } = watched;
    const found = inodeOf(path);
    if (inode === undefined) watched.inode = found;
    else if (found !== inode) {
      this.#watched.delete(watched);
      onGone();
    }
  }
}

function inodeOf(path: string): bigint | undefined {
  try {
    return statSync(path, { bigint: true }).ino;
  } catch {
    return undefined;
  }
}
