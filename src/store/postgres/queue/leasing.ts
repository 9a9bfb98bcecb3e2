// Who attempts what: claims in short transactions of one statement, which give a recipient to one node and raise
// its fence; leases given back, and those that have ended. Nothing is delivered while a transaction is open.

import type { Clock } from '../../../base/clock.ts';
import type { Content } from '../../content.ts';
import { messageKey } from '../../message-key.ts';
import type { Lease, LeasedRecipient, QueuedMessage, QueueStore } from '../../queue-store.ts';
import { priorityLevelMs } from '../../queue-store.ts';
import { parseOrigin, words } from '../../queue-texts.ts';
import type { Row } from '../../row.ts';
import { blob, integer, integerOrNull, text, textOrNull } from '../../row.ts';
import type { Schedule } from '../../schedule.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Database, Queries } from '../database.ts';
import { Lots } from './lots.ts';
import type { ClaimedRecipient, OwnLeases } from './own-leases.ts';
import type { Ready } from './ready.ts';
import { dueRow, recipientOf, wayOf } from './recipient-row.ts';

export type ClaimOptions = Parameters<QueueStore['claim']>[0];

export interface LeasingParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly contents: ContentTable;
  readonly ready: Ready;
  readonly own: OwnLeases;
  /** Of this process; every claim is made in its name. */
  readonly session: () => number;
}

/**
 * Of each destination so many messages, those first that have waited longest by their priority, and of each what
 * is due of it there. What another node is just claiming is passed over.
 */
const claimDue = `
  WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::integer[]) AS w (destination, count)),
  oldest AS (
    SELECT wanted.destination, found.message FROM wanted CROSS JOIN LATERAL (
      SELECT due.message FROM unnest($3::smallint[]) AS level CROSS JOIN LATERAL (
        SELECT r.message, r.at - r.priority * ${priorityLevelMs}::bigint AS rank FROM recipient r
        WHERE r.destination = wanted.destination AND r.priority = level
          AND r.owner IS NULL AND NOT r.held AND r.at <= $4
        ORDER BY r.at LIMIT wanted.count FOR UPDATE SKIP LOCKED) due
      ORDER BY due.rank, due.message LIMIT wanted.count) found),
  units AS (SELECT DISTINCT destination, message FROM oldest),
  locked AS (
    SELECT r.message, r.idx, r.at FROM units JOIN recipient r
      ON r.message = units.message AND r.destination = units.destination
    WHERE r.owner IS NULL AND NOT r.held AND r.at <= $4 FOR UPDATE OF r SKIP LOCKED)
  UPDATE recipient r SET owner = $5, at = $6, fence = r.fence + 1, attempts = r.attempts + 1
  FROM locked WHERE r.message = locked.message AND r.idx = locked.idx
  RETURNING r.*, locked.at AS was`;

export class Leasing {
  readonly #parts: LeasingParts;

  constructor(parts: LeasingParts) {
    this.#parts = parts;
  }

  claim(options: ClaimOptions): Promise<Lease[]> {
    return this.#claiming((session) => this.#claim(options, session));
  }

