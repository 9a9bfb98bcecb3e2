// PostgreSQL as the store that everything is moved from: triggers note what changes, whichever node changes it.

import { randomUUID } from 'node:crypto';
import { moveTables } from '../../moving/marks.ts';
import type { MovedColumn, MovedTable } from '../../moving/moved-tables.ts';
import { movedTables, parseKey, tableNamed } from '../../moving/moved-tables.ts';
import type { Change, Left, MoveSource } from '../../moving/places.ts';
import { StoreOpenError } from '../../open-error.ts';
import { integer } from '../../row.ts';
import type { Queries } from '../database.ts';
import type { PostgresMoveOptions } from './move-place.ts';
import { leftOf, openMoveDatabase, PostgresMovePlace } from './move-place.ts';
import { keyColumnsOf } from './move-rows.ts';

/** @throws StoreOpenError, StorageError */
export const openPostgresMoveSource = async (options: PostgresMoveOptions): Promise<MoveSource> =>
  new PostgresMoveSource(await openMoveDatabase(options), options);

const { source, change, moved } = moveTables;

class PostgresMoveSource extends PostgresMovePlace implements MoveSource {
  watch(): Promise<string> {
    return this.database.transaction(async (transaction) => {
      await transaction.run(`CREATE TABLE IF NOT EXISTS ${source} (id text NOT NULL)`);
      await transaction.run(
        `CREATE TABLE IF NOT EXISTS ${change} (
           note bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, key text NOT NULL)`,
      );
      await transaction.run(
        `INSERT INTO ${source} SELECT $1 WHERE NOT EXISTS (SELECT FROM ${source})`,
        [randomUUID()],
      );
      // Whoever is writing to a table is waited for: what was written before can be read afterwards.
      for (const table of movedTables)
        for (const sql of triggersOf(table)) await transaction.run(sql);
      const [row] = await transaction.rows(`SELECT id FROM ${source}`);
      return String(row?.id);
    });
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

  async quiet(): Promise<void> {
    const [name] = await this.nodesAtWork();
    if (name !== undefined)
      throw new StoreOpenError('in-use', `node ${name} is at work on ${this.name}: drain it first`);
    // What dead nodes had claimed is due.
    await this.database.run(
      `UPDATE recipient SET owner = NULL, at = greatest($1::bigint, coalesce(release, 0))
       WHERE owner IS NOT NULL`,
      [this.clock.now()],
    );
  }

  left(): Promise<Left | undefined> {
    return leftOf(this.database);
  }

  leave({ id, to, at }: Left): Promise<void> {
    return this.database.transaction(async (transaction) => {
      await transaction.run(
        `CREATE TABLE ${moved} (id text NOT NULL, place text NOT NULL, at bigint NOT NULL)`,
      );
      await transaction.run(`INSERT INTO ${moved} VALUES ($1, $2, $3)`, [id, to, at]);
      await unwatch(transaction);
    });
  }

  unwatch(): Promise<void> {
    return this.database.transaction(unwatch);
  }
}

async function unwatch(queries: Queries): Promise<void> {
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
    `DROP TRIGGER IF EXISTS move_${name} ON ${name}`,
    `CREATE TRIGGER move_${name} AFTER INSERT OR UPDATE OR DELETE ON ${name}
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
