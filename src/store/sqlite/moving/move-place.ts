// The embedded store as a move sees it, whichever way mail goes: a connection of its own, beside a server's.

import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Content } from '../../content.ts';
import { memoryContent } from '../../content.ts';
import { fileContent } from '../../files/file-content.ts';
import { listedBytesMax, listingOf } from '../../folders/listing.ts';
import type { MovedKey, MovedRow, MovedTable } from '../../moving/moved-tables.ts';
import { movedText, placeOf } from '../../moving/moved-tables.ts';
import type { Counters, KeyRange, MovePlace } from '../../moving/places.ts';
import type { Row } from '../../row.ts';
import { blob, integer, textOrNull } from '../../row.ts';
import { listedHead } from '../folders/listings.ts';
import { headReader } from '../spool-head.ts';
import { MoveRows } from './move-rows.ts';

export abstract class SqliteMovePlace implements MovePlace {
  readonly directory: string;
  protected readonly database: DatabaseSync;
  protected readonly moved: MoveRows;
  /** Up to this email version 0.1 read senders and subjects, in its own way: they are read again. */
  readonly #listedBefore: number;

  constructor(directory: string, database: DatabaseSync) {
    this.directory = directory;
    this.database = database;
    this.moved = new MoveRows(database);
    this.#listedBefore = this.meta('listed_by_0_1');
  }

  get name(): string {
    return this.directory;
  }

  async page(
    table: MovedTable,
    after: MovedKey | undefined,
    range?: KeyRange,
  ): Promise<readonly MovedRow[]> {
    return this.#listed(table, this.moved.page(table, after, range));
  }

  async rows(table: MovedTable, keys: readonly MovedKey[]): Promise<readonly MovedRow[]> {
    return this.#listed(table, this.moved.rows(table, keys));
  }

  async count(table: MovedTable): Promise<number> {
    return this.moved.count(table);
  }

  async contentsOf(ids: readonly number[]): Promise<ReadonlyMap<number, Content>> {
    const find = this.database.prepare('SELECT size, file, bytes FROM content WHERE id = ?');
    const found = new Map<number, Content>();
    for (const id of ids) {
      const row = find.get(id);
      if (row !== undefined) found.set(id, this.#contentOf(row));
    }
    return found;
  }

  async counters(): Promise<Counters> {
    const newest = (table: string) =>
      this.number(`SELECT coalesce(max(id), 0) AS value FROM ${table}`);
    const given = (table: string) =>
      this.number(
        `SELECT coalesce(max(seq), 0) AS value FROM sqlite_sequence WHERE name = '${table}'`,
      );
    return {
      ...{ account: newest('account'), mailbox: newest('mailbox') },
      ...{ spamAccount: newest('spam_account'), folder: given('folder') },
      ...{ content: given('content'), email: this.meta('email') },
      ...{ uidValidity: this.meta('uid_validity'), mailboxModseq: this.meta('mailbox_modseq') },
    };
  }

  abstract [Symbol.asyncDispose](): Promise<void>;

  protected get spoolDirectory(): string {
    return join(this.directory, 'spool');
  }

  protected number(sql: string): number {
    return Number(this.database.prepare(sql).get()?.value ?? 0);
  }

  protected meta(name: string): number {
    return this.number(`SELECT value FROM meta WHERE name = '${name}'`);
  }

  protected transaction(work: () => void): void {
    this.database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.database.exec('COMMIT');
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      throw error;
    }
  }

  #contentOf({ size, file, bytes }: Row): Content {
    const key = textOrNull(file);
    if (key !== null) return fileContent(join(this.spoolDirectory, key), integer(size));
    return memoryContent(bytes === null ? new Uint8Array(0) : blob(bytes));
  }

  #listed(table: MovedTable, rows: readonly MovedRow[]): readonly MovedRow[] {
    if (table.name !== 'email' || this.#listedBefore === 0) return rows;
    return rows.map((row) =>
      Number(row[0]) > this.#listedBefore ? row : this.#relisted(table, row),
    );
  }

  #relisted(table: MovedTable, row: MovedRow): MovedRow {
    const found = this.database
      .prepare('SELECT file, substr(bytes, 1, ?) AS bytes FROM content WHERE id = ?')
      .get(listedBytesMax, Number(row[placeOf(table, 'content')]));
    const file = textOrNull(found?.file ?? null);
    const head =
      file === null
        ? blob(found?.bytes ?? new Uint8Array(0))
        : listedHead(headReader(this.spoolDirectory), file);
    if (head.length === 0) return row;
    const { from, subject } = listingOf(head);
    const listed = [...row];
    listed[placeOf(table, 'sender')] = movedText(from);
    listed[placeOf(table, 'subject')] = movedText(subject);
    return listed;
  }
}
