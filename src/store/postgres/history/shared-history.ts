// The history of all nodes, in their database: each copies what it did, and whoever is asked knows all of it.

import type { Clock } from '../../../base/clock.ts';
import type { Log } from '../../../base/log.ts';
import {
  acceptsMessage,
  acceptsRefusal,
  holdsAll,
  keyBefore,
  slackMs,
  wordsSought,
} from '../../history/asked.ts';
import { messageFound, newRow, type ReceivedEvent } from '../../history/message-row.ts';
import { refusalFound, refusalRow } from '../../history/refusal-row.ts';
import type { HistoryEvent, RefusedEvent } from '../../history.ts';
import { historyEventsMax, refusalsMax, sameMessageId } from '../../history.ts';
import type {
  HistoryPage,
  MessageFound,
  MessagesAsked,
  RefusalFound,
  RefusalsAsked,
} from '../../history-search.ts';
import { messageKey, messageKeyAt } from '../../message-key.ts';
import type { Row } from '../../row.ts';
import { integer, text } from '../../row.ts';
import type { OwnDiary, SharedHistory } from '../../shared-history.ts';
import type { Database } from '../database.ts';
import { HistoryCopier } from './copier.ts';
import { HistoryDays } from './days.ts';
import type { TableSearch } from './search.ts';
import { searchTable } from './search.ts';
import { messageIdQuery, queryOf, refusalQuery } from './terms.ts';

export interface PostgresHistoryParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly node: { readonly name: string; readonly number: number };
}

/** Limit: how long a question waits for what this node wrote last, and how long one page is looked for. */
const catchUpMs = 500;
const searchMs = 200;
/** Limit: what is still to be copied when the server ends waits for the next start. */
const lastMs = 2000;
/** Limit: messages that share one Message-ID; the newest are shown. */
const idsMax = 20;

export class PostgresHistory implements SharedHistory {
  readonly #parts: PostgresHistoryParts;
  readonly #days: HistoryDays;
  readonly #copier: HistoryCopier;

  constructor(parts: PostgresHistoryParts, { directory, keptMs }: OwnDiary) {
    this.#parts = parts;
    this.#days = new HistoryDays(parts, keptMs);
    this.#copier = new HistoryCopier({ ...parts, days: this.#days, directory });
    // What the process before could not.
    this.#copier.wrote();
  }

  wrote(): void {
    this.#copier.wrote();
  }

  keep(ms: number): void {
    this.#days.keptMs = ms;
  }

  /** What is older than is kept goes. */
  sweep(): Promise<void> {
    return this.#days.drop();
  }

