// Opening the database file: pragmas, migrations, and what to tell the operator when it is damaged,
// newer than this program, or somebody else's.

import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { StoreOpenError } from '../open-error.ts';

/** Primary result codes. https://www.sqlite.org/rescode.html */
export const sqliteCode = {
  busy: 5,
  locked: 6,
  noMemory: 7,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const;

/** The primary result code of an error that node:sqlite threw. */
export function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** The disk is full, or cannot be written for another reason. */
export function isNoRoom(error: unknown): boolean {
  if (error instanceof StoreOpenError) return error.problem === 'no-room';
  const code = codeOf(error);
  if (code === sqliteCode.full || code === sqliteCode.ioError) return true;
  return error instanceof Error && 'code' in error && noRoomErrors.has(String(error.code));
}

const noRoomErrors = new Set(['ENOSPC', 'EDQUOT', 'EIO']);

export interface DatabaseOptions {
  /** Path of the file, or ':memory:'. */
  readonly path: string;
  /** A growth limit in pages, so that a test can fill the disk. */
  readonly pagesMax?: number | undefined;
}

// Limits: what the page caches may take. The system has the same pages, so that larger ones bring little.
const writerCacheKiB = 4 * 1024;
const readerCacheKiB = 4 * 1024;
// Limit: pages in the WAL (16 MiB) before they are copied into the database. Messages come and go
// within it: the pages that held them are rewritten there and reach the database once at most.
const checkpointPages = 4000;
// Limit: how long a command may hold up the server, or the server a command.
const busyTimeoutMs = 5000;

/** @throws StoreOpenError */
export function openDatabase({ path, pagesMax }: DatabaseOptions): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    // Credentials are in it: for its owner alone. What SQLite puts beside it gets the same mode.
    if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600));
    database = new DatabaseSync(path, { timeout: busyTimeoutMs });
    prepareDatabase(database, path);
    if (pagesMax !== undefined) database.exec(`PRAGMA max_page_count = ${pagesMax}`);
    return database;
  } catch (error) {
    database?.close();
    throw openError(path, error);
  }
}

let made: Uint8Array | undefined;

/** What the migrations make of nothing: they run once in a process, and others are its copy. */
export function emptyDatabase(): Uint8Array {
  if (made !== undefined) return made;
  const database = new DatabaseSync(':memory:');
  prepareDatabase(database, ':memory:');
  made = database.serialize();
  database.close();
  return made;
}

/** In memory, and as good as new. */
export function openMemoryDatabase(): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  database.deserialize(emptyDatabase());
  return database;
}

/**
 * To look at it on a full disk: nothing is made, migrated or put beside it, and nobody else may have it.
 * @throws StoreOpenError
 */
export function openAsItLies(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = openExisting(path);
    // Said before anything is read: the index of the WAL is then in memory, not in a file beside it.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY');
    assertNewest(database, path);
    return database;
  } catch (error) {
    database?.close();
    throw openError(path, error);
  }
}

/** Beside the connection that writes; it has made and migrated everything. Where nothing is, nothing is made. */
export function openReadDatabase(path: string): DatabaseSync {
  const database = openExisting(path);
  database.exec(`
    PRAGMA cache_size = -${readerCacheKiB};
    PRAGMA temp_store = MEMORY;
  `);
  return database;
}

function openExisting(path: string): DatabaseSync {
  const url = pathToFileURL(path);
  url.searchParams.set('mode', 'rw');
  return new DatabaseSync(url, { timeout: busyTimeoutMs });
}

/**
 * A statement to run() where there are full-text indexes. FTS5 has rows of its own whose numbers a
 * JavaScript number cannot hold; one of them as the connection's last rowid, and run() throws,
 * whatever the statement was, after it has been executed.
 */
export function prepareRun(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  return statement;
}

/** The page cache is filled again as pages are read; the system still has most of them. */
export function releasePages(database: DatabaseSync): void {
  database.exec('PRAGMA shrink_memory');
}

export function prepareDatabase(database: DatabaseSync, path: string): void {
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = ${checkpointPages};
    PRAGMA cache_size = -${writerCacheKiB};
    PRAGMA temp_store = MEMORY;
    PRAGMA foreign_keys = OFF;
  `);
  migrate(database, path);
}

/** What an error while opening means, and what to do about it. */
export function openError(path: string, error: unknown): unknown {
  if (error instanceof StoreOpenError) return error;
  const options = { cause: error };
  switch (codeOf(error)) {
    case sqliteCode.corrupt:
    case sqliteCode.notADatabase:
      return new StoreOpenError('damaged', damageAdvice(path), options);
    case sqliteCode.cannotOpen:
    case sqliteCode.readOnly:
      return new StoreOpenError('no-access', `${path}: cannot be opened for writing`, options);
    case sqliteCode.busy:
    case sqliteCode.locked:
      return new StoreOpenError('in-use', `${path}: another process is using it`, options);
    case sqliteCode.full:
    case sqliteCode.ioError:
      return noRoomFor(path, options);
    default:
      if (isFileError(error))
        return new StoreOpenError('no-access', `${path}: cannot be opened for writing`, options);
      return isNoRoom(error) && codeOf(error) === undefined ? noRoomFor(path, options) : error;
  }
}

const noRoomFor = (path: string, options: ErrorOptions): StoreOpenError =>
  new StoreOpenError('no-room', `${path}: the disk is full, or fails: make room on it`, options);

const fileErrors = new Set(['EACCES', 'EPERM', 'EROFS', 'EISDIR', 'ENOENT', 'ENOTDIR']);

const isFileError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && fileErrors.has(String(error.code));

export const damageAdvice = (path: string): string =>
  `${path} is damaged: restore it from a backup, or recover what can be read with ` +
  `"sqlite3 ${path} .recover | sqlite3 recovered.db" and put that in its place`;

interface Migration {
  readonly version: number;
  readonly name: string;
}

const migrationsDirectory = join(import.meta.dirname, 'migrations');

/** Numbered from 1 without gaps; forward only. */
export function migrations(): readonly Migration[] {
  return readdirSync(migrationsDirectory)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .sort()
    .map((name) => ({ version: Number(name.slice(0, 4)), name }));
}

function migrate(database: DatabaseSync, path: string): void {
  const known = migrations();
  const newest = known.at(-1)?.version ?? 0;
  const version = versionOf(database);
  if (version > newest)
    throw new StoreOpenError(
      'newer',
      `${path} was written by a newer Postrider (schema ${version}, this one knows ${newest}): ` +
        'install that version again',
    );
  if (version === newest) return;
  // Two processes may start at once: the version is read again under the lock.
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const migration of known) {
      if (migration.version <= versionOf(database)) continue;
      database.exec(readFileSync(join(migrationsDirectory, migration.name), 'utf8'));
      database.exec(`PRAGMA user_version = ${migration.version}`);
    }
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function assertNewest(database: DatabaseSync, path: string): void {
  if (versionOf(database) !== migrations().length)
    throw new StoreOpenError(
      'no-room',
      `${path} was written by another version, and the disk is full: make room on it`,
    );
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
}
