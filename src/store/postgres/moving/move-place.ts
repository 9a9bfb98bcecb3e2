// PostgreSQL as a move sees it, whichever way mail goes.

import type { Clock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import type { Content } from '../../content.ts';
import { movedAway, moveTables, underWay, withoutPassword } from '../../moving/marks.ts';
import type { MovedKey, MovedRow, MovedTable } from '../../moving/moved-tables.ts';
import type { Counters, KeyRange, Left, MovePlace } from '../../moving/places.ts';
import { integer } from '../../row.ts';
import type { ObjectSettings } from '../../stores.ts';
import { Bucket } from '../content/bucket.ts';
import { ContentTable } from '../content/content-table.ts';
import type { Queries } from '../database.ts';
import { Database } from '../database.ts';
import { migrate } from '../migrations.ts';
import { readPage, readRows } from './move-rows.ts';

export interface PostgresMoveOptions {
  readonly url: string;
  /** False behind a pooler: see DatabaseOptions.isPooled. */
  readonly notify: boolean;
  readonly objects: ObjectSettings | undefined;
  readonly clock: Clock;
  /** After so long without a word a node is taken for dead, in milliseconds. */
  readonly nodeTimeoutMs: number;
}

/** Limit: connections of a move. */
const connectionsMax = 3;
/** Limit: a statement that counts or sweeps all rows of a large store. */
const patienceMs = 3_600_000;

/** With all tables. @throws StoreOpenError, StorageError */
export async function openMoveDatabase({ url, notify }: PostgresMoveOptions): Promise<Database> {
  const database = new Database({
    ...{ url, log: silentLog, name: 'postrider move', connectionsMax, patienceMs },
    isPooled: !notify,
  });
  try {
    await migrate(database);
    return database;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

export abstract class PostgresMovePlace implements MovePlace {
  readonly name: string;
  protected readonly database: Database;
  protected readonly contentTable: ContentTable;
  protected readonly clock: Clock;
  readonly #nodeTimeoutMs: number;

  constructor(database: Database, { url, objects, clock, nodeTimeoutMs }: PostgresMoveOptions) {
    this.name = withoutPassword(url);
    this.database = database;
    this.clock = clock;
    this.contentTable = new ContentTable(database, objects && new Bucket(objects, clock));
    this.#nodeTimeoutMs = nodeTimeoutMs;
  }

  page(
    table: MovedTable,
    after: MovedKey | undefined,
    range?: KeyRange,
  ): Promise<readonly MovedRow[]> {
    return readPage(this.database, table, { after, range });
  }

  rows(table: MovedTable, keys: readonly MovedKey[]): Promise<readonly MovedRow[]> {
    return readRows(this.database, table, keys);
  }

  count(table: MovedTable): Promise<number> {
    return this.longNumber(`SELECT count(*) AS value FROM ${table.name}`);
  }

  async contentsOf(ids: readonly number[]): Promise<ReadonlyMap<number, Content>> {
    const rows = await this.database.rows(
      'SELECT id, size, bytes FROM content WHERE id = ANY($1::bigint[]) AND freed IS NULL',
      [ids],
    );
    return new Map(
      rows.map((row) => [integer(row.id), this.contentTable.contentOf(integer(row.id), row)]),
    );
  }

  async counters(): Promise<Counters> {
    const [row] = await this.database.rows(`
      SELECT (SELECT last_value FROM account_id_seq) AS account,
        (SELECT last_value FROM mailbox_id_seq) AS mailbox,
        (SELECT last_value FROM folder_id_seq) AS folder,
        (SELECT last_value FROM email_id_seq) AS email,
        (SELECT last_value FROM spam_account_id_seq) AS spam,
        (SELECT coalesce(max(id), 0) FROM content) AS content,
        (SELECT greatest(max(value), (SELECT max(uid_validity) FROM mailbox),
           (SELECT max(uid_validity) FROM folder)) FROM meta WHERE name = 'uid_validity') AS validity,
        (SELECT value FROM meta WHERE name = 'mailbox_modseq') AS modseq`);
    return {
      ...{ account: integer(row?.account), mailbox: integer(row?.mailbox) },
      ...{ folder: integer(row?.folder), email: integer(row?.email) },
      ...{ spamAccount: integer(row?.spam), content: integer(row?.content) },
      ...{ uidValidity: integer(row?.validity), mailboxModseq: integer(row?.modseq) },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database[Symbol.asyncDispose]();
  }

  /** Names of nodes that were heard lately. */
  protected async nodesAtWork(): Promise<readonly string[]> {
    const rows = await this.database.rows(
      `SELECT name FROM node WHERE session IS NOT NULL
         AND seen > clock_timestamp() - $1 * interval '1 millisecond' ORDER BY number`,
      [this.#nodeTimeoutMs],
    );
    return rows.map(({ name }) => String(name));
  }

  /** Of a statement that may take its time. */
  protected longNumber(sql: string): Promise<number> {
    return this.database.transaction(async (transaction) => {
      await transaction.run('SET LOCAL statement_timeout = 0');
      return integer((await transaction.rows(sql))[0]?.value);
    });
  }
}

export async function hasTable(queries: Queries, name: string): Promise<boolean> {
  const [row] = await queries.rows('SELECT to_regclass($1) IS NOT NULL AS found', [name]);
  return row?.found === true;
}

export async function leftOf(queries: Queries): Promise<Left | undefined> {
  if (!(await hasTable(queries, moveTables.moved))) return undefined;
  const [row] = await queries.rows(`SELECT id, place, at FROM ${moveTables.moved}`);
  return row && { id: String(row.id), to: String(row.place), at: Number(row.at) };
}

/** Before a node starts. @throws StoreOpenError */
export async function refuseMoved(queries: Queries, url: string): Promise<void> {
  const name = withoutPassword(url);
  if (await hasTable(queries, moveTables.target)) throw underWay(name);
  const left = await leftOf(queries);
  if (left !== undefined) throw movedAway(name, left.to);
}
