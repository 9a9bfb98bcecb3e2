// search.db: what is derived from messages, attached to the reader's connection as `search`. It is
// never the truth: when it is damaged, of another version or of another database, or when the machine
// went down while it was open, it is thrown away and made again. So it never waits for a disk.

import { chmodSync, closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { digestForm } from '../../digest-text.ts';
import { integer } from '../../row.ts';
import { derivation } from '../../search/derivation.ts';
import { isNoRoom, prepareRun } from '../database.ts';

/** Raised whenever a table changes, or the folding of text: what is there is of no use then. */
const version = 4;
/** By which of it, and in which form of digests, everything has been derived that is not new. */
const reading = 1000 * derivation + digestForm;

const digestTable = `
  -- What digest-text.ts makes of a message, in which form.
  CREATE TABLE search.digest (
    email INTEGER PRIMARY KEY, form INTEGER NOT NULL, envelope TEXT NOT NULL, body TEXT NOT NULL,
    preview TEXT NOT NULL);`;

/** To be joined: the digest of each email of the table, where it is in the form of today. */
export const withDigest = (table: 'mail' | 'facts'): string =>
  `search.digest ON digest.email = ${table}.email AND digest.form = ${digestForm}`;

/** Most messages have no files. */
const filesIndexes = `
  CREATE INDEX search.with_attachments ON facts (email) WHERE attachments > 0;
  CREATE INDEX search.with_inlines ON facts (email) WHERE inlines > 0;`;

const schema = `
  CREATE TABLE search.about (
    version INTEGER, identity INTEGER, epoch INTEGER, email INTEGER, boot TEXT, closed INTEGER,
    cursor INTEGER NOT NULL DEFAULT 0, derivation INTEGER);

  -- Names of header fields in one order; most messages share a few hundred of these lists.
  CREATE TABLE search.field_names (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE);

  -- What searches and sorting look at, folded. indexed: whether the full-text indexes have it.
  -- derivation: by which reading of messages it, and what the other tables have of it, came about.
  CREATE TABLE search.facts (
    email INTEGER PRIMARY KEY, indexed INTEGER NOT NULL, names INTEGER NOT NULL,
    sent_day INTEGER, subject TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    cc TEXT NOT NULL, bcc TEXT NOT NULL, message_id TEXT NOT NULL, in_reply_to TEXT NOT NULL,
    refs TEXT NOT NULL, derivation INTEGER NOT NULL, reply_to TEXT NOT NULL DEFAULT '',
    attachments INTEGER NOT NULL DEFAULT 0, inlines INTEGER NOT NULL DEFAULT 0);

  ${filesIndexes}

  CREATE TABLE search.sorting (
    email INTEGER PRIMARY KEY, sent_ms INTEGER, subject TEXT NOT NULL, is_reply INTEGER NOT NULL,
    sender TEXT NOT NULL, recipient TEXT NOT NULL, cc TEXT NOT NULL,
    display_from TEXT NOT NULL, display_to TEXT NOT NULL,
    message_id TEXT NOT NULL, refs TEXT NOT NULL);

  ${digestTable}

  -- Words alone: no text, no positions. What is given to them has been folded already.
  CREATE VIRTUAL TABLE search.bodies USING fts5(
    text, content='', contentless_delete=1, detail=none, tokenize='ascii');
  CREATE VIRTUAL TABLE search.headers USING fts5(
    text, content='', contentless_delete=1, detail=none, tokenize='ascii');

  -- Merged when there is nothing else to do; a folder that is searched for the first time waits for
  -- every merge before.
  INSERT INTO search.bodies (bodies, rank) VALUES ('automerge', 0), ('crisismerge', 64);
  INSERT INTO search.headers (headers, rank) VALUES ('automerge', 0), ('crisismerge', 64);
`;

export interface SearchDatabaseOptions {
  readonly database: DatabaseSync;
  /** ':memory:', or a file that nobody else uses. */
  readonly path: string;
}

/** Opens it, or makes it anew where what is there is not worth keeping. */
export function attachSearchDatabase(options: SearchDatabaseOptions): void {
  detach(options.database);
  try {
    attach(options);
    upgrade(options.database);
    if (isOurs(options.database)) {
      markOpen(options.database);
      return;
    }
  } catch (error) {
    if (isNoRoom(error)) throw error;
    // Not a database, or damaged: so much for that.
  }
  replaceSearchDatabase(options);
}

/** One in memory, where there is no room for a file. It is full soon. */
export function attachSmallSearchDatabase(database: DatabaseSync): void {
  replaceSearchDatabase({ database, path: ':memory:' });
  database.exec(`PRAGMA search.max_page_count = ${smallPagesMax}`);
}

/**
 * When the store has just been opened: a backup that was put back gives the numbers of other messages
 * once more. Its count of openings tells, if it is looked at each time.
 */
export function discardForeignSearch(databasePath: string, path: string): void {
  if (!existsSync(path)) return;
  const database = new DatabaseSync(databasePath, { timeout: 1000 });
  let ours = false;
  try {
    attach({ database, path });
    upgrade(database);
    ours = isOurs(database) && openedAt(database) < truth(database).epoch;
  } catch {
    // Damaged: not worth another look.
  } finally {
    database.close();
  }
  if (!ours) removeFiles(path);
}

export function replaceSearchDatabase(options: SearchDatabaseOptions): void {
  const { database, path } = options;
  detach(database);
  removeFiles(path);
  attach(options);
  database.exec(`BEGIN; ${schema} INSERT INTO search.about (version) VALUES (${version}); COMMIT`);
  markOpen(database);
}

function removeFiles(path: string): void {
  if (path === ':memory:') return;
  for (const suffix of ['', '-wal', '-shm', '-journal'])
    rmSync(path + suffix, { force: true, recursive: true });
}

/**
 * Version 1 lacks two columns; what it has was derived by the first reading of messages. Version 2 has
 * the text of IMAP in place of digests, which are made from the first message on when nobody waits. Version 3
 * does not know of Reply-To and how many attachments there are: the next reading fills that in.
 */
function upgrade(database: DatabaseSync): void {
  const found = database.prepare('SELECT version FROM search.about').get()?.version;
  if (found !== 1 && found !== 2 && found !== 3) return;
  const columns = `
    ALTER TABLE search.about ADD COLUMN derivation INTEGER;
    ALTER TABLE search.facts ADD COLUMN derivation INTEGER NOT NULL DEFAULT 1;`;
  database.exec(`
    BEGIN;
    ${found === 1 ? columns : ''}
    ${found === 3 ? '' : `DROP TABLE search.wire; ${digestTable}`}
    ALTER TABLE search.facts ADD COLUMN reply_to TEXT NOT NULL DEFAULT '';
    ALTER TABLE search.facts ADD COLUMN attachments INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE search.facts ADD COLUMN inlines INTEGER NOT NULL DEFAULT 0;
    ${filesIndexes}
    UPDATE search.about SET version = ${version};
    COMMIT`);
}

/** After this it need not be made again when the machine goes down. */
export function closeSearchDatabase(database: DatabaseSync): void {
  database.exec('UPDATE search.about SET closed = 1');
}

function attach({ database, path }: SearchDatabaseOptions): void {
  // Mail is in it: for its owner alone.
  if (path !== ':memory:') {
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
  }
  prepareRun(database, 'ATTACH ? AS search').run(path);
  database.exec(`
    PRAGMA search.journal_mode = WAL;
    PRAGMA search.synchronous = OFF;
    PRAGMA search.cache_size = -${cacheKiB};
  `);
}

// Limit: 32 MiB.
const smallPagesMax = 8192;

// Limit: what its page cache may take.
const cacheKiB = 4 * 1024;

function detach(database: DatabaseSync): void {
  const attached = database.prepare('PRAGMA database_list').all();
  if (attached.some(({ name }) => name === 'search')) database.exec('DETACH search');
}

function isOurs(database: DatabaseSync): boolean {
  const row = database.prepare('SELECT * FROM search.about').get();
  if (row === undefined || row.version !== version) return false;
  const { identity, epoch, email } = truth(database);
  if (row.identity !== identity || integer(row.epoch) > epoch || integer(row.email) > email)
    return false;
  return row.closed === 1 || (boot !== '' && row.boot === boot);
}

const openedAt = (database: DatabaseSync): number =>
  integer(database.prepare('SELECT epoch FROM search.about').get()?.epoch);

function markOpen(database: DatabaseSync): void {
  const { identity, epoch, email } = truth(database);
  const sql = 'UPDATE search.about SET identity = ?, epoch = ?, email = ?, boot = ?, closed = 0';
  prepareRun(database, sql).run(identity, epoch, email, boot);
  // From the first message on again: search-index.ts looks which were derived by another reading.
  const again = 'UPDATE search.about SET cursor = 0, derivation = ? WHERE derivation IS NOT ?';
  prepareRun(database, again).run(reading, reading);
}

function truth(database: DatabaseSync) {
  const value = (name: string) =>
    integer(database.prepare('SELECT value FROM main.meta WHERE name = ?').get(name)?.value);
  return { identity: value('identity'), epoch: value('epoch'), email: value('email') };
}

/** Another one after the machine went down; '' where there is no telling. */
const boot = readBoot();

function readBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
