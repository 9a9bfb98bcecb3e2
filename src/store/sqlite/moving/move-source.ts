// The embedded store as one that everything is moved from: triggers note what changes, whichever process changes it.

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import { moveTables, underWay } from '../../moving/marks.ts';
import type { MovedColumn, MovedTable } from '../../moving/moved-tables.ts';
import { movedTables, parseKey, tableNamed } from '../../moving/moved-tables.ts';
import type { Change, Left, MoveSource } from '../../moving/places.ts';
import { MoveError } from '../../moving/places.ts';
import { StoreOpenError } from '../../open-error.ts';
import { openDatabase } from '../database.ts';
import { lockDirectory } from '../directory-lock.ts';
import { openSqliteStores } from '../stores.ts';
import { hasTable, leftOf } from './marks.ts';
import { SqliteMovePlace } from './move-place.ts';

export interface SqliteMoveOptions {
  readonly directory: string;
  readonly clock: Clock;
}

/** @throws MoveError, StoreOpenError where a move to it has not ended: it is no whole store yet */
export function openSqliteMoveSource({ directory, clock }: SqliteMoveOptions): MoveSource {
  const path = join(directory, 'postrider.db');
  if (!existsSync(path)) throw new MoveError(`there is no mail store in ${directory}`);
  const database = openDatabase({ path });
  if (hasTable(database, target)) {
    database.close();
    throw underWay(directory);
  }
  return new SqliteMoveSource(directory, database, clock);
}

const { source, change, target, moved } = moveTables;

class SqliteMoveSource extends SqliteMovePlace implements MoveSource {
  readonly #clock: Clock;
  #lock: DatabaseSync | undefined;

  constructor(directory: string, database: DatabaseSync, clock: Clock) {
    super(directory, database);
    this.#clock = clock;
  }

  async watch(): Promise<string> {
    this.transaction(() => {
      this.database.exec(`
        CREATE TABLE IF NOT EXISTS ${source} (id TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS ${change}
          (note INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, key TEXT NOT NULL);
        INSERT INTO ${source} SELECT '${randomUUID()}' WHERE NOT EXISTS (SELECT 1 FROM ${source});`);
      // Made anew each time: a version in between may have brought a column.
      for (const table of movedTables) this.database.exec(triggersOf(table));
    });
    return String(this.database.prepare(`SELECT id FROM ${source}`).get()?.id);
  }

  async changes(limit: number): Promise<readonly Change[]> {
    const rows = this.database
      .prepare(`SELECT note, name, key FROM ${change} ORDER BY note LIMIT ?`)
      .all(limit);
    return rows.map((row) => {
      const table = tableNamed(String(row.name));
      return { note: Number(row.note), table, key: parseKey(table, String(row.key)) };
    });
  }

  async forget(notes: readonly number[]): Promise<void> {
    if (notes.length === 0) return;
    const remove = this.database.prepare(`DELETE FROM ${change} WHERE note = ?`);
    this.transaction(() => {
      for (const note of notes) remove.run(note);
    });
  }

  async servers(): Promise<readonly string[]> {
    if (this.#lock !== undefined) return [];
    try {
      lockDirectory(this.directory, 0).close();
      return [];
    } catch (error) {
      if (error instanceof StoreOpenError && error.problem === 'in-use')
        return [`the server on ${this.directory}`];
      throw error;
    }
  }

  async drain(): Promise<boolean> {
    return false;
  }

  /** What the last server had in its journal, and what it attempted, is in the database then. */
  async quiet(): Promise<void> {
    if (this.#lock !== undefined) return;
    const opening = { directory: this.directory, clock: this.#clock, log: silentLog };
    // Not as for a command, which on a full disk only looks.
    const stores = await openSqliteStores({ ...opening, transport: 'in-process', journal: false });
    await stores[Symbol.asyncDispose]();
    this.#lock = lockDirectory(this.directory, 1000);
  }

  async left(): Promise<Left | undefined> {
    return leftOf(this.database);
  }

  async leave({ id, to, at }: Left): Promise<void> {
    this.transaction(() => {
      this.database.exec(
        `CREATE TABLE ${moved} (id TEXT NOT NULL, place TEXT NOT NULL, at INTEGER NOT NULL)`,
      );
      this.database.prepare(`INSERT INTO ${moved} VALUES (?, ?, ?)`).run(id, to, at);
      this.#unwatch();
    });
  }

  async unwatch(): Promise<void> {
    this.transaction(() => this.#unwatch());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lock?.close();
    this.database.close();
  }

  #unwatch(): void {
    for (const { name } of movedTables)
      for (const what of triggered)
        this.database.exec(`DROP TRIGGER IF EXISTS move_${name}_${what}`);
    this.database.exec(`DROP TABLE IF EXISTS ${change}; DROP TABLE IF EXISTS ${source};`);
  }
}

const triggered = ['insert', 'update', 'delete'] as const;

/** An update that changes the key is noted for both. */
function triggersOf(table: MovedTable): string {
  const { name, columns, keyColumns } = table;
  const key = columns.slice(0, keyColumns);
  const note = (row: string) =>
    `INSERT INTO ${change} (name, key) VALUES ('${name}', ${keySql(row, key)});`;
  const actions = {
    insert: note('NEW'),
    update: `${note('NEW')}
      INSERT INTO ${change} (name, key) SELECT '${name}', ${keySql('OLD', key)}
        WHERE ${key.map((column) => `OLD.${column.name} IS NOT NEW.${column.name}`).join(' OR ')};`,
    delete: note('OLD'),
  };
  return triggered
    .map(
      (what) => `
      DROP TRIGGER IF EXISTS move_${name}_${what};
      CREATE TRIGGER move_${name}_${what} AFTER ${what.toUpperCase()} ON ${name} BEGIN ${actions[what]} END;`,
    )
    .join('');
}

/** See keyText(). */
const keySql = (row: string, key: readonly MovedColumn[]): string =>
  key
    .map(({ name, kind }) => (kind === 'integer' ? `${row}.${name}` : `lower(hex(${row}.${name}))`))
    .join(` || ',' || `);
