// PostgreSQL as the store that everything is moved to: rows under the numbers that they have, large content as the
// store itself writes it.

import { blockBytes } from '../../files/spool-memory.ts';
import {
  halfOfAnother,
  inUse,
  moveTables,
  refusal,
  usedTables,
  wasLeft,
} from '../../moving/marks.ts';
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
import { MoveError } from '../../moving/places.ts';
import { blob, integer } from '../../row.ts';
import { numbersPerBlock } from '../content/content-table.ts';
import type { Database, Queries } from '../database.ts';
import type { PostgresMoveOptions } from './move-place.ts';
import { hasTable, leftOf, openMoveDatabase, PostgresMovePlace } from './move-place.ts';
import { writeRows } from './move-rows.ts';
import { unwatch } from './move-source.ts';

const { target, cursor: cursors, content: copies, moved } = moveTables;

export interface PostgresTargetOptions extends PostgresMoveOptions {
  /** A store that everything was moved from is emptied. */
  readonly replace: boolean;
}

/** @throws MoveError, StoreOpenError, StorageError */
export async function openPostgresMoveTarget(options: PostgresTargetOptions): Promise<MoveTarget> {
  const database = await openMoveDatabase(options);
  const opened = new PostgresMoveTarget(database, options);
  try {
    await opened.replaceMoved(options.replace);
    return opened;
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

/** Neither mailboxes nor the queue refer to it. Each by itself, so that tables are joined and not looked into for each row. */
const unwanted = (id: string): string =>
  `NOT EXISTS (SELECT FROM email e WHERE e.content = ${id}) AND NOT EXISTS (SELECT FROM message m WHERE m.content = ${id})`;

class PostgresMoveTarget extends PostgresMovePlace implements MoveTarget {
  async replaceMoved(mayReplace: boolean): Promise<void> {
    const left = await leftOf(this.database);
    if (left === undefined) return;
    if (!mayReplace) throw wasLeft(this.name, left, 'empty it');
    await this.#long(async (queries) => {
      await queries.run(`DROP FUNCTION IF EXISTS ${refusal}() CASCADE`);
      await unwatch(queries);
      await empty(queries);
      await queries.run(`DROP TABLE ${moved}`);
    });
  }

  async assertFree(): Promise<void> {
    const [node] = await this.nodesAtWork();
    if (node !== undefined)
      throw new MoveError(`node ${node} is at work on ${this.name}: move to an empty database`);
    if (await hasTable(this.database, target)) return;
    for (const name of usedTables) {
      const [row] = await this.database.rows(`SELECT 1 FROM ${name} LIMIT 1`);
      if (row !== undefined) throw inUse(this.name);
    }
  }

  async begin(id: string): Promise<void> {
    await this.assertFree();
    if (await hasTable(this.database, target)) {
      if (await this.isUnderWay(id)) return;
      throw halfOfAnother(this.name);
    }
    await this.#long(async (queries) => {
      await empty(queries);
      await queries.run(`CREATE TABLE ${target} (id text NOT NULL)`);
      await queries.run(`CREATE TABLE ${cursors} (name text PRIMARY KEY, key text)`);
      await queries.run(
        `CREATE TABLE ${copies} (id bigint PRIMARY KEY, size bigint NOT NULL, digest bytea NOT NULL,
           verified boolean NOT NULL DEFAULT false)`,
      );
      await queries.run(`CREATE INDEX ${copies}_unverified ON ${copies} (id) WHERE NOT verified`);
      await queries.run(`INSERT INTO ${target} VALUES ($1)`, [id]);
    });
  }

  async isUnderWay(id: string): Promise<boolean> {
    if (!(await hasTable(this.database, target))) return false;
    const [row] = await this.database.rows(`SELECT id FROM ${target}`);
    return row?.id === id;
  }

  async cursor(table: MovedTable): Promise<MovedKey | 'done' | undefined> {
    const [row] = await this.database.rows(`SELECT key FROM ${cursors} WHERE name = $1`, [
      table.name,
    ]);
    if (row === undefined) return undefined;
    return row.key === null ? 'done' : parseKey(table, String(row.key));
  }

  write(table: MovedTable, { keys, rows, cursor }: MovedRows): Promise<void> {
    return this.database.transaction(async (transaction) => {
      await writeRows(transaction, table, { keys, rows });
      if (cursor === undefined) return;
      await transaction.run(
        `INSERT INTO ${cursors} VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET key = excluded.key`,
        [table.name, cursor === 'done' ? null : keyText(cursor)],
      );
    });
  }

  async copied(ids: readonly number[]): Promise<ReadonlySet<number>> {
    const rows = await this.database.rows(`SELECT id FROM ${copies} WHERE id = ANY($1::bigint[])`, [
      ids,
    ]);
    return new Set(rows.map(({ id }) => integer(id)));
  }

  putSmall(contents: readonly SmallCopy[]): Promise<void> {
    return this.database.transaction(async (transaction) => {
      await transaction.run(
        `INSERT INTO content (id, size, bytes)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])`,
        [
          contents.map(({ id }) => id),
          contents.map(({ size }) => size),
          contents.map(({ bytes }) => bytes),
        ],
      );
      await note(transaction, contents);
    });
  }

  /** What is left of it by one that was broken off goes first. */
  async putLarge({ id, pieces, digest }: LargeCopy): Promise<void> {
    const { large } = this.contentTable;
    await large.discard(id);
    const file = await large.create(id);
    try {
      let position = 0;
      for await (const block of blocksOf(pieces)) {
        await file.write(block, 0, block.length, position);
        position += block.length;
      }
      await file.datasync();
    } finally {
      await file.close();
    }
    await note(this.database, [digest()]);
  }

  async unverified(after: number, limit: number): Promise<readonly CopiedContent[]> {
    const rows = await this.database.rows(
      `SELECT id, size, digest FROM ${copies} WHERE NOT verified AND id > $1 ORDER BY id LIMIT $2`,
      [after, limit],
    );
    return rows.map(({ id, size, digest }) => ({
      ...{ id: integer(id), size: integer(size) },
      digest: blob(digest),
    }));
  }

  async verified(ids: readonly number[]): Promise<void> {
    await this.database.run(`UPDATE ${copies} SET verified = true WHERE id = ANY($1::bigint[])`, [
      ids,
    ]);
  }

  async contents(): Promise<{ readonly contents: number; readonly bytes: number }> {
    const [row] = await this.database.rows(
      'SELECT count(*) AS contents, coalesce(sum(size), 0)::bigint AS bytes FROM content WHERE freed IS NULL',
    );
    return { contents: integer(row?.contents), bytes: integer(row?.bytes) };
  }

  sweep(): Promise<readonly number[]> {
    return this.#long(async (queries) => {
      // What is large is swept by a node, as everywhere.
      await queries.run(
        `DELETE FROM content WHERE bytes IS NOT NULL AND ${unwanted('content.id')}`,
      );
      await queries.run(
        `UPDATE content SET freed = now() WHERE freed IS NULL AND ${unwanted('content.id')}`,
      );
      await queries.run(`DELETE FROM ${copies} WHERE ${unwanted(`${copies}.id`)}`);
      const rows = await queries.rows(
        `SELECT content FROM email WHERE NOT EXISTS (SELECT FROM ${copies} c WHERE c.id = email.content)
         UNION SELECT content FROM message WHERE content IS NOT NULL
           AND NOT EXISTS (SELECT FROM ${copies} c WHERE c.id = message.content)`,
      );
      return rows.map(({ content }) => integer(content));
    });
  }

  async finish(counters: Counters): Promise<void> {
    const { account, mailbox, folder, email, spamAccount, content } = counters;
    const numbers = { account, mailbox, folder, email, spam_account: spamAccount };
    await this.#long(async (queries) => {
      for (const [name, value] of Object.entries(numbers))
        await queries.run(`SELECT setval('${name}_id_seq', greatest($1::bigint, 1))`, [value]);
      await queries.run(`SELECT setval('content_block', $1)`, [
        Math.floor(content / numbersPerBlock) + 1,
      ]);
      await queries.run(
        `UPDATE meta SET value = greatest(value, CASE name WHEN 'uid_validity' THEN $1::bigint ELSE $2 END)
         WHERE name IN ('uid_validity', 'mailbox_modseq')`,
        [counters.uidValidity, counters.mailboxModseq],
      );
      // The next folder of a mailbox gets one that none of it had.
      await queries.run('UPDATE mailbox SET uid_validity = greatest(uid_validity, $1)', [
        counters.uidValidity,
      ]);
      await queries.run(`DROP TABLE ${copies}, ${cursors}, ${target}`);
    });
  }

  async optimise(): Promise<void> {
    await this.#long(async (queries) => {
      await queries.run(`ANALYZE ${movedTables.map(({ name }) => name).join()}, content`);
    });
  }

  async abandon(): Promise<void> {
    if (!(await hasTable(this.database, target))) return;
    await this.#long(async (queries) => {
      await empty(queries);
      await queries.run(`DROP TABLE ${copies}, ${cursors}, ${target}`);
    });
  }

  #long<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.database.transaction(async (transaction) => {
      await transaction.run('SET LOCAL statement_timeout = 0');
      return work(transaction);
    });
  }
}

