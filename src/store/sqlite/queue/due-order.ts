// Whose turn it is at a destination. The oldest first; a level of priority (RFC 6710) is worth so much age,
// so that what is urgent overtakes and nothing waits for ever. Nobody pays for levels that nobody uses.

import { priorityLevelMs } from '../../queue-store.ts';
import type { Row } from '../../row.ts';
import { integer, text } from '../../row.ts';
import type { Schedule } from '../../schedule.ts';
import type { QueueStatements } from './queue-statements.ts';

export interface Due {
  readonly message: number;
  readonly due: number;
}

export class DueOrder {
  readonly #sql: QueueStatements;
  readonly #schedule: Schedule;

  constructor(sql: QueueStatements, schedule: Schedule) {
    this.#sql = sql;
    this.#schedule = schedule;
  }

  /** When each destination has something to do, read anew if that is not known. */
  get schedule(): Schedule {
    const schedule = this.#schedule;
    if (!schedule.known)
      schedule.fill(
        this.#sql.firstDues.all().map((row) => [text(row.destination), integer(row.due)]),
        this.#sql.priorities.all().map((row) => integer(row.priority)),
      );
    return schedule;
  }

  /** Of what is due, whoever has waited longest by that measure; else what is due next. */
  first(destination: string, now: number): Due | undefined {
    let found: Due | undefined;
    let waitedLongest = Number.NEGATIVE_INFINITY;
    for (const priority of this.schedule.levels) {
      const row = this.#sql.firstDue.get(destination, priority);
      if (row === undefined) continue;
      const due = integer(row.due);
      const waited = due > now ? now - due - aheadMs : now - due + priority * priorityLevelMs;
      if (waited <= waitedLongest) continue;
      waitedLongest = waited;
      found = { message: integer(row.message), due };
    }
    return found;
  }

  /** When the destinations of these recipients have something to do, after what was done to them. */
  refresh(rows: readonly Row[]): void {
    for (const destination of new Set(rows.map((row) => text(row.destination)))) {
      let next: number | undefined;
      for (const priority of this.schedule.levels) {
        const due = this.#sql.firstDue.get(destination, priority)?.due;
        if (due !== undefined) next = Math.min(next ?? Number.POSITIVE_INFINITY, integer(due));
      }
      this.#schedule.set(destination, next);
    }
  }
}

/** What is not due comes after all that is, whatever its level. */
const aheadMs = 19 * priorityLevelMs;
