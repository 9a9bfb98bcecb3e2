// Looks through the queue for an operator, on the reader's connection: 100,000 messages in less time than anybody
// notices, and no delivery waits for it. What is only in the journal is not seen here.

import type { DatabaseSync } from 'node:sqlite';
import type { QueueFilter } from '../../queue-search.ts';
import { integer, integerOrNull, textOrNull } from '../../row.ts';
import type { EntryRow, QueuePageRow } from '../requests.ts';
import {
  anything,
  both,
  type Condition,
  ofMessage,
  ofRecipient,
  textOfMessage,
  textOfRecipient,
} from './queue-conditions.ts';
import { columnsOf, leasedRecipient } from './queue-readings.ts';

// Limit: recipients that one page brings into memory; its first message always comes.
const recipientsPerPage = 2000;

export class QueueSearch {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  page(filter: QueueFilter, after: number, limit: number): QueuePageRow {
    const keys = this.#keys(filter, after, limit + 1);
    const entries: EntryRow[] = [];
    let recipients = 0;
    for (const key of keys.slice(0, limit)) {
      const entry = this.#entry(key);
      if (entry === undefined) continue;
      entries.push(entry);
      recipients += entry.recipients.length;
      if (recipients >= recipientsPerPage) break;
    }
    return { entries, more: keys.length > entries.length };
  }

  /** In their order. Text is looked for in messages and in recipients, each by itself: then neither has to look up the other. */
  #keys(filter: QueueFilter, after: number, limit: number): readonly number[] {
    const { text: sought } = filter;
    const message = ofMessage(filter);
    const recipient = ofRecipient(filter);
    if (sought === undefined) return this.#select(message, recipient, after, limit);
    const found = new Set([
      ...this.#select(both(message, textOfMessage(sought)), recipient, after, limit),
      ...this.#select(message, both(recipient, textOfRecipient(sought)), after, limit),
    ]);
    return [...found].sort((a, b) => a - b).slice(0, limit);
  }

  #select(
    message: Condition,
    recipient: Condition,
    after: number,
    limit: number,
  ): readonly number[] {
    const facts = 'message m INDEXED BY message_facts';
    const values = [...message.values, ...recipient.values];
    if (recipient === anything)
      return this.#numbers(
        `SELECT m.key FROM ${facts} WHERE m.key > ? AND ${message.sql} ORDER BY m.key LIMIT ?`,
        [after, ...values, limit],
      );
    if (message === anything)
      return this.#numbers(
        `SELECT DISTINCT r.message AS key FROM recipient r
         WHERE r.message > ? AND ${recipient.sql} ORDER BY r.message LIMIT ?`,
        [after, ...values, limit],
      );
    return this.#numbers(
      `SELECT m.key FROM ${facts} WHERE m.key > ? AND ${message.sql}
       AND EXISTS (SELECT 1 FROM recipient r WHERE r.message = m.key AND ${recipient.sql})
       ORDER BY m.key LIMIT ?`,
      [after, ...values, limit],
    );
  }

  #entry(key: number): EntryRow | undefined {
    const [row] = this.#all(
      `SELECT key, id, received, sender, params, origin, message_id, prefix, size
       FROM message WHERE key = ?`,
      [key],
    );
    if (row === undefined) return undefined;
    const recipients = this.#all('SELECT * FROM recipient WHERE message = ? ORDER BY idx', [key]);
    return {
      columns: columnsOf(row),
      size: integer(row.size),
      recipients: recipients.map((one) => ({
        ...leasedRecipient(one),
        due: integerOrNull(one.due),
        held: integer(one.held) !== 0,
        reply: textOrNull(one.reply),
      })),
    };
  }

  #numbers(sql: string, values: readonly (string | number)[]): readonly number[] {
    return this.#all(sql, values).map(({ key }) => integer(key));
  }

  #all(sql: string, values: readonly (string | number)[]) {
    return this.#database.prepare(sql).all(...values);
  }
}
