// What somebody has to do now and then, and any node may, one at a time: what processes left behind is swept. Each looks
// whether somebody keeps the database from tidying up, and whether its own clock is right, and says so.

import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { InTurn } from '../nodes.ts';
import { integer, textOrNull } from '../row.ts';
import type { Database } from './database.ts';

export interface UpkeepParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly inTurn: InTurn;
  /** By one node at a time. Each by itself; a failure of one is none of the others. */
  readonly sweeps: readonly (() => Promise<unknown>)[];
  /** Of each node, every few seconds. */
  readonly looks: readonly (() => Promise<unknown>)[];
}

const sweepMs = 10 * 60_000;
const lookMs = 60_000;
const oftenMs = 5_000;
/** Limit: how much a node's clock may differ from the database's; by as much its leases and retries are wrong. */
const clockMs = 5_000;
/** A transaction that is open for so long keeps dead rows where they are: the queue has new ones every moment. */
const openSeconds = 60;

const oldestTransaction = `
  SELECT pid, usename AS user, application_name AS program,
    extract(epoch FROM clock_timestamp() - xact_start)::bigint AS seconds
  FROM pg_stat_activity
  WHERE datname = current_database() AND backend_xmin IS NOT NULL
    AND backend_type = 'client backend'
    AND xact_start < clock_timestamp() - ${openSeconds} * interval '1 second'
  ORDER BY xact_start LIMIT 1`;

export class Upkeep implements Disposable {
  readonly #parts: UpkeepParts;
  readonly #cancels = new Map<string, () => void>();
  #named: number | undefined;
  #isClockWrong = false;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  start(): void {
    const { sweeps, looks, inTurn } = this.#parts;
    this.#every('sweep', sweepMs, () =>
      inTurn('upkeep', () => this.#sweep(sweeps)).catch(this.#failed),
    );
    this.#every('look', lookMs, () => this.#look());
    this.#every('clock', lookMs, () => this.#lookAtClock());
    this.#every('often', oftenMs, () => this.#sweep(looks));
  }

  [Symbol.dispose](): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }

  #every(what: string, ms: number, work: () => Promise<void>): void {
    const cancel = this.#parts.clock.after(ms, () => {
      void work().finally(() => {
        if (this.#cancels.has(what)) this.#every(what, ms, work);
      });
    });
    this.#cancels.set(what, cancel);
  }

  async #sweep(sweeps: UpkeepParts['sweeps']): Promise<void> {
    for (const sweep of sweeps) await sweep().catch(this.#failed);
  }

  readonly #failed = (error: unknown): void =>
    this.#parts.log.warn('database not swept', { error: messageOf(error) });

  /** Each is named once. */
  async #look(): Promise<void> {
    const { database, log } = this.#parts;
    const rows = await database.rows(oldestTransaction).catch(() => []); // told where it matters
    const [row] = rows;
    const pid = row && integer(row.pid);
    if (row !== undefined && pid !== this.#named)
      log.warn('a transaction holds the database back', {
        reason: `process ${pid} of ${textOrNull(row.user) ?? '?'} (${textOrNull(row.program) ?? ''}), open for ${integer(row.seconds)} s`,
      });
    this.#named = pid;
  }

  /** Told once, until it is right again. */
  async #lookAtClock(): Promise<void> {
    const { database, clock, log } = this.#parts;
    const asked = clock.now();
    const sql = 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now';
    const [row] = await database.rows(sql).catch(() => []); // told where it matters
    if (row === undefined) return;
    const now = integer(row.now);
    const ms = Math.max(asked - now, now - clock.now(), 0);
    const wasWrong = this.#isClockWrong;
    this.#isClockWrong = ms > clockMs;
    if (this.#isClockWrong && !wasWrong) log.warn('clock differs from the database', { ms });
  }
}
