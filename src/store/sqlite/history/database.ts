// history.db: what searches of the history look at, derived from its files. It is never the truth: when it is
// damaged, of another version or not of these files, it is thrown away and made again. So it never waits for a disk.

import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Raised whenever a table changes, or what is derived: what is there is of no use then. */
const version = 2;

// Limit: what the page cache may take.
const cacheKiB = 4 * 1024;

const fullText = (name: string) => `
  CREATE VIRTUAL TABLE ${name} USING fts5(
    sender, recipients, client, account, words, marks,
    content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 0');
  INSERT INTO ${name} (${name}, rank) VALUES ('automerge', 0), ('crisismerge', 32);`;

const schema = `
  -- Up to where which file has been read.
  CREATE TABLE position (
    diary TEXT PRIMARY KEY, file INTEGER NOT NULL, identity TEXT NOT NULL, offset INTEGER NOT NULL);

  -- By messageKey(id), which follows the time. Recipients and the like are lines.
  CREATE TABLE message (
    key INTEGER PRIMARY KEY, id TEXT NOT NULL, file INTEGER NOT NULL, received INTEGER NOT NULL,
    sender TEXT NOT NULL, recipients TEXT NOT NULL, recipient_count INTEGER NOT NULL,
    size INTEGER NOT NULL, message_id TEXT, service TEXT NOT NULL, client TEXT, hello TEXT, account TEXT,
    direction TEXT NOT NULL, state TEXT NOT NULL, reply TEXT, last_event INTEGER NOT NULL,
    delivered INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL);
  ${fullText('message_words')}

  CREATE TABLE refusal (
    key INTEGER PRIMARY KEY, file INTEGER NOT NULL, at INTEGER NOT NULL, session TEXT, service TEXT,
    client TEXT NOT NULL, hello TEXT, sender TEXT, recipient TEXT, recipient_count INTEGER NOT NULL,
    message_id TEXT, account TEXT, stage TEXT NOT NULL, reply TEXT, reason TEXT NOT NULL,
    findings TEXT NOT NULL);
  ${fullText('refusal_words')}

  PRAGMA user_version = ${version};
`;

/** Opens it, or makes it anew where what is there is not worth keeping. @throws where there is no room. */
export function openHistoryDatabase(path: string): DatabaseSync {
  if (path !== ':memory:') {
    const kept = reopened(path);
    if (kept !== undefined) return kept;
  }
  return newHistoryDatabase(path);
}

export function removeHistoryDatabase(path: string): void {
  if (path === ':memory:') return;
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
}

function newHistoryDatabase(path: string): DatabaseSync {
  removeHistoryDatabase(path);
  if (path !== ':memory:') {
    // Somebody may ask before anything has happened.
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, 'a', 0o600)); // addresses are in it
  }
  const database = new DatabaseSync(path);
  try {
    prepare(database);
    database.exec(`BEGIN; ${schema} COMMIT;`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function reopened(path: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    prepare(database);
    if (database.prepare('PRAGMA user_version').get()?.user_version === version) return database;
  } catch {
    // Not a database, or damaged: so much for that.
  }
  database?.close();
  return undefined;
}

function prepare(database: DatabaseSync): void {
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -${cacheKiB};
    PRAGMA temp_store = MEMORY;
  `);
}
