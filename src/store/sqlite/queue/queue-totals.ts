// How much is in the queue, on the reader's connection. What is asked most is kept by the database with every change
// (migration 0016); whatever else is looked for is counted message by message, for as long as somebody wants to wait.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { BacklogTimes, QueueBacklog, QueueFilter, QueueShare } from '../../queue-search.ts';
import { queueStates, sharesMax } from '../../queue-search.ts';
import { integer, integerOrNull, text, textOrNull } from '../../row.ts';
import { prepareArrays } from '../arrays.ts';
import {
  both,
  type Condition,
  ofMessage,
  ofRecipient,
  stateSql,
  textOfMessage,
  textOfRecipient,
} from './queue-conditions.ts';

export interface QueueTotalsRow {
  readonly messages: number;
  readonly oldest: number | undefined;
  readonly states: readonly number[];
  readonly destinations: readonly QueueShare[];
  readonly replies: readonly { readonly reply: string; readonly recipients: number }[];
  readonly complete: boolean;
}

/** Messages that are looked at before somebody looks at the clock. */
const sliceMessages = 2000;

/** In the index alone (migration 0017). */
export const messagesOfState = `SELECT count(*) AS n FROM
  (SELECT 1 FROM recipient r INDEXED BY recipient_state WHERE ${stateSql} = ? GROUP BY message)`;

export class QueueTotals {
  readonly #database: DatabaseSync;
  readonly #nowMs: () => number;
  /** By their text, of which there are a dozen: the statistics ask each minute. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, nowMs = () => performance.now()) {
    this.#database = database;
    this.#nowMs = nowMs;
  }

  /** What is not kept is counted for so long, by `nowMs`. */
  of(filter: QueueFilter, withinMs: number): QueueTotalsRow {
    const { state, ...more } = filter;
    const isKept = Object.values(more).every((value) => value === undefined);
    return isKept ? this.#kept(state) : this.#counted(filter, withinMs);
  }

