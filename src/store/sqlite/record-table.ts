// The records' SQL: what RecordStore promises, inside a transaction that somebody else holds.

import type { DatabaseSync } from 'node:sqlite';
import { endOfPrefix, type RecordPage, recordIsThere, type StoredRecord } from '../record-store.ts';
import type { Row } from '../row.ts';
import { integer, integerOrNull, text } from '../row.ts';
import type { RecordRequests } from './requests.ts';

// Limit: what one write sweeps of what has expired, so that no write is slow after a quiet year.
const sweptMax = 64;

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  const alive = '(expires IS NULL OR expires > ?2)';
  const list = (begins: '>' | '>=') => `
    SELECT * FROM record
    WHERE kind = ?1 AND ${alive} AND key ${begins} ?3 AND key < CAST(?4 AS TEXT) ORDER BY key LIMIT ?5`;
  return {
    get: prepare(`SELECT * FROM record WHERE kind = ?1 AND ${alive} AND key = ?3`),
    put: prepare(`INSERT OR REPLACE INTO record (kind, key, value, expires) VALUES (?, ?, ?, ?)`),
    remove: prepare('DELETE FROM record WHERE kind = ? AND key = ?'),
    listFrom: prepare(list('>=')),
    listBehind: prepare(list('>')),
    count: prepare('SELECT count(*) AS records FROM record WHERE kind = ?'),
    sweep: prepare(`
      DELETE FROM record WHERE (kind, key) IN
        (SELECT kind, key FROM record WHERE expires <= ? ORDER BY expires LIMIT ${sweptMax})`),
  };
}

export class RecordTable implements RecordRequests {
  readonly #sql: ReturnType<typeof prepareStatements>;

  constructor(database: DatabaseSync) {
    this.#sql = prepareStatements(database);
  }

  getRecord(kind: string, key: string, now: number): StoredRecord | undefined {
    const row = this.#sql.get.get(kind, now, key);
    return row === undefined ? undefined : recordOf(row);
  }

  putRecords(records: readonly StoredRecord[], now: number): void {
    for (const { kind, key, value, expires = null } of records)
      this.#sql.put.run(kind, key, value, expires === null ? null : Math.floor(expires));
    this.#sql.sweep.run(now);
  }

  /** Before anything else is written, since what is thrown is to leave nothing. */
  addRecords(records: readonly StoredRecord[], now: number): void {
    for (const record of records)
      if (this.getRecord(record.kind, record.key, now) !== undefined) throw recordIsThere(record);
    this.putRecords(records, now);
  }

  replaceRecord(record: StoredRecord, before: string | undefined, now: number): boolean {
    if (this.getRecord(record.kind, record.key, now)?.value !== before) return false;
    this.putRecords([record], now);
    return true;
  }

  removeRecords(kind: string, keys: readonly string[]): void {
    for (const key of keys) this.#sql.remove.run(kind, key);
  }

  listRecords(
    kind: string,
    { prefix = '', after, limit }: RecordPage,
    now: number,
  ): readonly StoredRecord[] {
    const isBehind =
      after !== undefined && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
    const { listFrom, listBehind } = this.#sql;
    const [list, begin] = isBehind ? [listBehind, after] : [listFrom, prefix];
    return list.all(kind, now, begin, endOfPrefix(prefix), limit).map(recordOf);
  }

  countRecords(kind: string): number {
    return integer(this.#sql.count.get(kind)?.records);
  }
}

function recordOf(row: Row): StoredRecord {
  const expires = integerOrNull(row.expires);
  return {
    ...{ kind: text(row.kind), key: text(row.key), value: text(row.value) },
    ...(expires === null ? {} : { expires }),
  };
}
