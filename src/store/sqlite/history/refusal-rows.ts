// Refusals of the history as rows.

import type { DatabaseSync } from 'node:sqlite';
import { findingText } from '../../../mail/finding.ts';
import type { HistoryEvent, RefusedEvent } from '../../history.ts';
import type { RefusalFound } from '../../history-search.ts';
import type { Row } from '../../row.ts';
import { integer, text, textOrNull } from '../../row.ts';
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

  #put(key: number, { id, at, refusal }: RefusedEvent, file: number): void {
    const { service, client, hello, from, to, recipients, messageId, account } = refusal;
    const { stage, reply, reason, findings = [] } = refusal;
    const found = findings.map(findingText).join('\n');
    this.#sql.put.run(
      ...[key, file, at, id === '' ? null : id, service ?? null, client, hello ?? null],
      ...[from ?? null, to ?? null, recipients ?? (to === undefined ? 0 : 1)],
      ...[messageId ?? null, account ?? null, stage, reply ?? null, reason, found],
    );
    const words = [messageId, hello, reply, reason, found].filter((word) => word !== undefined);
    this.#sql.putWords.run(
      ...[key, from ?? '', to ?? '', client, account ?? '', words.join('\n'), stage],
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

export const refusalFound = (row: Row): RefusalFound => ({
  at: integer(row.at),
  session: textOrNull(row.session) ?? undefined,
  service: textOrNull(row.service) ?? undefined,
  client: text(row.client),
  hello: textOrNull(row.hello) ?? undefined,
  sender: textOrNull(row.sender) ?? undefined,
  recipient: textOrNull(row.recipient) ?? undefined,
  recipientCount: integer(row.recipient_count),
  messageId: textOrNull(row.message_id) ?? undefined,
  account: textOrNull(row.account) ?? undefined,
  stage: text(row.stage),
  reply: textOrNull(row.reply) ?? undefined,
  reason: text(row.reason),
  findings: text(row.findings)
    .split('\n')
    .filter((line) => line !== ''),
});
