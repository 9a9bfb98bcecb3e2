// Looks through the queue for an operator: entries with their recipients, page by page, and how much there is.

import { messageKey } from '../../message-key.ts';
import type { BacklogTimes, QueueBacklog, QueueFilter, QueueTotals } from '../../queue-search.ts';
import { queueStates, sharesMax } from '../../queue-search.ts';
import type { QueueEntry, QueueFound } from '../../queue-store.ts';
import { parseOrigin, parseReply, words } from '../../queue-texts.ts';
import type { Row } from '../../row.ts';
import { integer, integerOrNull, text, textOrNull } from '../../row.ts';
import type { Queries, Value } from '../database.ts';
import { recipientOf } from './recipient-row.ts';

// Limit: recipients that one page of a listing brings into memory; the first message always comes.
const recipientsPerPage = 2000;
/** Messages that are looked at before somebody looks at the clock. */
const messagesPerSlice = 5000;

const facts = 'm.key, m.id, m.received, m.sender, m.params, m.origin, m.message_id, m.size';

const stateSql = {
  active: 'r.owner IS NOT NULL',
  held: 'r.owner IS NULL AND r.held',
  deferred: 'r.owner IS NULL AND NOT r.held AND r.attempts > 0',
  queued: 'r.owner IS NULL AND NOT r.held AND r.attempts = 0',
} as const;

export class QueueSearch {
  readonly #queries: Queries;

  constructor(queries: Queries) {
    this.#queries = queries;
  }

  async get(id: string): Promise<QueueEntry | undefined> {
    const [entry] = await this.#entries([messageKey(id)]);
    return entry?.id === id ? entry : undefined;
  }

  async search(
    filter: QueueFilter,
    { after, limit }: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<QueueFound> {
    const sought = new Conditions(filter);
    const key = sought.value(after === undefined ? -1 : messageKey(after));
    const rows = await this.#queries.rows(
      `SELECT m.key, m.id FROM message m WHERE m.key > ${key} AND ${sought.ofMessage()}
       AND EXISTS (SELECT FROM recipient r WHERE r.message = m.key AND ${sought.ofRecipient()})
       ORDER BY m.key LIMIT ${sought.value(limit + 1)}`,
      sought.values,
    );
    const keys = rows.map((row) => integer(row.key));
    const page = await this.#within(keys.slice(0, limit));
    const entries = await this.#entries(page);
    // All of a page may have left the queue meanwhile: what follows has not.
    const next = keys.length > page.length ? text(rows[page.length - 1]?.id) : null;
    return { entries, next };
  }

  async totals(
    filter: QueueFilter,
    { withinMs = Number.POSITIVE_INFINITY }: { readonly withinMs?: number | undefined } = {},
  ): Promise<QueueTotals> {
    const { state: _, ...more } = filter;
    const isPlain = Object.values(more).every((value) => value === undefined);
    const sum = new Sum();
    const end = isPlain ? Number.POSITIVE_INFINITY : performance.now() + withinMs;
    for (let after: number | undefined = -1; after !== undefined; ) {
      // Of everything the database makes one sum; whatever else is looked for is counted part by part.
      const until: number | undefined = isPlain ? undefined : await this.#sliceEnd(after);
      await this.#count(filter, sum, [after, until ?? Number.MAX_SAFE_INTEGER]);
      after = until;
      if (after !== undefined && performance.now() >= end) return sum.totals(false);
    }
    return sum.totals(true);
  }

