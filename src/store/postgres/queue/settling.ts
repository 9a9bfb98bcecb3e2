// What became of attempts: those that only take recipients away or postpone them are gathered into one statement,
// which waits for no disk; those from which something follows are a transaction of their own, which does. A
// settlement counts only as a whole and only under the fences that it was claimed with.

import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../../../base/clock.ts';
import { messageKey } from '../../message-key.ts';
import type { Settlement } from '../../queue-store.ts';
import type { Row } from '../../row.ts';
import { integer } from '../../row.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Database, Queries, Value } from '../database.ts';
import { Gathering } from '../gathering.ts';
import type { Effects } from './effects.ts';
import type { OwnLeases } from './own-leases.ts';
import type { Ready } from './ready.ts';
import { dueRow } from './recipient-row.ts';

export interface SettlingParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly contents: ContentTable;
  readonly effects: Effects;
  readonly ready: Ready;
  readonly own: OwnLeases;
  readonly session: () => number;
}

/** Limit: settlements of one statement. */
const settlementsMax = 256;
/**
 * For so long what ended waits for more that has, while much does, in milliseconds: nobody waits for it, and what a
 * crash lets arrive twice grows by less than this.
 */
const gatherMs = 20;
/** Limit: messages that one statement looks at once their recipients are gone. */
const doneMax = 500;

/** `due` undefined: the recipient leaves; `reply` undefined: it was not attempted. */
const settle = `
  WITH given AS (
    SELECT * FROM unnest($1::integer[], $2::integer[], $3::bigint[], $4::integer[], $5::bigint[],
      $6::bigint[], $7::text[], $8::boolean[])
    AS g (settlement, count, message, idx, fence, due, reply, warned)),
  mine AS (
    SELECT given.*, r.destination FROM given JOIN recipient r
      ON r.message = given.message AND r.idx = given.idx
    WHERE r.owner = $9 AND r.fence = given.fence FOR UPDATE OF r),
  whole AS (SELECT settlement FROM mine GROUP BY settlement HAVING count(*) = max(count)),
  gone AS (
    DELETE FROM recipient r USING mine JOIN whole USING (settlement)
    WHERE r.message = mine.message AND r.idx = mine.idx AND mine.due IS NULL),
  later AS (
    UPDATE recipient r SET owner = NULL, at = mine.due, reply = coalesce(mine.reply, r.reply),
      warned = coalesce(mine.warned, r.warned),
      attempts = CASE WHEN mine.reply IS NULL THEN greatest(r.attempts - 1, 0) ELSE r.attempts END
    FROM mine JOIN whole USING (settlement)
    WHERE r.message = mine.message AND r.idx = mine.idx AND mine.due IS NOT NULL
    RETURNING r.destination, r.priority, r.at, r.held)
  SELECT settlement, NULL AS destination, NULL AS priority, NULL AS at, NULL AS held FROM whole
  UNION ALL SELECT NULL, destination, priority, at, held FROM later`;

// A power failure repeats what was delivered in the last moment, and loses nothing.
const settleLazily = `${settle}
  UNION ALL SELECT NULL, NULL, NULL, NULL, NULL FROM set_config('synchronous_commit', 'off', true)`;

/** The only outcome of its settlement, from which nothing follows: the recipient leaves. */
interface Leaving {
  readonly message: number;
  readonly index: number;
  readonly fence: number;
}

/** `stays`: the message may be there still, without recipients. Undefined: it was not ours. */
type Left = { readonly stays: boolean } | undefined;

export class Settling {
  readonly #parts: SettlingParts;
  /** Nearly all of mail that is relayed. */
  readonly #leaving: Gathering<Leaving, Left>;
  readonly #plain: Gathering<Settlement, boolean>;
  /** Keys of messages of which recipients have left: those without any are removed. */
  readonly #done: Gathering<number, true>;

