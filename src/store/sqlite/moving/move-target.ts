// The embedded store as one that everything is moved to: a new database, and files in its spool.

import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { openDataDirectory } from '../../files/directory.ts';
import { FileSpool } from '../../files/spool.ts';
import { halfOfAnother, inUse, moveTables, usedTables, wasLeft } from '../../moving/marks.ts';
import type { MovedKey, MovedTable } from '../../moving/moved-tables.ts';
import { keyText, movedTables, parseKey } from '../../moving/moved-tables.ts';
import type {
  CopiedContent,
  Counters,
  LargeCopy,
  MovedRows,
  MoveTarget,
  SmallCopy,
} from '../../moving/places.ts';
import { blob } from '../../row.ts';
import { openDatabase } from '../database.ts';
import { lockDirectory } from '../directory-lock.ts';
import { hasTable, leftOf } from './marks.ts';
import { SqliteMovePlace } from './move-place.ts';
import type { SqliteMoveOptions } from './move-source.ts';

const { target, cursor: cursors, content: copies } = moveTables;

/** What a store of this kind is, in a data directory. What says that it was left goes last: broken off, the rest follows. */
const parts = [
  ...['search.db', 'search.db-wal', 'search.db-shm', 'search.db-journal'],
  ...['spool', 'journal', 'postrider.db-wal', 'postrider.db-shm', 'postrider.db'],
];

export interface SqliteTargetOptions extends SqliteMoveOptions {
  /** A store that everything was moved from is put aside. */
  readonly replace: boolean;
}

/** @throws MoveError, StoreOpenError */
export async function openSqliteMoveTarget(options: SqliteTargetOptions): Promise<MoveTarget> {
  const { directory, clock, replace } = options;
  await openDataDirectory(directory);
  const path = join(directory, 'postrider.db');
  const lock = lockDirectory(directory, 1000);
  try {
    let database = openDatabase({ path });
    const left = leftOf(database);
    if (left !== undefined) {
      database.close();
      if (!replace) throw wasLeft(directory, left, 'put it aside');
      putAside(directory, clock.now());
      database = openDatabase({ path });
    }
    return new SqliteMoveTarget(directory, database, lock);
  } catch (error) {
    lock.close();
    throw error;
  }
}

function putAside(directory: string, now: number): void {
  const aside = join(directory, `moved-${new Date(now).toISOString().replaceAll(':', '')}`);
  mkdirSync(aside, { mode: 0o700 });
  for (const part of parts)
    if (existsSync(join(directory, part))) renameSync(join(directory, part), join(aside, part));
}

class SqliteMoveTarget extends SqliteMovePlace implements MoveTarget {
  readonly #lock: DatabaseSync;
  readonly #spool: FileSpool;

  constructor(directory: string, database: DatabaseSync, lock: DatabaseSync) {
    super(directory, database);
    this.#lock = lock;
    // What is read again is what is on the disk.
    this.#spool = new FileSpool({ directory: this.spoolDirectory, recentBytesMax: 0 });
  }

