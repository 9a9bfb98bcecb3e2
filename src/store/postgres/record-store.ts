// Records on PostgreSQL.

import type { Clock } from '../../base/clock.ts';
import type { Turn } from '../nodes.ts';
import type { AnnouncedKind, RecordPage, RecordStore, StoredRecord } from '../record-store.ts';
import { announcedKinds, checkLength, endOfPrefix, recordIsThere } from '../record-store.ts';
import type { Row } from '../row.ts';
import { blob, integer, integerOrNull, text } from '../row.ts';
import type { Changes } from './changes.ts';
import type { Database, Queries } from './database.ts';
import { assertHeld } from './turns.ts';

// Limit: what one write sweeps of what has expired, so that no write is slow after a quiet year.
const sweptMax = 64;

export interface PostgresRecordStoreParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly changes: Changes;
}

const announced: ReadonlySet<string> = new Set(announcedKinds);
const nameOf = (kind: string): string => `records ${kind}`;

export class PostgresRecordStore implements RecordStore {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #changes: Changes;

  constructor({ database, clock, changes }: PostgresRecordStoreParts) {
    this.#database = database;
    this.#clock = clock;
    this.#changes = changes;
  }

  async get(kind: string, key: string): Promise<StoredRecord | undefined> {
    const [row] = await this.#database.rows(
      'SELECT * FROM record WHERE kind = $1 AND key = $2 AND (expires IS NULL OR expires > $3)',
      [kind, octets(key), this.#clock.now()],
    );
    return row === undefined ? undefined : recordOf(row);
  }

  async put(records: readonly StoredRecord[], turn?: Turn): Promise<void> {
    if (records.length === 0) return;
    records.forEach(checkLength);
    // Of the same record the last counts; all in one order, so that no two writers wait for each other.
    const last = new Map(records.map((record) => [`${record.kind}\0${record.key}`, record]));
    const ordered = [...last.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    const list = ordered.map(([, record]) => record);
    const kinds = [...new Set(list.map(({ kind }) => kind))];
    const now = this.#clock.now();
    await this.#change(kinds, turn, (queries) => putRecords(queries, list, now));
  }

  async replace(record: StoredRecord, before: string | undefined): Promise<boolean> {
    checkLength(record);
    const { kind, key, value, expires } = record;
    const sql =
      before === undefined
        ? `INSERT INTO record AS known (kind, key, value, expires) VALUES ($1, $2, $3, $4)
           ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires = excluded.expires
           WHERE known.expires <= $5`
        : `UPDATE record SET value = $3, expires = $4
           WHERE kind = $1 AND key = $2 AND value = $6 AND (expires IS NULL OR expires > $5)`;
    const values = [
      ...[kind, octets(key), octets(value), expires === undefined ? null : Math.floor(expires)],
      ...[this.#clock.now(), ...(before === undefined ? [] : [octets(before)])],
    ];
    const changed = await this.#change([kind], undefined, (queries) => queries.run(sql, values));
    return changed > 0;
  }

  async remove(kind: string, keys: readonly string[], turn?: Turn): Promise<void> {
    if (keys.length === 0) return;
    const sql = 'DELETE FROM record WHERE kind = $1 AND key = ANY($2::bytea[])';
    await this.#change([kind], turn, (queries) => queries.run(sql, [kind, keys.map(octets)]));
  }

  watch(kind: AnnouncedKind, listener: () => void): () => void {
    return this.#changes.watch(nameOf(kind), listener);
  }

  /** A statement by itself, unless somebody is to be told of it, or may be refused it. */
  async #change<T>(
    kinds: readonly string[],
    turn: Turn | undefined,
    change: (queries: Queries) => Promise<T>,
  ): Promise<T> {
    const names = kinds.filter((kind) => announced.has(kind)).map(nameOf);
    if (names.length === 0 && turn === undefined) return change(this.#database);
    return this.#database.transaction(async (transaction) => {
      if (turn !== undefined) await assertHeld(transaction, turn);
      if (names.length > 0) await this.#changes.raise(transaction, names);
      const result = await change(transaction);
      transaction.onCommit(() => {
        for (const name of names) this.#changes.announce(name);
      });
      return result;
    });
  }

  async list(
    kind: string,
    { prefix = '', after, limit }: RecordPage,
  ): Promise<readonly StoredRecord[]> {
    const rows = await this.#database.rows(
      `SELECT * FROM record
       WHERE kind = $1 AND key >= $2 AND key < $3
         AND ($4::bytea IS NULL OR key > $4) AND (expires IS NULL OR expires > $5)
       ORDER BY key LIMIT $6`,
      [
        ...[kind, octets(prefix), endOfPrefix(prefix)],
        ...[after === undefined ? null : octets(after), this.#clock.now(), limit],
      ],
    );
    return rows.map(recordOf);
  }

  async count(kind: string): Promise<number> {
    const sql = 'SELECT count(*) AS records FROM record WHERE kind = $1';
    return integer((await this.#database.rows(sql, [kind]))[0]?.records);
  }
}

/** None twice. */
export async function putRecords(
  queries: Queries,
  list: readonly StoredRecord[],
  now: number,
): Promise<void> {
  await queries.run(
    `WITH swept AS (
       DELETE FROM record WHERE (kind, key) IN (
         SELECT kind, key FROM record WHERE expires <= $5 AND (kind, key) NOT IN
           (SELECT * FROM unnest($1::text[], $2::bytea[]))
         ORDER BY expires LIMIT ${sweptMax} FOR UPDATE SKIP LOCKED))
     INSERT INTO record (kind, key, value, expires)
     SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bigint[])
     ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires = excluded.expires`,
    [
      list.map(({ kind }) => kind),
      list.map(({ key }) => octets(key)),
      list.map(({ value }) => octets(value)),
      list.map(({ expires }) => (expires === undefined ? null : Math.floor(expires))),
      now,
    ],
  );
}

/**
 * None is there already. Who puts the same at the same time waits until this transaction has ended, and then finds it. What
 * has expired is in nobody's way.
 */
export async function addRecords(
  queries: Queries,
  list: readonly StoredRecord[],
  now: number,
): Promise<void> {
  for (const { kind, key, value, expires } of list) {
    const added = await queries.run(
      `INSERT INTO record (kind, key, value, expires) VALUES ($1, $2, $3, $4)
       ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires = excluded.expires
       WHERE record.expires <= $5`,
      [kind, octets(key), octets(value), expires === undefined ? null : Math.floor(expires), now],
    );
    if (added === 0) throw recordIsThere({ kind, key });
  }
}

const octets = (written: string): Buffer => Buffer.from(written);

function recordOf(row: Row): StoredRecord {
  const expires = integerOrNull(row.expires);
  return {
    kind: text(row.kind),
    key: Buffer.from(blob(row.key)).toString(),
    value: Buffer.from(blob(row.value)).toString(),
    ...(expires === null ? {} : { expires }),
  };
}