  constructor(parts: SettlingParts) {
    this.#parts = parts;
    const pause = () => setTimeout(gatherMs);
    this.#leaving = new Gathering({
      run: (leaving) => this.#leaveAll(leaving),
      ...{ itemsMax: settlementsMax, keyOf: ({ message }) => message, pause },
    });
    this.#plain = new Gathering({
      run: (settlements) => this.#settleAll(settlements),
      ...{ itemsMax: settlementsMax, keyOf: ({ message }) => message, pause },
    });
    this.#done = new Gathering({
      run: (keys) => this.#remove(keys),
      itemsMax: doneMax,
    });
  }

  async settle(settlement: Settlement): Promise<boolean> {
    const { message, outcomes } = settlement;
    const leaving = leavingOf(settlement);
    const left = leaving && (await this.#leaving.add(leaving));
    const isSettled = leaving === undefined ? await this.#settle(settlement) : left !== undefined;
    // What was lost meanwhile is held no more, or anew.
    if (!isSettled) return false;
    this.#parts.own.drop(message, outcomes.length);
    if (left === undefined ? outcomes.some(isLeaving) : left.stays)
      this.#done.add(messageKey(message)).catch(() => {}); // swept later
    return true;
  }

  #settle(settlement: Settlement): Promise<boolean> {
    return settlement.effects.length === 0
      ? this.#plain.add(settlement)
      : this.#withEffects(settlement);
  }

  async idle(): Promise<void> {
    await this.#leaving.idle();
    await this.#plain.idle();
    await this.#done.idle();
  }

  /** Messages that were left behind by a process that ended before it could remove them. */
  async sweep(): Promise<void> {
    const rows = await this.#parts.database.rows(
      `SELECT key FROM message m
       WHERE NOT EXISTS (SELECT FROM recipient r WHERE r.message = m.key) LIMIT ${doneMax}`,
    );
    if (rows.length > 0) await this.#remove(rows.map(({ key }) => integer(key)));
  }

  /** Losing it in a power failure is a second delivery: it waits for no disk. migrations/0009-statements.sql */
  async #leaveAll(leaving: readonly Leaving[]): Promise<readonly Left[]> {
    const rows = await this.#parts.database.rows(
      'SELECT key, stays FROM queue_leave($1, $2, $3, $4)',
      [
        ...[leaving.map(({ message }) => message), leaving.map(({ index }) => index)],
        ...[leaving.map(({ fence }) => fence), this.#parts.session()],
      ],
    );
    const left = new Map(rows.map(({ key, stays }) => [key, { stays: stays === true }]));
    return leaving.map(({ message }) => left.get(message));
  }

  async #settleAll(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    const rows = await this.#outcomes(this.#parts.database, settleLazily, settlements);
    this.#parts.ready.add(dueOf(rows));
    const whole = wholeOf(rows);
    return settlements.map((_, i) => whole.has(i));
  }

  #withEffects(settlement: Settlement): Promise<boolean> {
    const { database, effects, ready, clock } = this.#parts;
    return database.transaction(async (transaction) => {
      await effects.lock(transaction, settlement.effects);
      const rows = await this.#outcomes(transaction, settle, [settlement]);
      if (!wholeOf(rows).has(0)) return false;
      const due = await effects.apply(transaction, settlement.effects, clock.now());
      transaction.onCommit(() => ready.add([...dueOf(rows), ...due]));
      return true;
    });
  }

  #outcomes(
    queries: Queries,
    sql: string,
    settlements: readonly Settlement[],
  ): Promise<readonly Row[]> {
    const columns: Value[][] = Array.from({ length: 8 }, () => []);
    for (const [i, { message, outcomes }] of settlements.entries())
      for (const { index, fence, outcome } of outcomes) {
        const stays = 'until' in outcome;
        const row: readonly Value[] = [
          ...[i, outcomes.length, messageKey(message), index, fence],
          stays ? Math.floor(outcome.until) : null,
          outcome.kind === 'deferred' ? JSON.stringify(outcome.reply) : null,
          stays ? (outcome.warned ?? null) : null,
        ];
        for (const [column, value] of row.entries()) columns[column]!.push(value);
      }
    return queries.rows(sql, [...columns, this.#parts.session()]);
  }

  /** Two nodes that take away the last two recipients each look afterwards: one of them finds none. */
  async #remove(keys: readonly number[]): Promise<readonly true[]> {
    const { database, contents } = this.#parts;
    const rows = await database.rows(
      `WITH empty AS (
         SELECT key, content FROM message m WHERE key = ANY($1::bigint[])
           AND NOT EXISTS (SELECT FROM recipient r WHERE r.message = m.key)),
       gone AS (DELETE FROM message m USING empty WHERE m.key = empty.key AND empty.content IS NULL)
       SELECT key FROM empty WHERE content IS NOT NULL`,
      [keys],
    );
    if (rows.length > 0)
      await database.transaction(async (transaction) => {
        const gone = await transaction.rows(
          'DELETE FROM message WHERE key = ANY($1::bigint[]) RETURNING content',
          [rows.map(({ key }) => integer(key))],
        );
        await contents.release(transaction, [...new Set(gone.map((row) => integer(row.content)))]);
      });
    return keys.map(() => true);
  }
}

function leavingOf({ message, outcomes, effects }: Settlement): Leaving | undefined {
  const [one, ...others] = outcomes;
  if (one === undefined || others.length + effects.length > 0 || !isLeaving(one)) return undefined;
  return { message: messageKey(message), index: one.index, fence: one.fence };
}

const isLeaving = ({ outcome }: Settlement['outcomes'][number]): boolean => !('until' in outcome);

const wholeOf = (rows: readonly Row[]): ReadonlySet<unknown> =>
  new Set(rows.map(({ settlement }) => settlement));

const dueOf = (rows: readonly Row[]) =>
  rows.filter(({ destination }) => destination !== null).flatMap(dueRow);
