// One process at a time has a data directory to itself. The lock is a database that it has begun to
// write to: SQLite and the kernel see to the rest.

import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Log } from '../../base/log.ts';
import type { FileWatch } from '../files/watch.ts';
import { StoreOpenError } from '../open-error.ts';
import { codeOf, openError, sqliteCode } from './database.ts';

export interface DirectoryLockOptions {
  readonly directory: string;
  readonly log: Log;
  /** Another process has it. */
  readonly onFailure?: (error: Error) => void;
}

/** That one process has the directory to itself, also after somebody removed the file that says so. */
export class DirectoryLock {
  readonly #options: DirectoryLockOptions;
  readonly #watch: FileWatch;
  #lock: DatabaseSync;

  constructor(options: DirectoryLockOptions, watch: FileWatch) {
    this.#options = options;
    this.#watch = watch;
    // A command may hold it for a moment.
    this.#lock = lockDirectory(options.directory, 1000);
    this.#watchIt();
  }

  close(): void {
    this.#lock.close();
  }

  #watchIt(): void {
    this.#watch.add(lockPath(this.#options.directory), () => this.#renew());
  }

  #renew(): void {
    const { directory, log, onFailure } = this.#options;
    try {
      const lock = lockDirectory(directory, 0);
      this.#lock.close();
      this.#lock = lock;
      log.warn('lock-renewed', { reason: `${lockPath(directory)} was removed` });
      this.#watchIt();
    } catch (error) {
      // Two at a time would deliver everything twice: the one that came later stays.
      log.error('lock-lost', { error: String(error) });
      onFailure?.(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

const lockPath = (directory: string): string => join(directory, 'lock.db');

/** Held until the process ends, however it ends: the kernel lets go of it. */
export function lockDirectory(directory: string, timeout: number): DatabaseSync {
  const path = lockPath(directory);
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path, { timeout });
    chmodSync(path, 0o600); // whoever can open it can keep us from starting
    // Nothing is ever written to it: a full disk locks nobody out.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    if (codeOf(error) === sqliteCode.busy)
      throw new StoreOpenError(
        'in-use',
        `${directory} is in use: another Postrider runs on it. Stop it, or choose another dataDirectory`,
        { cause: error },
      );
    throw openError(path, error);
  }
}