  async assertFree(): Promise<void> {
    if (this.#hasMove()) return;
    for (const name of usedTables)
      if (this.number(`SELECT count(*) AS value FROM ${name}`) > 0) throw inUse(this.name);
  }

  async begin(id: string): Promise<void> {
    if (this.#hasMove()) {
      if (this.#id() === id) return;
      throw halfOfAnother(this.name);
    }
    await this.assertFree();
    this.transaction(() => {
      this.database.exec(`
        CREATE TABLE ${target} (id TEXT NOT NULL);
        CREATE TABLE ${cursors} (name TEXT PRIMARY KEY, key TEXT);
        CREATE TABLE ${copies} (
          id INTEGER PRIMARY KEY, size INTEGER NOT NULL, digest BLOB NOT NULL, verified INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX ${copies}_unverified ON ${copies} (id) WHERE verified = 0;`);
      this.database.prepare(`INSERT INTO ${target} VALUES (?)`).run(id);
      this.#empty();
      // What was derived from what was here before is worthless: numbers mean something else now.
      this.database.exec(
        `UPDATE meta SET value = abs(random() % 9007199254740991) WHERE name = 'identity'`,
      );
    });
  }

  async isUnderWay(id: string): Promise<boolean> {
    return this.#hasMove() && this.#id() === id;
  }

  async cursor(table: MovedTable): Promise<MovedKey | 'done' | undefined> {
    const row = this.database.prepare(`SELECT key FROM ${cursors} WHERE name = ?`).get(table.name);
    if (row === undefined) return undefined;
    return row.key === null ? 'done' : parseKey(table, String(row.key));
  }

  async write(table: MovedTable, { keys, rows, cursor }: MovedRows): Promise<void> {
    this.transaction(() => {
      this.moved.write(table, keys, rows);
      if (cursor === undefined) return;
      this.database
        .prepare(`INSERT OR REPLACE INTO ${cursors} VALUES (?, ?)`)
        .run(table.name, cursor === 'done' ? null : keyText(cursor));
    });
  }

  async copied(ids: readonly number[]): Promise<ReadonlySet<number>> {
    const find = this.database.prepare(`SELECT 1 FROM ${copies} WHERE id = ?`);
    return new Set(ids.filter((id) => find.get(id) !== undefined));
  }

  async putSmall(contents: readonly SmallCopy[]): Promise<void> {
    const insert = this.database.prepare('INSERT INTO content (id, size, bytes) VALUES (?, ?, ?)');
    this.transaction(() => {
      for (const content of contents) {
        insert.run(content.id, content.size, content.bytes);
        this.#note(content);
      }
    });
  }

  async putLarge({ id, pieces, digest }: LargeCopy): Promise<void> {
    const writer = this.#spool.create();
    try {
      for await (const piece of pieces) await writer.write(piece);
      const stored = await writer.commit();
      const copied = digest();
      this.transaction(() => {
        const [file, bytes] = stored.kind === 'file' ? [stored.key, null] : [null, stored.bytes];
        this.database
          .prepare('INSERT INTO content (id, size, file, bytes) VALUES (?, ?, ?, ?)')
          .run(id, copied.size, file, bytes);
        this.#note(copied);
      });
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  async unverified(after: number, limit: number): Promise<readonly CopiedContent[]> {
    const rows = this.database
      .prepare(
        `SELECT id, size, digest FROM ${copies} WHERE verified = 0 AND id > ? ORDER BY id LIMIT ?`,
      )
      .all(after, limit);
    return rows.map(({ id, size, digest }) => ({
      id: Number(id),
      size: Number(size),
      digest: blob(digest),
    }));
  }

  async verified(ids: readonly number[]): Promise<void> {
    const update = this.database.prepare(`UPDATE ${copies} SET verified = 1 WHERE id = ?`);
    this.transaction(() => {
      for (const id of ids) update.run(id);
    });
  }

  async contents(): Promise<{ readonly contents: number; readonly bytes: number }> {
    const row = this.database
      .prepare('SELECT count(*) AS contents, coalesce(sum(size), 0) AS bytes FROM content')
      .get();
    return { contents: Number(row?.contents), bytes: Number(row?.bytes) };
  }

  async sweep(): Promise<readonly number[]> {
    const unwanted = `id NOT IN (SELECT content FROM email) AND id NOT IN
      (SELECT content FROM message WHERE content IS NOT NULL)`;
    this.transaction(() => {
      // Their files go when a server starts: nothing refers to them.
      this.database.exec(`
        DELETE FROM content WHERE ${unwanted}; DELETE FROM ${copies} WHERE ${unwanted};`);
    });
    const rows = this.database
      .prepare(
        `SELECT content FROM email WHERE content NOT IN (SELECT id FROM ${copies})
         UNION SELECT content FROM message
         WHERE content IS NOT NULL AND content NOT IN (SELECT id FROM ${copies})`,
      )
      .all();
    return rows.map(({ content }) => Number(content));
  }

  async finish(counters: Counters): Promise<void> {
    const { folder, content, email, uidValidity, mailboxModseq } = counters;
    this.transaction(() => {
      for (const [name, value] of Object.entries({ folder, content })) {
        this.database.exec(
          `INSERT INTO sqlite_sequence (name, seq) SELECT '${name}', 0
             WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = '${name}')`,
        );
        this.database
          .prepare('UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?')
          .run(value, name);
      }
      const raise = this.database.prepare('UPDATE meta SET value = max(value, ?) WHERE name = ?');
      raise.run(email, 'email');
      raise.run(uidValidity, 'uid_validity');
      raise.run(mailboxModseq, 'mailbox_modseq');
      this.#drop();
    });
  }

  async optimise(): Promise<void> {}

  async abandon(): Promise<void> {
    if (!this.#hasMove()) return;
    this.transaction(() => {
      this.#empty();
      this.#drop();
    });
    await rm(this.spoolDirectory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool[Symbol.asyncDispose]();
    this.database.close();
    this.#lock.close();
  }

  #hasMove(): boolean {
    return hasTable(this.database, target);
  }

  #id(): string {
    return String(this.database.prepare(`SELECT id FROM ${target}`).get()?.id);
  }

  #note({ id, size, digest }: CopiedContent): void {
    this.database
      .prepare(`INSERT INTO ${copies} (id, size, digest) VALUES (?, ?, ?)`)
      .run(id, size, digest);
  }

  /** What a store has made up for itself without ever having been used is in it, too. */
  #empty(): void {
    for (const { name } of movedTables) this.database.exec(`DELETE FROM ${name}`);
    this.database.exec('DELETE FROM content');
  }

  #drop(): void {
    for (const name of [copies, cursors, target]) this.database.exec(`DROP TABLE ${name}`);
  }
}
