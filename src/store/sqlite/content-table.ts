// Content rows: shared by mailboxes, or too large for the queue's own row. Freed when nothing refers
// to them any more, which is looked up and not counted.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { blob, integer, textOrNull } from '../row.ts';
import type { ContentRow } from './requests.ts';
import type { Work } from './work.ts';

export class ContentTable {
  readonly #work: Work;
  readonly #insert: StatementSync;
  readonly #select: StatementSync;
  readonly #wanted: StatementSync;
  readonly #delete: StatementSync;
  readonly #files: StatementSync;

  constructor(database: DatabaseSync, work: Work) {
    this.#work = work;
    this.#insert = database.prepare('INSERT INTO content (size, file, bytes) VALUES (?, ?, ?)');
    this.#select = database.prepare('SELECT size, file, bytes FROM content WHERE id = ?');
    this.#wanted = database.prepare(`
      SELECT 1 FROM message WHERE content = ?1
      UNION ALL SELECT 1 FROM email WHERE content = ?1 LIMIT 1`);
    this.#delete = database.prepare('DELETE FROM content WHERE id = ? RETURNING file');
    this.#files = database.prepare(
      'SELECT file, size FROM content WHERE file IS NOT NULL ORDER BY id',
    );
  }

  insert({ size, file, bytes }: ContentRow): number {
    return Number(this.#insert.run(size, file, bytes).lastInsertRowid);
  }

  read(id: number): ContentRow {
    const row = this.#select.get(id);
    if (row === undefined) throw new Error(`the store is damaged: content ${id} is missing`);
    return {
      size: integer(row.size),
      file: textOrNull(row.file),
      bytes: row.bytes === null ? null : blob(row.bytes),
    };
  }

  /** After a reference to it went. */
  release(id: number): void {
    if (this.#wanted.get(id) !== undefined) return;
    const file = textOrNull(this.#delete.get(id)?.file ?? null);
    if (file !== null) this.#work.freeFile(file);
  }

  files(): readonly { readonly key: string; readonly size: number }[] {
    return this.#files.all().map((row) => ({
      key: textOrNull(row.file) ?? '',
      size: integer(row.size),
    }));
  }
}
