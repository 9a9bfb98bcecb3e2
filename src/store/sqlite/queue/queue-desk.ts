// The queue as an operator sees and changes it: what is in it, page by page, and when it is due. Deliveries
// are queue-tables.ts's.

import type { Row } from '../../row.ts';
import { integer, integerOrNull, text, textOrNull } from '../../row.ts';
import type { Schedule } from '../../schedule.ts';
import type { EntryRow, QueueRequests, RouteRow } from '../requests.ts';
import type { DueOrder } from './due-order.ts';
import { columnsOf, leasedRecipient, wayOf } from './queue-readings.ts';
import type { QueueStatements } from './queue-statements.ts';

// Limit: messages that one page of a bulk change touches, so that it does not hold up new mail.
const messagesPerPage = 1000;

export type DeskRequest =
  | ('entry' | 'newest' | 'recipientCount' | 'retry' | 'retryPage' | 'hold' | 'unhold')
  | ('routes' | 'routesOf' | 'reroute');

export class QueueDesk implements Pick<QueueRequests, DeskRequest> {
  readonly #sql: QueueStatements;
  readonly #schedule: Schedule;
  readonly #order: DueOrder;

  constructor(sql: QueueStatements, schedule: Schedule, order: DueOrder) {
    this.#sql = sql;
    this.#schedule = schedule;
    this.#order = order;
  }

  entry(key: number): EntryRow | undefined {
    const row = this.#sql.selectEntry.get(key);
    return row === undefined ? undefined : this.#entry(row);
  }

  newest(): string | undefined {
    const row = this.#sql.newest.get();
    return row === undefined ? undefined : text(row.id);
  }

  recipientCount(): number {
    return integer(this.#sql.recipientCount.get()?.n);
  }

  retry(key: number, now: number): number {
    const rows = this.#sql.retry.all(now, key);
    for (const row of rows) this.#schedule.add(text(row.destination), integer(row.due));
    return rows.length;
  }

  retryPage(after: number, now: number): { recipients: number; next: number | undefined } {
    const last = this.#sql.pageEnd.get(after, messagesPerPage)?.key;
    const next = last === undefined ? undefined : integer(last);
    const { changes } = this.#sql.retryRange.run(now, after, next ?? Number.MAX_SAFE_INTEGER);
    if (changes !== 0) this.#schedule.forget();
    return { recipients: Number(changes), next };
  }

  hold(key: number): number {
    const rows = this.#sql.hold.all(key);
    this.#order.refresh(rows);
    return rows.length;
  }

  unhold(key: number, now: number): number {
    const rows = this.#sql.unhold.all(now, key);
    this.#order.refresh(rows);
    return rows.length;
  }

  routes(after: readonly [key: number, index: number], limit: number): readonly RouteRow[] {
    return this.#sql.routes.all(...after, limit).map(routeRow);
  }

  routesOf(key: number): readonly RouteRow[] {
    return this.#sql.routesOf.all(key).map(routeRow);
  }

  reroute(rows: readonly RouteRow[]): number {
    let changed = 0;
    for (const { key, index, delivery, destination } of rows)
      changed += Number(this.#sql.reroute.run(delivery, destination, key, index).changes);
    this.#schedule.forget();
    return changed;
  }

  #entry(row: Row): EntryRow {
    const columns = columnsOf(row);
    const recipients = this.#sql.selectRecipients.all(columns[0]).map((recipient) => ({
      ...leasedRecipient(recipient),
      due: integerOrNull(recipient.due),
      held: integer(recipient.held) !== 0,
      reply: textOrNull(recipient.reply),
    }));
    return { columns, size: integer(row.size), recipients };
  }
}

const routeRow = (row: Row): RouteRow => ({
  key: integer(row.message),
  index: integer(row.idx),
  address: text(row.address),
  ...wayOf(row),
});