  /** All there are, the largest first. */
  async backlogs(): Promise<readonly QueueBacklog[]> {
    const rows = await this.#queries.rows(
      `SELECT destination, count(*) AS recipients,
         count(*) FILTER (WHERE held AND owner IS NULL) AS held
       FROM recipient GROUP BY destination ORDER BY recipients DESC, destination`,
    );
    return rows.map((row) => ({
      destination: text(row.destination),
      ...{ recipients: integer(row.recipients), held: integer(row.held) },
    }));
  }

  async backlogTimes(destinations: readonly string[]): Promise<readonly BacklogTimes[]> {
    const rows = await this.#queries.rows(
      `SELECT found.destination, m.received AS oldest, found.next FROM (
         SELECT destination, min(message) AS first,
           min(at) FILTER (WHERE NOT held AND owner IS NULL) AS next
         FROM recipient WHERE destination = ANY($1::text[]) GROUP BY destination) found
       LEFT JOIN message m ON m.key = found.first`,
      [destinations],
    );
    const times = new Map(
      rows.map((row) => {
        const [oldest, next] = [integerOrNull(row.oldest), integerOrNull(row.next)];
        const known = {
          ...(oldest !== null && { oldest }),
          ...(next !== null && { nextAttempt: next }),
        };
        return [text(row.destination), known];
      }),
    );
    return destinations.map((destination) => times.get(destination) ?? {});
  }

  async #sliceEnd(after: number): Promise<number | undefined> {
    const [row] = await this.#queries.rows(
      'SELECT key FROM message WHERE key > $1 ORDER BY key OFFSET $2 LIMIT 1',
      [after, messagesPerSlice],
    );
    return row && integer(row.key);
  }

  async #count(
    filter: QueueFilter,
    sum: Sum,
    [after, until]: readonly [number, number],
  ): Promise<void> {
    const sought = new Conditions(filter);
    const state = queueStates.map((one, i) => `WHEN ${stateSql[one]} THEN ${i}`).join(' ');
    const rows = await this.#queries.rows(
      `WITH found AS MATERIALIZED (
         SELECT r.message, CASE ${state} END AS state, r.destination, r.reply
         FROM recipient r ${sought.needsMessage ? 'JOIN message m ON m.key = r.message' : ''}
         WHERE r.message > ${sought.value(after)} AND r.message <= ${sought.value(until)}
           AND ${sought.ofMessage()} AND ${sought.ofRecipient()})
       SELECT NULL::integer AS state, NULL AS destination, NULL AS reply,
         count(DISTINCT message) AS n,
         (SELECT received FROM message WHERE key = min(found.message)) AS oldest FROM found
       UNION ALL
       SELECT state, destination, reply, count(*), NULL FROM found
       GROUP BY state, destination, reply`,
      sought.values,
    );
    sum.add(rows);
  }

  /** As many of them as bring few enough recipients along; one at least. */
  async #within(keys: readonly number[]): Promise<readonly number[]> {
    const rows = await this.#queries.rows(
      'SELECT message, count(*) AS n FROM recipient WHERE message = ANY($1::bigint[]) GROUP BY message',
      [keys],
    );
    const counts = new Map(rows.map((row) => [integer(row.message), integer(row.n)]));
    let recipients = 0;
    return keys.filter((key) => {
      if (recipients >= recipientsPerPage) return false;
      recipients += counts.get(key) ?? 0;
      return true;
    });
  }

  /** In their order; without what has no recipients any more. */
  async #entries(keys: readonly number[]): Promise<readonly QueueEntry[]> {
    if (keys.length === 0) return [];
    const rows = await this.#queries.rows(
      `SELECT ${facts} FROM message m WHERE m.key = ANY($1::bigint[]) ORDER BY m.key`,
      [keys],
    );
    const recipients = new Map<number, Row[]>();
    const found = await this.#queries.rows(
      'SELECT * FROM recipient WHERE message = ANY($1::bigint[]) ORDER BY message, idx',
      [keys],
    );
    for (const row of found) {
      const key = integer(row.message);
      const of = recipients.get(key);
      if (of === undefined) recipients.set(key, [row]);
      else of.push(row);
    }
    return rows.flatMap((row) => {
      const of = recipients.get(integer(row.key));
      return of === undefined ? [] : [entryOf(row, of)];
    });
  }
}

/** What was counted so far. */
class Sum {
  #messages = 0;
  #oldest: number | undefined;
  readonly #states = queueStates.map(() => 0);
  readonly #destinations = new Map<string, number>();
  readonly #replies = new Map<string, number>();