/** Objects in a bucket are swept by the next node, as what nobody refers to is. */
async function empty(queries: Queries): Promise<void> {
  await queries.run(
    `TRUNCATE ${movedTables.map(({ name }) => name).join()}, content_piece, derived, node`,
  );
  await queries.run('DELETE FROM content WHERE object IS NULL');
  await queries.run('UPDATE content SET freed = now() WHERE freed IS NULL');
}

async function note(
  queries: Queries | Database,
  contents: readonly CopiedContent[],
): Promise<void> {
  await queries.run(
    `INSERT INTO ${copies} (id, size, digest)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])`,
    [
      contents.map(({ id }) => id),
      contents.map(({ size }) => size),
      contents.map(({ digest }) => digest),
    ],
  );
}

/** As the store's own writer cuts them: all but the last of one size. */
async function* blocksOf(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  let block = Buffer.allocUnsafe(blockBytes);
  let length = 0;
  for await (const piece of pieces)
    for (let at = 0; at < piece.length; ) {
      const taken = Math.min(piece.length - at, blockBytes - length);
      block.set(piece.subarray(at, at + taken), length);
      at += taken;
      length += taken;
      if (length < blockBytes) continue;
      yield block;
      block = Buffer.allocUnsafe(blockBytes);
      length = 0;
    }
  if (length > 0) yield block.subarray(0, length);
}