  async messages(asked: MessagesAsked): Promise<HistoryPage<MessageFound>> {
    const { state, direction } = asked;
    const accepts = acceptsMessage(asked);
    return this.#page(asked, {
      table: 'history_message',
      filters: [
        ['(received IS NOT NULL) =', true],
        ...(state === undefined ? [] : [['state =', state] as const]),
        ...(direction === undefined ? [] : [['direction =', direction] as const]),
      ],
      rowOf: messageRowOf,
      ...{ accepts, itemOf: messageFound },
    });
  }

  async refusals(asked: RefusalsAsked): Promise<HistoryPage<RefusalFound>> {
    const accepts = acceptsRefusal(asked);
    return this.#page(asked, {
      table: 'history_refusal',
      rowOf: (row) => refusalRow(JSON.parse(text(row.event)) as RefusedEvent),
      ...{ accepts, itemOf: refusalFound },
    });
  }

  async find(idOrMessageId: string): Promise<readonly HistoryEvent[]> {
    await this.#copier.catchUp(catchUpMs);
    const ids = new Set([idOrMessageId, ...(await this.#idsOf(idOrMessageId))]);
    const keys = [...ids].map(messageKey);
    const rows = await this.#parts.database.rows(
      `SELECT received AS lines FROM history_message WHERE key = ANY($1::bigint[]) AND received IS NOT NULL
       UNION ALL (SELECT lines FROM history_event WHERE key = ANY($1::bigint[]) LIMIT ${historyEventsMax})`,
      [keys],
    );
    // Field: after a crash the same may be recorded once more.
    const lines = new Set(rows.flatMap((row) => text(row.lines).split('\n')));
    const events = Array.from(lines, (line) => JSON.parse(line) as HistoryEvent);
    return inOrder(events.filter(({ id }) => ids.has(id))).slice(0, historyEventsMax);
  }

  async findRefused(sought: string): Promise<readonly RefusedEvent[]> {
    await this.#copier.catchUp(catchUpMs);
    const { rows } = await searchTable(this.#parts.database, {
      table: 'history_refusal',
      query: refusalQuery(sought),
      ...{ ...this.#range({}), limit: refusalsMax, isOver: () => false },
      accept: (row) => row,
    });
    const lines = new Set(rows.map(({ event }) => text(event)));
    return Array.from(lines, (line) => JSON.parse(line) as RefusedEvent).reverse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#copier.catchUp(lastMs).catch(() => {}); // it waits in the files
    await this.#copier[Symbol.asyncDispose]();
  }

  async #page<Item>(
    asked: MessagesAsked | RefusalsAsked,
    how: Pick<TableSearch, 'table' | 'filters'> & {
      readonly rowOf: (row: Row) => Row;
      readonly accepts: (row: Row) => boolean;
      readonly itemOf: (row: Row) => Item;
    },
  ): Promise<HistoryPage<Item>> {
    const upToDate = await this.#copier.catchUp(catchUpMs);
    const { database, clock } = this.#parts;
    const { table, filters, rowOf, accepts, itemOf } = how;
    const texts = wordsSought(asked.text);
    const holds = holdsAll(texts);
    const end = clock.now() + searchMs;
    const { rows, next } = await searchTable(database, {
      ...{ table, filters, query: queryOf(asked, texts), limit: asked.limit },
      ...this.#range(asked),
      accept(found) {
        const row = rowOf(found);
        return accepts(row) && holds(row) ? { ...row, key: found.key } : undefined;
      },
      isOver: () => clock.now() >= end,
    });
    return { items: rows.map(itemOf), next: next === undefined ? null : String(next), upToDate };
  }

  #range({ since = 0, until, after }: Pick<MessagesAsked, 'since' | 'until' | 'after'>) {
    return {
      from: Math.max(this.#days.oldest, messageKeyAt(since - slackMs)),
      before: keyBefore(after, until && messageKeyAt(until + slackMs)),
      today: this.#days.today,
    };
  }

  async #idsOf(messageId: string): Promise<readonly string[]> {
    if (messageId === '') return [];
    const rows = await this.#parts.database.rows(
      `SELECT id, received FROM history_message WHERE terms @@ $1::tsquery AND received IS NOT NULL
       ORDER BY key DESC LIMIT ${idsMax}`,
      [messageIdQuery(messageId)],
    );
    const isAsked = (row: Row) =>
      sameMessageId((JSON.parse(text(row.received)) as ReceivedEvent).messageId, messageId);
    return rows.filter(isAsked).map(({ id }) => text(id));
  }
}

/** Clocks of nodes differ a little: nothing happens to a message before it is here. */
function inOrder(events: readonly HistoryEvent[]): readonly HistoryEvent[] {
  const arrivals = new Map(
    events.map(({ id, at, kind }) => (kind === 'received' ? [id, at] : ['', 0])),
  );
  const placed = events.map((event) => {
    const arrived = arrivals.get(event.id) ?? 0;
    const at = event.kind === 'received' ? arrived - 0.5 : Math.max(event.at, arrived);
    return { at, event };
  });
  return placed.sort((a, b) => a.at - b.at).map(({ event }) => event);
}

function messageRowOf(found: Row): Row {
  const { key } = found;
  const row = newRow(integer(key), JSON.parse(text(found.received)) as ReceivedEvent, 0);
  return {
    ...{ key, id: row.id, file: 0, received: row.received, sender: row.sender, size: row.size },
    recipients: (found.recipients as readonly string[]).join('\n'),
    ...{ recipient_count: row.recipientCount, message_id: row.messageId, service: row.service },
    ...{ client: row.client, hello: row.hello, account: row.account, direction: row.direction },
    ...{ state: found.state, reply: found.reply, last_event: found.last_event },
    ...{ delivered: found.delivered, failed: found.failed, cancelled: found.cancelled },
  };
}
