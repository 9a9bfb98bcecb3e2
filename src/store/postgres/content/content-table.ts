// Content at rest in the database: small content in its row, large content in pieces or in a
// bucket. Rows of the queue and of
// mailboxes share it. From the moment when the last of them is gone nobody may open it; the octets of what is
// large go a good while later, since somebody may be reading them.

import { StorageError } from '../../../smtp/smtp-error.ts';
import type { Content, StoredContent } from '../../content.ts';
import { memoryContent } from '../../content.ts';
import { blob, integer } from '../../row.ts';
import type { Database, Queries, Transaction, Value } from '../database.ts';
import type { Bucket } from './bucket.ts';
import { LargeContents } from './large-contents.ts';

/** Numbers are taken from the database so many at a time. */
export const numbersPerBlock = 4096;
/** Limit: when so few are left the next ones are fetched: more than arrive while they come. */
const numbersLeftMin = 2048;

// Limits: for how long somebody may read what is gone, and how long a reception may take.
const freedFor = `interval '1 hour'`;
const receptionFor = `interval '1 day'`;
/** Limit: contents that one sweep removes. */
const sweptMax = 500;

/** What refers to content by its number: a table, and its column. */
const references: readonly (readonly [table: string, column: string])[] = [
  ['message', 'content'],
  ['email', 'content'],
];

const isWanted = references
  .map(([table, column]) => `EXISTS (SELECT FROM ${table} t WHERE t.${column} = content.id)`)
  .join(' OR ');

export class ContentTable {
  readonly #database: Database;
  readonly large: LargeContents;
  #next = 0;
  #end = 0;
  /** Blocks of numbers that follow. */
  readonly #blocks: number[] = [];
  #fetching: Promise<void> | undefined;
  #onFreed: ((id: number) => void) | undefined;

  constructor(database: Database, bucket?: Bucket) {
    this.#database = database;
    this.large = new LargeContents(database, bucket);
  }

  /** Whoever has large content in memory, too, hears that it is gone. */
  whenFreed(listener: (id: number) => void): void {
    this.#onFreed = listener;
  }

  /** Before a number is asked for. */
  async open(): Promise<void> {
    await this.#fetch();
  }

  /** A number for content that is about to be written. @throws StorageError when the database was away for long */
  newId(): number {
    const block = this.#next === this.#end ? this.#blocks.shift() : undefined;
    if (block !== undefined) {
      this.#next = block * numbersPerBlock;
      this.#end = this.#next + numbersPerBlock;
    }
    // While the database is away it is asked each time.
    if (this.#end - this.#next < numbersLeftMin && this.#blocks.length === 0)
      this.#fetch().catch(() => {});
    if (this.#next === this.#end) throw new StorageError('there are no numbers for content');
    this.#next += 1;
    return this.#next - 1;
  }

  /** The number under which rows may refer to it. Of what is large it has one already. */
  async insert(queries: Queries, content: StoredContent): Promise<number> {
    if (content.kind === 'file') return Number(content.key);
    const id = this.newId();
    await queries.run('INSERT INTO content (id, size, bytes) VALUES ($1, $2, $3)', [
      ...[id, content.bytes.length, content.bytes],
    ]);
    return id;
  }

  /** The number of each. The same content, as one object, is one row. */
  async insertAll(
    queries: Queries,
    contents: readonly StoredContent[],
  ): Promise<ReadonlyMap<StoredContent, number>> {
    const ids = new Map<StoredContent, number>();
    const rows: Value[] = [];
    for (const content of contents) {
      if (ids.has(content)) continue;
      const id = content.kind === 'file' ? Number(content.key) : this.newId();
      ids.set(content, id);
      if (content.kind === 'inline') rows.push(id, content.bytes.length, content.bytes);
    }
    if (rows.length === 0) return ids;
    const places = Array.from(
      { length: rows.length / 3 },
      (_, i) => `($${3 * i + 1}::bigint, $${3 * i + 2}::bigint, $${3 * i + 3}::bytea)`,
    );
    await queries.run(`INSERT INTO content (id, size, bytes) VALUES ${places.join()}`, rows);
    return ids;
  }

  /** Undefined when it is gone. */
  async read(queries: Queries, id: number): Promise<Content | undefined> {
    const sql = 'SELECT size, bytes FROM content WHERE id = $1 AND freed IS NULL';
    const [row] = await queries.rows(sql, [id]);
    return row === undefined ? undefined : this.contentOf(id, row);
  }

  /** `size` and `bytes` of a row that was read. */
  contentOf(
    id: number,
    { size, bytes }: { readonly size?: unknown; readonly bytes?: unknown },
  ): Content {
    if (bytes !== null) return memoryContent(blob(bytes));
    return this.large.content(id, integer(size));
  }

  /**
   * After references to these went, in the same transaction. Two who take away the last references at once wait
   * for each other here, and the second one sees that there is none.
   */
  async release(transaction: Transaction, ids: readonly number[]): Promise<void> {
    if (ids.length === 0) return;
    await transaction.rows(
      'SELECT id FROM content WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE',
      [ids],
    );
    await transaction.run(
      `DELETE FROM content WHERE id = ANY($1::bigint[]) AND bytes IS NOT NULL AND NOT (${isWanted})`,
      [ids],
    );
    const freed = await transaction.rows(
      `UPDATE content SET freed = now()
       WHERE id = ANY($1::bigint[]) AND bytes IS NULL AND freed IS NULL AND NOT (${isWanted})
       RETURNING id`,
      [ids],
    );
    transaction.onCommit(() => {
      for (const { id } of freed) this.#onFreed?.(integer(id));
    });
  }

  /** Nobody refers to it, or will. */
  async free(id: number): Promise<void> {
    await this.#database.run(
      `UPDATE content SET freed = now() WHERE id = $1 AND freed IS NULL AND NOT (${isWanted})`,
      [id],
    );
  }

  /** Removes what was freed long ago, and what is left of receptions that were broken off. Any node may, at any time. */
  async sweep(): Promise<number> {
    await this.#database.run(
      `UPDATE content SET freed = now()
       WHERE bytes IS NULL AND freed IS NULL AND created < now() - ${receptionFor} AND NOT (${isWanted})`,
    );
    const objects = await this.large.sweep(freedFor);
    const rows = await this.#database.run(
      `WITH gone AS (
         DELETE FROM content WHERE id IN (
           SELECT id FROM content WHERE freed < now() - ${freedFor} AND object IS NULL
           LIMIT ${sweptMax} FOR UPDATE SKIP LOCKED) RETURNING id),
       pieces AS (DELETE FROM content_piece USING gone WHERE content = gone.id)
       SELECT id FROM gone`,
    );
    return objects + rows;
  }

  async #fetch(): Promise<void> {
    this.#fetching ??= this.#database
      .rows(`SELECT nextval('content_block') AS block`)
      .then(([row]) => {
        this.#blocks.push(integer(row?.block));
      })
      .finally(() => {
        this.#fetching = undefined;
      });
    return this.#fetching;
  }
}
