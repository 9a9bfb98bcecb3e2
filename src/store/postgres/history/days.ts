// The tables of the history are cut by days: a day is made when somebody writes of it, and what is old goes as whole
// tables, without a row to delete. Any node does either, and two at once do no harm.

import type { Clock } from '../../../base/clock.ts';
import { messageKeyAt, messageKeyTime } from '../../message-key.ts';
import { text } from '../../row.ts';
import type { Database } from '../database.ts';
import { codeOf } from '../database-errors.ts';

const dayMs = 86_400_000;
const tables = ['history_message', 'history_event', 'history_refusal'] as const;
/** Whoever reads a day may go on: it is dropped at the next look. */
const dropWaitMs = 300;

export interface HistoryDaysParts {
  readonly database: Database;
  readonly clock: Pick<Clock, 'now'>;
}

export class HistoryDays {
  readonly #parts: HistoryDaysParts;
  #made = new Set<number>();
  keptMs: number;

  constructor(parts: HistoryDaysParts, keptMs: number) {
    this.#parts = parts;
    this.keptMs = keptMs;
  }

  /** The first key of the oldest day that is kept. */
  get oldest(): number {
    const day = Math.floor((this.#parts.clock.now() - this.keptMs) / dayMs);
    return messageKeyAt(day * dayMs);
  }

  /** The first key of today. */
  get today(): number {
    return messageKeyAt(Math.floor(this.#parts.clock.now() / dayMs) * dayMs);
  }

  /** So that rows with these keys have their place. */
  async make(keys: readonly number[]): Promise<void> {
    for (const day of new Set(keys.map(dayOf)))
      if (!this.#made.has(day)) {
        await this.#make(day);
        this.#made.add(day);
      }
  }

  /** A table was not there that ought to have been: another node keeps less. */
  forget(): void {
    this.#made = new Set();
  }

  /** What is older than is kept. */
  async drop(): Promise<void> {
    const oldest = dayOf(this.oldest);
    const rows = await this.#parts.database.rows(
      `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = to_regclass('history_event')`,
    );
    for (const row of rows) {
      const day = Number(/_(\d+)$/.exec(text(row.name))?.[1]);
      if (day < oldest) await this.#drop(day);
    }
  }

  /** Nobody waits for it: a table is made by itself, and becomes a part without a lock that readers or writers notice. */
  async #make(day: number): Promise<void> {
    const bounds = [day, day + 1].map((one) => messageKeyAt(one * dayMs)).join(') TO (');
    await this.#parts.database.transaction(async (transaction) => {
      // One makes it, the others find it.
      await transaction.run(`LOCK TABLE ${tables[0]} IN SHARE UPDATE EXCLUSIVE MODE`);
      for (const table of tables) {
        const name = `${table}_${day}`;
        const [found] = await transaction.rows('SELECT to_regclass($1) IS NOT NULL AS there', [
          name,
        ]);
        if (found?.there === true) continue;
        await transaction.run(`CREATE TABLE ${name} (LIKE ${table} INCLUDING ALL)`);
        await transaction.run(
          `ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM (${bounds})`,
        );
      }
    });
  }

  /** All or none of a day; none while somebody holds it. */
  async #drop(day: number): Promise<void> {
    const names = tables.map((table) => `${table}_${day}`).join(', ');
    await this.#parts.database.run(`DO $$ BEGIN
      SET LOCAL lock_timeout = ${dropWaitMs};
      DROP TABLE IF EXISTS ${names};
      EXCEPTION WHEN lock_not_available OR deadlock_detected THEN NULL;
    END $$`);
    this.#made.delete(day);
  }
}

/** Days since 1970. */
const dayOf = (key: number): number => Math.floor(messageKeyTime(key) / dayMs);

/** A row has no table. */
export const hasNoDay = (error: unknown): boolean => codeOf(error) === '23514';