  /** All there are, the largest first. */
  backlogs(): readonly QueueBacklog[] {
    const held = queueStates.indexOf('held');
    const rows = this.#all(
      `SELECT destination, sum(recipients) AS recipients, sum(iif(state = ?, recipients, 0)) AS held
       FROM tally_destination GROUP BY destination ORDER BY recipients DESC, destination`,
      [held],
    );
    return rows.map((row) => ({
      destination: text(row.destination),
      ...{ recipients: integer(row.recipients), held: integer(row.held) },
    }));
  }

  /** When the oldest for each destination was taken in, and when something is due there. */
  times(destinations: readonly string[]): readonly BacklogTimes[] {
    return destinations.map((destination) => this.#timesOf(destination));
  }

  #timesOf(destination: string): BacklogTimes {
    const [first] = this.#all(
      `SELECT received FROM message WHERE key =
         (SELECT min(message) FROM recipient WHERE destination = ?)`,
      [destination],
    );
    const [next] = this.#all(
      `SELECT min(due) AS due FROM recipient INDEXED BY recipient_due
       WHERE destination = ? AND due IS NOT NULL AND held = 0`,
      [destination],
    );
    const due = integerOrNull(next?.due ?? null);
    return {
      ...(first !== undefined && { oldest: integer(first.received) }),
      ...(due !== null && { nextAttempt: due }),
    };
  }

  /** Of a state, or of all. */
  #kept(state: QueueFilter['state']): QueueTotalsRow {
    const index = state === undefined ? undefined : queueStates.indexOf(state);
    const [where, values] = index === undefined ? ['TRUE', []] : ['state = ?', [index]];
    const states = queueStates.map(() => 0);
    const byState = this.#all(
      `SELECT state, sum(recipients) AS n FROM tally_destination WHERE ${where} GROUP BY state`,
      values,
    );
    for (const row of byState) states[integer(row.state)] = integer(row.n);
    const shares = (table: string, column: string) =>
      this.#all(
        `SELECT ${column} AS name, sum(recipients) AS n FROM ${table} WHERE ${where}
         GROUP BY ${column} ORDER BY n DESC, ${column} LIMIT ${sharesMax}`,
        values,
      ).map((row) => ({ name: text(row.name), recipients: integer(row.n) }));
    const [first] = this.#all(
      `SELECT received FROM message WHERE key = (${
        index === undefined
          ? 'SELECT min(key) FROM message'
          : `SELECT min(message) FROM recipient r WHERE ${stateSql} = ?`
      })`,
      values,
    );
    return {
      messages: this.#messages(index),
      oldest: first === undefined ? undefined : integer(first.received),
      states,
      destinations: shares('tally_destination', 'destination'),
      replies: shares('tally_reply', 'reply').map(({ name, recipients }) => ({
        ...{ reply: name, recipients },
      })),
      complete: true,
    };
  }

  #messages(state: number | undefined): number {
    const [row] =
      state === undefined
        ? this.#all('SELECT count(*) AS n FROM message', [])
        : this.#all(messagesOfState, [state]);
    return integer(row?.n);
  }

  #counted(filter: QueueFilter, withinMs: number): QueueTotalsRow {
    const found = new Found();
    const stopAt = this.#nowMs() + withinMs;
    let from = -1;
    for (;;) {
      const [end] = this.#all(
        'SELECT key FROM message WHERE key > ? ORDER BY key LIMIT 1 OFFSET ?',
        [...[from, sliceMessages]],
      );
      const to = end === undefined ? Number.MAX_SAFE_INTEGER : integer(end.key);
      this.#countSlice(filter, [from, to], found);
      if (end === undefined) break;
      if (this.#nowMs() >= stopAt) return { ...this.#totals(found), complete: false };
      from = to;
    }
    return { ...this.#totals(found), complete: true };
  }

  #countSlice(filter: QueueFilter, slice: readonly [number, number], found: Found): void {
    const { sql, values } = both(ofMessage(filter), ofRecipient(filter), anyText(filter));
    const facts = 'message m INDEXED BY message_facts';
    const isOfMessages = ofMessage(filter).sql !== 'TRUE';
    const [from, key] = isOfMessages
      ? [`${facts} CROSS JOIN recipient r ON r.message = m.key`, 'm.key']
      : /\bm\./.test(sql)
        ? [`recipient r CROSS JOIN ${facts} ON m.key = r.message`, 'r.message']
        : ['recipient r', 'r.message'];
    const rows = prepareArrays(
      this.#database,
      `SELECT r.message, ${stateSql}, r.destination, r.reply FROM ${from}
       WHERE ${key} > ? AND ${key} <= ? AND ${sql} ORDER BY ${key}`,
    ).iterate(...slice, ...values) as Iterable<unknown> as Iterable<readonly unknown[]>;
    for (const row of rows) found.add(row);
  }

  #totals({ first, messages, states, destinations, replies }: Found) {
    const [oldest] =
      first === undefined ? [] : this.#all('SELECT received FROM message WHERE key = ?', [first]);
    return {
      messages,
      oldest: oldest === undefined ? undefined : integer(oldest.received),
      states,
      destinations: largest(destinations).map(([name, recipients]) => ({ name, recipients })),
      replies: largest(replies).map(([reply, recipients]) => ({ reply, recipients })),
    };
  }

  #all(sql: string, values: readonly (string | number)[]) {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement.all(...values);
  }
}

/** Recipients as they come, message by message. */
class Found {
  messages = 0;
  first: number | undefined;
  readonly states = queueStates.map(() => 0);
  readonly destinations = new Map<string, number>();
  readonly replies = new Map<string, number>();
  #last: number | undefined;

  add(row: readonly unknown[]): void {
    const message = integer(row[0]);
    this.first ??= message;
    if (message !== this.#last) this.messages += 1;
    this.#last = message;
    this.states[integer(row[1])]! += 1;
    count(this.destinations, text(row[2]));
    const reply = textOrNull(row[3]);
    if (reply !== null) count(this.replies, reply);
  }
}

function anyText({ text: sought }: QueueFilter): Condition {
  if (sought === undefined) return both();
  const [message, recipient] = [textOfMessage(sought), textOfRecipient(sought)];
  return {
    sql: `${message.sql} OR ${recipient.sql}`,
    values: [...message.values, ...recipient.values],
  };
}

const count = (counts: Map<string, number>, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1);
};

const largest = (counts: ReadonlyMap<string, number>): [string, number][] =>
  [...counts].sort(([, a], [, b]) => b - a).slice(0, sharesMax);
