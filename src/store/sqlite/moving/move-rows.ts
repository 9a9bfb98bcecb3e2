// Rows of the embedded store as a move reads and writes them.

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type {
  ColumnKind,
  MovedKey,
  MovedRow,
  MovedTable,
  MovedValue,
} from '../../moving/moved-tables.ts';
import { movedText } from '../../moving/moved-tables.ts';
import type { KeyRange } from '../../moving/places.ts';
import { blob, text } from '../../row.ts';
import { prepareArrays } from '../arrays.ts';

/** Its statements are prepared when they are first needed. */
export class MoveRows {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  page(
    table: MovedTable,
    after: MovedKey | undefined,
    range: KeyRange | undefined,
  ): readonly MovedRow[] {
    const key = keyNames(table);
    const conditions = [
      ...(after === undefined ? [] : [`(${key.join()}) > (${marks(key.length)})`]),
      ...(range === undefined ? [] : [`${key[0]} >= ? AND ${key[0]} < ?`]),
    ];
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    const sql = `SELECT ${names(table)} FROM ${table.name} ${where} ORDER BY ${key.join()} LIMIT ?`;
    const values = [...(after ?? []), ...(range === undefined ? [] : [range.from, range.to])];
    return this.#all(table, sql, [...values, table.pageRows]);
  }

  /** Of one moment: two that change places between them would both have what only one may have. */
  rows(table: MovedTable, keys: readonly MovedKey[]): readonly MovedRow[] {
    const where = keyNames(table).map((name) => `${name} = ?`);
    const sql = `SELECT ${names(table)} FROM ${table.name} WHERE ${where.join(' AND ')}`;
    this.#database.exec('BEGIN');
    try {
      return keys.flatMap((key) => this.#all(table, sql, key));
    } finally {
      this.#database.exec('COMMIT');
    }
  }

  count({ name }: MovedTable): number {
    return Number(this.#prepare(`SELECT count(*) AS rows FROM ${name}`).get()?.rows);
  }

  /** In a transaction that somebody holds. What has a value that only one row may have goes, too: it is about to be changed. */
  write(table: MovedTable, keys: readonly MovedKey[], rows: readonly MovedRow[]): void {
    const where = keyNames(table).map((name) => `${name} = ?`);
    const gone = this.#prepare(`DELETE FROM ${table.name} WHERE ${where.join(' AND ')}`);
    for (const key of keys) gone.run(...key);
    this.#removeRivals(table, rows);
    const insert = this.#prepare(
      `INSERT INTO ${table.name} (${names(table)}) VALUES (${marks(table.columns.length)})`,
    );
    for (const row of rows)
      insert.run(...row.map((value, i) => written(table.columns[i]!.kind, value)));
  }

  #removeRivals({ name, unique, columns }: MovedTable, rows: readonly MovedRow[]): void {
    if (unique.length === 0) return;
    const where = unique.map((column) => `${column} = ?`).join(' AND ');
    const remove = this.#prepare(`DELETE FROM ${name} WHERE ${where}`);
    const places = unique.map((column) => columns.findIndex((one) => one.name === column));
    for (const row of rows) remove.run(...places.map((place) => row[place] as SQLInputValue));
  }

  #all(table: MovedTable, sql: string, values: readonly (number | string)[]): readonly MovedRow[] {
    const rows = this.#prepare(sql).all(...values) as unknown as readonly (readonly unknown[])[];
    return rows.map((row) => row.map((value, i) => read(table.columns[i]!.kind, value)));
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const isRead = sql.startsWith('SELECT ') && !sql.startsWith('SELECT count');
    const made = isRead ? prepareArrays(this.#database, sql) : this.#database.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }
}

export const keyNames = ({ columns, keyColumns }: MovedTable): readonly string[] =>
  columns.slice(0, keyColumns).map(({ name }) => name);

const names = ({ columns }: MovedTable): string => columns.map(({ name }) => name).join();

const marks = (count: number): string => Array.from({ length: count }, () => '?').join();

function read(kind: ColumnKind, value: unknown): MovedValue {
  if (value === null) return kind === 'due' ? 0 : null;
  switch (kind) {
    case 'integer':
    case 'due':
      return Math.floor(Number(value));
    case 'text':
      return movedText(text(value));
    case 'octet-text':
      return text(value);
    case 'octets':
      return blob(value);
    case 'flag':
      return value === 1;
  }
}

function written(kind: ColumnKind, value: MovedValue): SQLInputValue {
  return kind === 'flag' ? Number(value) : (value as SQLInputValue);
}