  add(rows: readonly Row[]): void {
    for (const row of rows) {
      const [n, state] = [integer(row.n), integerOrNull(row.state)];
      if (state === null) {
        this.#messages += n;
        this.#oldest ??= integerOrNull(row.oldest) ?? undefined;
        continue;
      }
      this.#states[state]! += n;
      add(this.#destinations, text(row.destination), n);
      const reply = textOrNull(row.reply);
      if (reply !== null) add(this.#replies, reply, n);
    }
  }

  totals(complete: boolean): QueueTotals {
    const byState = queueStates.map((one, i) => [one, this.#states[i] ?? 0] as const);
    return {
      messages: this.#messages,
      oldest: this.#oldest,
      recipients: this.#states.reduce((sum, n) => sum + n, 0),
      states: Object.fromEntries(byState) as QueueTotals['states'],
      destinations: largest(this.#destinations).map(([name, recipients]) => ({ name, recipients })),
      replies: largest(this.#replies).map(([reply, recipients]) => ({
        ...{ reply: parseReply(reply), recipients },
      })),
      complete,
    };
  }
}

function entryOf(row: Row, recipients: readonly Row[]): QueueEntry {
  return {
    id: text(row.id),
    sender: text(row.sender),
    received: integer(row.received),
    size: integer(row.size),
    params: words(text(row.params)),
    origin: parseOrigin(text(row.origin)),
    messageId: textOrNull(row.message_id) ?? undefined,
    recipients: recipients.map((one) => {
      const { attempt, fence: _, warned: __, room: ___, ...recipient } = recipientOf(one);
      const reply = textOrNull(one.reply);
      const isActive = one.owner !== null;
      return {
        ...recipient,
        state: isActive ? 'active' : one.held === true ? 'held' : 'queued',
        attempts: attempt,
        nextAttempt: isActive || one.held === true ? undefined : integer(one.at),
        lastReply: reply === null ? undefined : parseReply(reply),
      };
    }),
  };
}

/** A filter as conditions on `message m` and `recipient r`, with the values they name. */
class Conditions {
  readonly values: Value[] = [];
  readonly #filter: QueueFilter;

  constructor(filter: QueueFilter) {
    this.#filter = filter;
  }

  value(value: Value): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  /** What is looked for is not in rows of recipients alone. */
  get needsMessage(): boolean {
    const { sender, since, until, text: sought } = this.#filter;
    return [sender, since, until, sought].some((one) => one !== undefined);
  }

  ofMessage(): string {
    const { sender, since, until } = this.#filter;
    return all(
      sender === undefined ? undefined : this.#addressIs('m.sender', sender),
      since === undefined ? undefined : `m.received >= ${this.value(since)}`,
      until === undefined ? undefined : `m.received < ${this.value(until)}`,
    );
  }

  ofRecipient(): string {
    const { recipient, destination, state, text: sought } = this.#filter;
    return all(
      recipient === undefined ? undefined : this.#addressIs('r.address', recipient),
      destination === undefined ? undefined : `r.destination = ${this.value(destination)}`,
      state === undefined ? undefined : `(${stateSql[state]})`,
      sought === undefined ? undefined : this.#anyText(sought),
    );
  }

  #anyText(sought: string): string {
    const pattern = this.value(`%${escaped(sought)}%`);
    const columns = ['m.sender', 'm.message_id', 'r.address', 'r.reply'];
    return `(${columns.map((column) => like(column, pattern)).join(' OR ')})`;
  }

  /** `@domain` is all of a domain. */
  #addressIs(column: string, address: string): string {
    const pattern = address.startsWith('@') ? `%${escaped(address)}` : escaped(address);
    return like(column, this.value(pattern));
  }
}

/** Whatever the case of its letters. */
const like = (column: string, pattern: string): string =>
  `lower(${column}) LIKE lower(${pattern}) ESCAPE '\\'`;

const all = (...conditions: readonly (string | undefined)[]): string =>
  conditions.filter((one) => one !== undefined).join(' AND ') || 'true';

const escaped = (pattern: string): string => pattern.replace(/[\\%_]/g, '\\$&');

const add = (counts: Map<string, number>, name: string, n: number): void => {
  counts.set(name, (counts.get(name) ?? 0) + n);
};

const largest = (counts: ReadonlyMap<string, number>): [string, number][] =>
  [...counts].sort(([, a], [, b]) => b - a).slice(0, sharesMax);
