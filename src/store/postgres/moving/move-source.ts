// PostgreSQL as the store that everything is moved from: triggers note what changes, whichever node changes it.

import { randomUUID } from 'node:crypto';
import { assert } from '../../../base/assert.ts';
import { moveTables, refusal, underWay } from '../../moving/marks.ts';
import type { MovedColumn, MovedTable } from '../../moving/moved-tables.ts';
import { movedTables, parseKey, tableNamed } from '../../moving/moved-tables.ts';
import type { Change, Left, MoveSource } from '../../moving/places.ts';
import { StoreOpenError } from '../../open-error.ts';
import { integer } from '../../row.ts';
import type { Database, Queries, Transaction } from '../database.ts';
import type { PostgresMoveOptions } from './move-place.ts';
import { hasTable, leftOf, openMoveDatabase, PostgresMovePlace } from './move-place.ts';
import { keyColumnsOf } from './move-rows.ts';

/** @throws StorageError, StoreOpenError, also where a move to it has not ended: it is no whole store yet */
export async function openPostgresMoveSource(options: PostgresMoveOptions): Promise<MoveSource> {
  const opened = new PostgresMoveSource(await openMoveDatabase(options), options);
  try {
    await opened.assertWhole();
    return opened;
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

const { source, change, target, moved } = moveTables;

class PostgresMoveSource extends PostgresMovePlace implements MoveSource {
  #closed: Closed | undefined;

  async assertWhole(): Promise<void> {
    if (await hasTable(this.database, target)) throw underWay(this.name);
  }

  async watch(): Promise<string> {
    const id = await this.database.transaction(async (transaction) => {
      await transaction.run(`CREATE TABLE IF NOT EXISTS ${source} (id text NOT NULL)`);
      await transaction.run(
        `CREATE TABLE IF NOT EXISTS ${change} (
           note bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, key text NOT NULL)`,
      );
      await transaction.run(
        `INSERT INTO ${source} SELECT $1 WHERE NOT EXISTS (SELECT FROM ${source})`,
        [randomUUID()],
      );
      const [row] = await transaction.rows(`SELECT id FROM ${source}`);
      return String(row?.id);
    });
    // Whoever is writing to a table is waited for: what was written before can be read afterwards. One table after the
    // other: whoever had some and waited for others would be in the way of nodes that have those.
    for (const table of movedTables)
      await this.database.transaction(async (transaction) => {
        for (const sql of triggersOf(table)) await transaction.run(sql);
      });
    return id;
  }

  /** Not in the order of commits: a note may come that is older than one that was forgotten, and is no worse for it. */
  async changes(limit: number): Promise<readonly Change[]> {
    const rows = await this.database.rows(
      `SELECT note, name, key FROM ${change} ORDER BY note LIMIT $1`,
      [limit],
    );
    return rows.map((row) => {
      const table = tableNamed(String(row.name));
      return { note: integer(row.note), table, key: parseKey(table, String(row.key)) };
    });
  }

  async forget(notes: readonly number[]): Promise<void> {
    if (notes.length > 0)
      await this.database.run(`DELETE FROM ${change} WHERE note = ANY($1::bigint[])`, [notes]);
  }

  servers(): Promise<readonly string[]> {
    return this.nodesAtWork();
  }

  async drain(names: readonly string[]): Promise<boolean> {
    await this.database.run('UPDATE node SET draining = true WHERE name = ANY($1::text[])', [
      names,
    ]);
    return true;
  }

  /** Nobody writes until we leave, or end: neither a node that begins, nor one that was frozen and thaws. */
  async quiet(): Promise<void> {
    if (this.#closed !== undefined) return;
    await this.#assertIdle();
    // What dead nodes had claimed is due.
    await this.database.run(
      `UPDATE recipient SET owner = NULL, at = greatest($1::bigint, coalesce(release, 0))
       WHERE owner IS NOT NULL`,
      [this.clock.now()],
    );
    this.#closed = await closedTo(this.database);
    await this.#assertIdle();
    const [claimed] = await this.database.rows(
      'SELECT 1 FROM recipient WHERE owner IS NOT NULL LIMIT 1',
    );
    if (claimed !== undefined) throw inUse(this.name, 'a node');
  }

  left(): Promise<Left | undefined> {
    return leftOf(this.database);
  }

  async leave({ id, to, at }: Left): Promise<void> {
    assert(this.#closed !== undefined, 'nobody else writes when the store is left');
    await this.#closed.finish(async (transaction) => {
      await transaction.run(
        `CREATE TABLE ${moved} (id text NOT NULL, place text NOT NULL, at bigint NOT NULL)`,
      );
      await transaction.run(`INSERT INTO ${moved} VALUES ($1, $2, $3)`, [id, to, at]);
      // What notes changes stays: taking it away would wait for whoever reads, a dump for one.
      await refuseWrites(transaction);
    });
  }

  unwatch(): Promise<void> {
    return unwatch(this.database);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#closed?.open();
    await super[Symbol.asyncDispose]();
  }

  async #assertIdle(): Promise<void> {
    const [name] = await this.nodesAtWork();
    if (name !== undefined) throw inUse(this.name, `node ${name}`);
  }
}

const inUse = (name: string, who: string): StoreOpenError =>
  new StoreOpenError('in-use', `${who} is at work on ${name}: drain it, and call this again`);

/** Tables that are closed to everybody else who writes, while anybody may read. */
interface Closed {
  /** The last that happens before they are open again. */
  finish(work: (transaction: Transaction) => Promise<void>): Promise<void>;
  open(): Promise<void>;
}

async function closedTo(database: Database): Promise<Closed> {
  const closed = Promise.withResolvers<void>();
  const last = Promise.withResolvers<(transaction: Transaction) => Promise<void>>();
  const tables = movedTables.map(({ name }) => name).join();
  const ended = database.transaction(async (transaction) => {
    await transaction.run('SET LOCAL idle_in_transaction_session_timeout = 0');
    await transaction.run(`LOCK TABLE node, ${tables} IN EXCLUSIVE MODE`);
    closed.resolve();
    await (await last.promise)(transaction);
  });
  ended.catch(closed.reject);
  await closed.promise;
  return {
    finish(work) {
      last.resolve(work);
      return ended;
    },
    async open() {
      last.resolve(async () => {});
      await ended.catch(() => {}); // who finished has heard
    },
  };
}

/** A node that was frozen and thaws now, or was just starting, would write to a store that is none any more. */
async function refuseWrites(queries: Queries): Promise<void> {
  await queries.run(
    `CREATE FUNCTION ${refusal}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       RAISE EXCEPTION 'everything was moved to another store';
     END $$`,
  );
  for (const name of ['node', ...movedTables.map((table) => table.name)])
    await queries.run(
      `CREATE TRIGGER ${refusal} BEFORE INSERT OR UPDATE OR DELETE ON ${name}
         FOR EACH STATEMENT EXECUTE FUNCTION ${refusal}()`,
    );
}

/** Nothing is noted any more. What notes goes before what it is noted in, or nodes that write would fail. */
export async function unwatch(queries: Queries): Promise<void> {
  for (const { name } of movedTables)
    await queries.run(`DROP FUNCTION IF EXISTS move_${name}() CASCADE`);
  await queries.run(`DROP TABLE IF EXISTS ${change}, ${source}`);
}

/** An update that changes the key is noted for both. */
function triggersOf(table: MovedTable): readonly string[] {
  const { name } = table;
  const key = keyColumnsOf(table);
  const note = (row: string) =>
    `INSERT INTO ${change} (name, key) VALUES ('${name}', ${keySql(row, key)});`;
  return [
    `CREATE OR REPLACE FUNCTION move_${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF TG_OP = 'DELETE' THEN ${note('OLD')} RETURN NULL; END IF;
       IF TG_OP = 'UPDATE' THEN
         IF ${key.map((column) => `OLD.${column.name} IS DISTINCT FROM NEW.${column.name}`).join(' OR ')}
         THEN ${note('OLD')} END IF;
       END IF;
       ${note('NEW')} RETURN NULL;
     END $$`,
    `CREATE OR REPLACE TRIGGER move_${name} AFTER INSERT OR UPDATE OR DELETE ON ${name}
       FOR EACH ROW EXECUTE FUNCTION move_${name}()`,
  ];
}

/** See keyText(). */
const keySql = (row: string, key: readonly MovedColumn[]): string =>
  key.map((column) => keyPart(`${row}.${column.name}`, column)).join(` || ',' || `);

function keyPart(value: string, { kind }: MovedColumn): string {
  if (kind === 'integer') return `${value}::text`;
  return kind === 'text'
    ? `encode(convert_to(${value}, 'UTF8'), 'hex')`
    : `encode(${value}, 'hex')`;
}
