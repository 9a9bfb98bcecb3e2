// Looks through the queue for an operator, on the reader's connection: 100,000 messages in less time than anybody
// notices, and no delivery waits for it. What is only in the journal is not seen here.

import type { DatabaseSync } from 'node:sqlite';
import type { QueueDestination, QueueFilter, QueueShare } from '../../queue-search.ts';
import { queueStates, sharesMax } from '../../queue-search.ts';
import { integer, integerOrNull, text, textOrNull } from '../../row.ts';
import type { EntryRow } from '../requests.ts';
import { columnsOf, leasedRecipient } from './queue-readings.ts';

export interface QueuePageRow {
  readonly entries: readonly EntryRow[];
  /** There are more behind the last. */
  readonly more: boolean;
}

/** Recipients that share a destination, a state and a last reply. */
export interface QueueTotalsRow {
  readonly messages: number;
  readonly oldest: number | undefined;
  readonly states: readonly number[];
  readonly destinations: readonly QueueShare[];
  readonly replies: readonly { readonly reply: string; readonly recipients: number }[];
}

interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

const stateSql = {
  active: 'r.due IS NULL',
  held: 'r.due IS NOT NULL AND r.held = 1',
  deferred: 'r.due IS NOT NULL AND r.held = 0 AND r.attempts > 0',
  queued: 'r.due IS NOT NULL AND r.held = 0 AND r.attempts = 0',
} as const;

export class QueueSearch {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  page(filter: QueueFilter, after: number, limit: number): QueuePageRow {
    const keys = this.#keys(filter, after, limit + 1);
    const entries = keys.slice(0, limit).flatMap((key) => this.#entry(key) ?? []);
    return { entries, more: keys.length > limit };
  }

  totals(filter: QueueFilter): QueueTotalsRow {
    const { sql, values } = both(ofMessage(filter), ofRecipient(filter), anyText(filter));
    const joined = /\bm\./.test(sql)
      ? 'recipient r CROSS JOIN message m INDEXED BY message_facts ON m.key = r.message'
      : 'recipient r';
    const state = queueStates.map((one, i) => `WHEN ${stateSql[one]} THEN ${i}`).join(' ');
    const from = `FROM ${joined} WHERE ${sql}`;
    const [counted] = this.#all(
      `SELECT count(DISTINCT r.message) AS messages, min(r.message) AS first ${from}`,
      values,
    );
    const groups = this.#all(
      `SELECT CASE ${state} END AS state, r.destination, r.reply, count(*) AS n ${from}
       GROUP BY state, r.destination, r.reply`,
      values,
    );
    const states = queueStates.map(() => 0);
    const destinations = new Map<string, number>();
    const replies = new Map<string, number>();
    for (const row of groups) {
      const n = integer(row.n);
      states[integer(row.state)]! += n;
      add(destinations, text(row.destination), n);
      const reply = textOrNull(row.reply);
      if (reply !== null) add(replies, reply, n);
    }
    const first = counted === undefined ? null : integerOrNull(counted.first);
    const oldest =
      first === null
        ? undefined
        : this.#all('SELECT received FROM message WHERE key = ?', [first])[0]?.received;
    return {
      messages: integer(counted?.messages),
      oldest: oldest === undefined ? undefined : integer(oldest),
      states,
      destinations: largest(destinations).map(([name, recipients]) => ({ name, recipients })),
      replies: largest(replies).map(([reply, recipients]) => ({ reply, recipients })),
    };
  }

  /** All there are, the largest first. */
  destinations(): readonly QueueDestination[] {
    const rows = this.#all(
      `SELECT destination, count(*) AS recipients, sum(held AND due IS NOT NULL) AS held,
         min(CASE WHEN held = 0 THEN due END) AS next, min(message) AS first
       FROM recipient GROUP BY destination ORDER BY recipients DESC`,
      [],
    );
    return rows.map((row) => {
      const first = integer(row.first);
      const [oldest] = this.#all('SELECT received FROM message WHERE key = ?', [first]);
      return {
        destination: text(row.destination),
        ...{ recipients: integer(row.recipients), held: integer(row.held) },
        oldest: oldest === undefined ? undefined : integer(oldest.received),
        nextAttempt: integerOrNull(row.next) ?? undefined,
      };
    });
  }

  /** In their order. Text is looked for in messages and in recipients, each by itself: then neither has to look up the other. */
  #keys(filter: QueueFilter, after: number, limit: number): readonly number[] {
    const { text: sought } = filter;
    const message = ofMessage(filter);
    const recipient = ofRecipient(filter);
    if (sought === undefined) return this.#select(message, recipient, after, limit);
    const like = likeOf(`%${escaped(sought)}%`);
    const found = new Set([
      ...this.#select(both(message, textOf('m', like)), recipient, after, limit),
      ...this.#select(message, both(recipient, textOf('r', like)), after, limit),
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

const anything: Condition = { sql: 'TRUE', values: [] };

function both(...conditions: readonly Condition[]): Condition {
  const real = conditions.filter((one) => one !== anything);
  if (real.length === 0) return anything;
  return {
    sql: real.map(({ sql }) => `(${sql})`).join(' AND '),
    values: real.flatMap(({ values }) => values),
  };
}

const ofMessage = ({ sender, since, until }: QueueFilter): Condition =>
  both(
    sender === undefined ? anything : addressIs('m.sender', sender),
    since === undefined ? anything : { sql: 'm.received >= ?', values: [since] },
    until === undefined ? anything : { sql: 'm.received < ?', values: [until] },
  );

const ofRecipient = ({ recipient, destination, state }: QueueFilter): Condition =>
  both(
    recipient === undefined ? anything : addressIs('r.address', recipient),
    destination === undefined ? anything : { sql: 'r.destination = ?', values: [destination] },
    state === undefined ? anything : { sql: stateSql[state], values: [] },
  );

function anyText({ text: sought }: QueueFilter): Condition {
  if (sought === undefined) return anything;
  const like = likeOf(`%${escaped(sought)}%`);
  const [message, recipient] = [textOf('m', like), textOf('r', like)];
  return {
    sql: `${message.sql} OR ${recipient.sql}`,
    values: [...message.values, ...recipient.values],
  };
}

type Like = (column: string) => Condition;

/** SQLite's LIKE knows no case of ASCII letters. */
const likeOf =
  (pattern: string): Like =>
  (column) => ({ sql: `${column} LIKE ? ESCAPE '\\'`, values: [pattern] });

function textOf(table: 'm' | 'r', like: Like): Condition {
  const columns = table === 'm' ? ['m.sender', 'm.message_id'] : ['r.address', 'r.reply'];
  const parts = columns.map(like);
  return {
    sql: parts.map(({ sql }) => sql).join(' OR '),
    values: parts.flatMap(({ values }) => values),
  };
}

/** `@domain` is all of a domain. */
function addressIs(column: string, address: string): Condition {
  if (!address.startsWith('@')) return { sql: `${column} = ? COLLATE NOCASE`, values: [address] };
  return likeOf(`%${escaped(address)}`)(column);
}

const escaped = (pattern: string): string => pattern.replace(/[\\%_]/g, '\\$&');

const add = (counts: Map<string, number>, name: string, n: number): void => {
  counts.set(name, (counts.get(name) ?? 0) + n);
};

const largest = (counts: ReadonlyMap<string, number>): [string, number][] =>
  [...counts].sort(([, a], [, b]) => b - a).slice(0, sharesMax);
