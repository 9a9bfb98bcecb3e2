// Refusals of the history as rows.

import type { DatabaseSync } from 'node:sqlite';
import { refusalRow, refusalWords } from '../../history/refusal-row.ts';
import type { HistoryEvent, RefusedEvent } from '../../history.ts';
import { integer } from '../../row.ts';
import { prepareRun } from '../database.ts';
import { pruneRows } from './prune-rows.ts';

/** Keys are moments, this many to the millisecond. */
const perMs = 1000;

export const refusalKeyAt = (ms: number): number => ms * perMs;

export class RefusalRows {
  readonly #sql: ReturnType<typeof prepareStatements>;
  #last: number;

  constructor(database: DatabaseSync) {
    this.#sql = prepareStatements(database);
    this.#last = integer(this.#sql.last.get()?.key);
  }

  /** Within a transaction. */
  apply(events: readonly HistoryEvent[], file: number): void {
    for (const event of events) {
      if (event.kind !== 'refused') continue;
      const key = Math.max(refusalKeyAt(event.at), this.#last + 1);
      this.#last = key;
      this.#put(key, event, file);
    }
  }

  /** Of the oldest rows at most `limit` whose file is gone; how many that were. */
  prune(oldestFile: number, limit: number): number {
    return pruneRows(this.#sql, oldestFile, limit);
  }

  #put(key: number, event: RefusedEvent, file: number): void {
    const row = refusalRow(event);
    this.#sql.put.run(
      ...[key, file, row.at, row.session, row.service, row.client, row.hello],
      ...[row.sender, row.recipient, row.recipient_count, row.message_id, row.account],
      ...[row.stage, row.reply, row.reason, row.findings],
    );
    this.#sql.putWords.run(
      ...[key, row.sender ?? '', row.recipient ?? '', row.client, row.account ?? ''],
      ...[refusalWords(row), row.stage],
    );
  }
}

function prepareStatements(database: DatabaseSync) {
  const marks = Array.from({ length: 16 }, () => '?').join(', ');
  return {
    last: database.prepare('SELECT coalesce(max(key), 0) AS key FROM refusal'),
    put: prepareRun(database, `INSERT INTO refusal VALUES (${marks})`),
    putWords: prepareRun(
      database,
      `INSERT INTO refusal_words (rowid, sender, recipients, client, account, words, marks)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    forgetWords: prepareRun(database, 'DELETE FROM refusal_words WHERE rowid = ?'),
    oldest: database.prepare('SELECT key, file FROM refusal ORDER BY key LIMIT ?'),
    remove: prepareRun(database, 'DELETE FROM refusal WHERE key = ?'),
  };
}
