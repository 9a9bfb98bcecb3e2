// Messages of the history as rows: where each is, from what was recorded of it so far.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { MessageRow, ReceivedEvent } from '../../history/message-row.ts';
import { messageRow, newRow, stateOf, withAddresses, worst } from '../../history/message-row.ts';
import type { HistoryEvent } from '../../history.ts';
import { messageKey } from '../../message-key.ts';
import { prepareRun } from '../database.ts';
import { pruneRows } from './prune-rows.ts';

interface Pending {
  readonly row: MessageRow;
  /** It has a row already, whose words are those of this text. */
  readonly before: string | undefined;
}

export class MessageRows {
  readonly #sql: ReturnType<typeof prepareStatements>;
  /** What this slice has changed. */
  readonly #pending = new Map<number, Pending>();

  constructor(database: DatabaseSync) {
    this.#sql = prepareStatements(database);
  }

  /** Within a transaction; each row that the slice changes is written once. */
  apply(events: readonly HistoryEvent[], file: number): void {
    // A slice that could not be written comes again as a whole.
    this.#pending.clear();
    for (const event of events) this.#applyOne(event, file);
    this.#write();
  }

  #applyOne(event: HistoryEvent, file: number): void {
    if (event.kind === 'received') this.#received(event, file);
    else if (event.kind === 'attempt') this.#attempted(event);
    else if (event.kind === 'cancelled')
      this.#change(event, (row) => {
        row.cancelled += event.recipients.length;
      });
  }

  #write(): void {
    for (const [key, { row, before }] of this.#pending) {
      const words = wordsOf(row);
      const now = words.join('\n');
      this.#sql.put.run(...valuesOf(row));
      if (now === before) continue;
      if (before !== undefined) this.#sql.forgetWords.run(key);
      this.#sql.putWords.run(key, ...words);
    }
  }

  /** Of the oldest rows at most `limit` whose file is gone; how many that were. */
  prune(oldestFile: number, limit: number): number {
    return pruneRows(this.#sql, oldestFile, limit);
  }

  #received(event: ReceivedEvent, file: number): void {
    const key = messageKey(event.id);
    // Field: after a crash the same may be recorded once more.
    if (this.#known(key, event.id) !== undefined) return;
    this.#pending.set(key, { row: newRow(key, event, file), before: undefined });
  }

  #attempted(event: Extract<HistoryEvent, { readonly kind: 'attempt' }>): void {
    this.#change(event, (row) => {
      for (const { result } of event.results) {
        if (result === 'delivered' || result === 'relayed') row.delivered += 1;
        else if (result === 'failed' || result === 'expired') row.failed += 1;
      }
      row.reply = worst(event.results)?.reply ?? row.reply;
      row.recipients = withAddresses(row.recipients, event.results);
    });
  }

  #change(event: HistoryEvent, change: (row: MessageRow) => void): void {
    const key = messageKey(event.id);
    const known = this.#known(key, event.id);
    if (known === undefined) return; // it was received before there was a history
    change(known.row);
    known.row.lastEvent = event.at;
    known.row.state = stateOf(known.row);
    this.#pending.set(key, known);
  }

  #known(key: number, id: string): Pending | undefined {
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending.row.id === id ? pending : undefined;
    const found = this.#sql.get.get(key);
    if (found === undefined || found.id !== id) return undefined;
    const row = messageRow(found);
    return { row, before: wordsOf(row).join('\n') };
  }
}

function prepareStatements(database: DatabaseSync) {
  const marks = Array.from({ length: 20 }, () => '?').join(', ');
  return {
    get: database.prepare('SELECT * FROM message WHERE key = ?'),
    put: prepareRun(database, `INSERT OR REPLACE INTO message VALUES (${marks})`),
    putWords: prepareRun(
      database,
      `INSERT INTO message_words (rowid, sender, recipients, client, account, words, marks)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    forgetWords: prepareRun(database, 'DELETE FROM message_words WHERE rowid = ?'),
    oldest: database.prepare('SELECT key, file FROM message ORDER BY key LIMIT ?'),
    remove: prepareRun(database, 'DELETE FROM message WHERE key = ?'),
  } satisfies Record<string, StatementSync>;
}

/** In the order of the columns of the words' table. */
const wordsOf = (row: MessageRow): readonly string[] => [
  row.sender,
  row.recipients,
  row.client ?? '',
  row.account ?? '',
  [row.id, row.messageId, row.hello, row.reply].filter((word) => word !== null).join('\n'),
  `${row.state} ${row.direction}`,
];

const valuesOf = (row: MessageRow): (string | number | null)[] => [
  ...[row.key, row.id, row.file, row.received, row.sender, row.recipients, row.recipientCount],
  ...[row.size, row.messageId, row.service, row.client, row.hello, row.account, row.direction],
  ...[row.state, row.reply, row.lastEvent, row.delivered, row.failed, row.cancelled],
];
