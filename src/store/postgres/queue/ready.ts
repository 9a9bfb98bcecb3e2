// What this node knows of when the queue has something to do: destinations with their next due time, in the order
// of turns. It is filled from the database now and then, since other nodes change it, too: that is the truth, and
// what nodes tell each other, which destination has something to do by now, only makes it sooner.

import type { Clock } from '../../../base/clock.ts';
import { integer, text } from '../../row.ts';
import { Schedule } from '../../schedule.ts';
import type { Database } from '../database.ts';
import type { Signals } from '../signals.ts';
import type { DueRow } from './message-rows.ts';

/** How often the database is asked, in milliseconds; more seldom where asking takes long. */
const pollMs = 2_000;
/** Asking takes this part of the time at most. */
const pollShare = 1 / 50;

/** From each destination and priority to the next one, by the index: rows do not count, destinations do. */
const firstDues = `
  WITH RECURSIVE first AS (
    (SELECT destination, priority, at FROM recipient WHERE owner IS NULL AND NOT held
     ORDER BY destination, priority, at LIMIT 1)
    UNION ALL
    SELECT next.* FROM first CROSS JOIN LATERAL (
      SELECT r.destination, r.priority, r.at FROM recipient r
      WHERE r.owner IS NULL AND NOT r.held
        AND (r.destination, r.priority) > (first.destination, first.priority)
      ORDER BY r.destination, r.priority, r.at LIMIT 1) next)
  SELECT * FROM first`;

const topic = 'queue';

export interface ReadyParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly signals: Signals;
  /** Before the queue is looked at anew: leases that have ended are given back. */
  readonly expire: (now: number) => Promise<void>;
}

interface Heard {
  readonly destination?: unknown;
  readonly priority?: unknown;
}

interface Meanwhile {
  isForgotten: boolean;
  readonly noted: DueRow[];
}

export class Ready {
  readonly #parts: ReadyParts;
  readonly #schedule = new Schedule();
  readonly #listeners = new Set<() => void>();
  #filling: Promise<void> | undefined;
  /** While the database is asked: what is learnt meanwhile, which its answer may not know. */
  #meanwhile: Meanwhile | undefined;
  #cancel: (() => void) | undefined;
  #unlisten: (() => void) | undefined;
  #isPolling = false;
  /** The last look failed: what listeners tried meanwhile did, too. */
  #isAway = false;

  constructor(parts: ReadyParts) {
    this.#parts = parts;
  }

  /** Something is due sooner than nextDue() said: somebody else did it. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** From now on the database is asked regularly, and others are heard. */
  poll(): void {
    this.#isPolling = true;
    this.#unlisten = this.#parts.signals.listen(topic, (said) => this.#hear(said));
    this.#pollIn(pollMs);
  }

  stop(): void {
    this.#isPolling = false;
    this.#cancel?.();
    this.#unlisten?.();
  }

  /** Filled anew if what is known may be wrong. */
  async schedule(): Promise<Schedule> {
    while (!this.#schedule.known) await this.refresh();
    return this.#schedule;
  }

  forget(): void {
    this.#schedule.forget();
    if (this.#meanwhile !== undefined) this.#meanwhile.isForgotten = true;
  }

  /** Anybody may claim these; who would not look sooner by himself is told. */
  add(rows: readonly DueRow[]): void {
    const { clock, signals } = this.#parts;
    const soon = clock.now() + pollMs;
    for (const { destination, priority, at } of rows) {
      this.#note(destination, priority, at);
      if (at < soon) signals.send(topic, { destination, priority });
    }
  }

  /** The same, where nobody has said which: all have to look. */
  changed(): void {
    this.forget();
    this.#parts.signals.send(topic, {});
  }

  #note(destination: string, priority: number, at: number): void {
    this.#meanwhile?.noted.push({ destination, priority, at });
    this.#schedule.addLevel(priority);
    this.#schedule.add(destination, at);
  }

  /** By other nodes, which may be of another version. */
  #hear(said: readonly unknown[] | undefined): void {
    const now = this.#parts.clock.now();
    for (const one of said ?? [undefined]) {
      const { destination, priority }: Heard = typeof one === 'object' && one !== null ? one : {};
      if (typeof destination === 'string' && typeof priority === 'number')
        this.#note(destination, priority, now);
      else this.forget();
    }
    this.tell();
  }

  async refresh(): Promise<void> {
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined;
    });
    return this.#filling;
  }

  async #fill(): Promise<void> {
    const { database, expire, clock } = this.#parts;
    await expire(clock.now());
    const meanwhile: Meanwhile = { isForgotten: false, noted: [] };
    this.#meanwhile = meanwhile;
    const rows = await database.rows(firstDues).finally(() => {
      this.#meanwhile = undefined;
    });
    const dues = new Map<string, number>();
    const levels = new Set<number>([0]);
    for (const row of rows) {
      const [destination, at] = [text(row.destination), integer(row.at)];
      dues.set(destination, Math.min(at, dues.get(destination) ?? at));
      levels.add(integer(row.priority));
    }
    this.#schedule.fill(dues, levels);
    for (const { destination, priority, at } of meanwhile.noted)
      this.#note(destination, priority, at);
    if (meanwhile.isForgotten) this.#schedule.forget();
  }

  #pollIn(delayMs: number): void {
    if (!this.#isPolling) return;
    this.#cancel = this.#parts.clock.after(delayMs, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    const { clock } = this.#parts;
    const began = clock.now();
    try {
      const before = this.#schedule.next(nobody) ?? Number.POSITIVE_INFINITY;
      await this.refresh();
      const next = this.#schedule.next(nobody);
      if (this.#isAway || (next !== undefined && (next < before || next <= began))) this.tell();
      this.#isAway = false;
    } catch {
      // The database is away, which is told where that matters: asked again, however long it took to be sure.
      this.#isAway = true;
      return this.#pollIn(pollMs);
    }
    return this.#pollIn(Math.max(pollMs, (clock.now() - began) / pollShare));
  }
}

const nobody: ReadonlySet<string> = new Set();