  async #claim(
    { now, limit, perDestination, skip, leaseMs }: ClaimOptions,
    session: number,
  ): Promise<Lease[]> {
    const { ready, own } = this.#parts;
    if (own.expire(now)) await this.expire(now);
    const schedule = await ready.schedule();
    const expires = now + leaseMs;
    const lots = new Lots(schedule.dueAt(now, skip, limit), { limit, perDestination });
    const rows: Row[] = [];
    for (let draw = lots.first(); draw.length > 0; draw = lots.next()) {
      const found = await this.#claimSome({
        destinations: draw.map(({ destination }) => destination),
        counts: draw.map(({ count }) => count),
        ...{ levels: [...schedule.levels], now, expires, session },
      });
      for (const row of found) rows.push(row);
      lots.drawn(unitsOf(found));
    }
    await this.#served(schedule, now, skip, limit);
    return this.#leases(rows, expires, session);
  }

  /** What of the message nobody attempts, held or not. */
  take(id: string, { now, leaseMs }: { now: number; leaseMs: number }): Promise<Lease[]> {
    const { database, ready } = this.#parts;
    return this.#claiming(async (session) => {
      const rows = await database.rows(
        `UPDATE recipient SET owner = $2, at = $3, fence = fence + 1
         WHERE message = $1 AND (owner IS NULL OR at <= $4) RETURNING *, at AS was`,
        [messageKey(id), session, now + leaseMs, now],
      );
      if (rows.length > 0) ready.forget();
      return this.#leases(rows, now + leaseMs, session);
    });
  }

  #claiming(claim: (session: number) => Promise<Lease[]>): Promise<Lease[]> {
    const { own, clock, session } = this.#parts;
    return own.claiming(
      () => claim(session()),
      () => clock.now(),
    );
  }

  async release(leases: readonly Lease[]): Promise<void> {
    await this.#giveBack(
      leases.flatMap(({ message: { id }, recipients }) =>
        recipients.map(({ index, fence }) => ({ message: messageKey(id), index, fence })),
      ),
    );
    const { own, session } = this.#parts;
    for (const lease of leases)
      if (!own.isLost(lease, session())) own.drop(lease.message.id, lease.recipients.length);
  }

  async #giveBack(held: readonly ClaimedRecipient[]): Promise<void> {
    const { database, clock, ready, session } = this.#parts;
    const rows = await database.rows(
      `UPDATE recipient r SET owner = NULL, at = greatest($4::bigint, coalesce(release, 0)),
         attempts = greatest(attempts - 1, 0)
       FROM unnest($1::bigint[], $2::integer[], $3::bigint[]) AS given (message, idx, fence)
       WHERE r.message = given.message AND r.idx = given.idx AND r.fence = given.fence
         AND r.owner = $5
       RETURNING r.destination, r.priority, r.at, r.held`,
      [
        ...[held.map(({ message }) => message), held.map(({ index }) => index)],
        ...[held.map(({ fence }) => fence), clock.now(), session()],
      ],
    );
    ready.add(rows.flatMap(dueRow));
  }

  /** Leases that have ended are nobody's, whosever they were. */
  async expire(now: number): Promise<void> {
    const { database, ready } = this.#parts;
    const rows = await database.rows(
      `UPDATE recipient SET owner = NULL, at = greatest($1::bigint, coalesce(release, 0))
       WHERE (message, idx) IN (
         SELECT message, idx FROM recipient WHERE owner IS NOT NULL AND at <= $1
         ORDER BY at FOR UPDATE SKIP LOCKED)
       RETURNING destination, priority, at, held`,
      [now],
    );
    ready.add(rows.flatMap(dueRow));
  }

  /** What a process that is gone had claimed is due; to be told of once that is committed. */
  giveBack(queries: Queries, session: number, now: number): Promise<number> {
    return queries.run(
      `UPDATE recipient SET owner = NULL, at = greatest($2::bigint, coalesce(release, 0))
       WHERE owner = $1`,
      [session, now],
    );
  }

  /** What was claimed in the name of a node that was taken for dead by the time the claim came. */
  async giveBackOrphans(): Promise<void> {
    const { database, clock, ready } = this.#parts;
    const given = await database.run(
      `UPDATE recipient SET owner = NULL, at = greatest($1::bigint, coalesce(release, 0))
       WHERE owner > 0 AND owner NOT IN (SELECT session FROM node WHERE session IS NOT NULL)`,
      [clock.now()],
    );
    if (given > 0) ready.changed();
  }

  /** What is ours, and nobody here knows of it, since the answer to a claim was lost. */
  async giveBackMissed(): Promise<void> {
    const { database, clock, own, session } = this.#parts;
    if (!own.isInDoubt) return;
    const [ours, askedAt] = [session(), clock.now()];
    const rows = await database.rows('SELECT message, idx, fence FROM recipient WHERE owner = $1', [
      ours,
    ]);
    const claimed = rows.map((row) => ({
      message: integer(row.message),
      index: integer(row.idx),
      fence: integer(row.fence),
    }));
    const missed = own.missed(claimed, { session: ours, askedAt });
    if (missed.length > 0) await this.#giveBack(missed);
  }

  #claimSome(asked: {
    readonly destinations: readonly string[];
    readonly counts: readonly number[];
    readonly levels: readonly number[];
    readonly now: number;
    readonly expires: number;
    readonly session: number;
  }): Promise<readonly Row[]> {
    const { destinations, counts, levels, now, expires, session } = asked;
    return this.#parts.database.rows(claimDue, [
      ...[destinations, counts, levels, now, session, expires],
    ]);
  }

  /** Those that were asked go to the end of the line, with what they have next. */
  async #served(
    schedule: Schedule,
    now: number,
    skip: ReadonlySet<string>,
    limit: number,
  ): Promise<void> {
    const asked = schedule.dueAt(now, skip, limit);
    if (asked.length === 0) return;
    const rows = await this.#parts.database.rows(
      `SELECT asked.destination, min(first.at) AS at
       FROM unnest($1::text[]) AS asked (destination)
       LEFT JOIN LATERAL (
         SELECT next.at FROM unnest($2::smallint[]) AS level CROSS JOIN LATERAL (
           SELECT r.at FROM recipient r
           WHERE r.destination = asked.destination AND r.priority = level
             AND r.owner IS NULL AND NOT r.held ORDER BY r.at LIMIT 1) next) first ON true
       GROUP BY asked.destination`,
      [asked, [...schedule.levels]],
    );
    const next = new Map(rows.map((row) => [text(row.destination), integerOrNull(row.at)]));
    for (const destination of asked)
      schedule.served(destination, next.get(destination) ?? undefined);
  }

  async #leases(rows: readonly Row[], expires: number, session: number): Promise<Lease[]> {
    if (rows.length === 0) return [];
    const messages = await this.#messages([...new Set(rows.map((row) => integer(row.message)))]);
    const groups = new Map<string, { key: number; rank: number; recipients: LeasedRecipient[] }>();
    for (const row of rows) {
      const key = integer(row.message);
      const unit = `${key} ${text(row.destination)}`;
      const rank = integer(row.was) - integer(row.priority) * priorityLevelMs;
      const group = groups.get(unit) ?? { key, rank, recipients: [] };
      group.recipients.push(recipientOf(row));
      groups.set(unit, { ...group, rank: Math.min(rank, group.rank) });
    }
    const leases = [...groups.values()]
      .sort((a, b) => a.rank - b.rank || a.key - b.key)
      .map(({ key, recipients }): Lease => {
        const message = messages.get(key);
        if (message === undefined)
          throw new Error(`the store is damaged: message ${key} is missing`);
        const { destination } = recipients[0]!;
        return {
          ...{ message, destination, expires },
          recipients: recipients.sort((a, b) => a.index - b.index),
        };
      });
    this.#parts.own.add(leases, session);
    return leases;
  }

  async #messages(keys: readonly number[]): Promise<ReadonlyMap<number, QueuedMessage>> {
    const rows = await this.#parts.database.rows(
      `${selectMessages} WHERE m.key = ANY($1::bigint[])`,
      [keys],
    );
    return new Map(rows.map((row) => [integer(row.key), queuedMessage(row, this.#parts.contents)]));
  }
}

/** Content comes with its row when it is small. */
export const selectMessages = `
  SELECT m.key, m.id, m.received, m.sender, m.params, m.origin, m.message_id, m.prefix, m.size,
    m.content, coalesce(m.bytes, c.bytes) AS bytes
  FROM message m LEFT JOIN content c ON c.id = m.content`;

export function queuedMessage(row: Row, contents: ContentTable): QueuedMessage {
  const content: Content = contents.contentOf(integerOrNull(row.content) ?? 0, row);
  return {
    id: text(row.id),
    received: integer(row.received),
    sender: text(row.sender),
    params: words(text(row.params)),
    prefix: Buffer.from(blob(row.prefix)).toString(),
    content,
    origin: parseOrigin(text(row.origin)),
    messageId: textOrNull(row.message_id) ?? undefined,
  };
}

/** How many messages of each destination there are. */
function unitsOf(rows: readonly Row[]): ReadonlyMap<string, number> {
  const found = new Map<string, Set<number>>();
  for (const row of rows) {
    const { destination } = wayOf(row);
    const messages = found.get(destination) ?? new Set();
    found.set(destination, messages.add(integer(row.message)));
  }
  return new Map([...found].map(([destination, messages]) => [destination, messages.size]));
}
