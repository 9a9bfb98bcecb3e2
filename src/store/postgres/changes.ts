// What several nodes keep in memory is true until one of them changes it: a count in the database for each such
// thing, raised in the transaction that changes it. The truth is a look each second; a signal makes it sooner.

import type { Clock } from '../../base/clock.ts';
import { integer, text } from '../row.ts';
import type { Database, Queries } from './database.ts';
import type { Signals } from './signals.ts';

/** How late a change of another node is noticed where signals do not come. */
const lookMs = 1000;
const topic = 'changed';

export interface ChangesParts {
  readonly database: Database;
  readonly signals: Signals;
  readonly clock: Clock;
}

export class Changes implements Disposable {
  readonly #parts: ChangesParts;
  readonly #listeners = new Map<string, Set<() => void>>();
  /** The counts as they were last seen. */
  #known: ReadonlyMap<string, number> | undefined;
  #cancel: (() => void) | undefined;
  #unlisten: (() => void) | undefined;
  #looking: Promise<void> | undefined;
  #isClosed = false;

  constructor(parts: ChangesParts) {
    this.#parts = parts;
  }

  /** Part of the transaction that makes the change. */
  async raise(queries: Queries, names: readonly string[]): Promise<void> {
    await queries.run('UPDATE meta SET value = value + 1 WHERE name = ANY($1::text[])', [names]);
  }

  /** After that transaction. */
  announce(name: string): void {
    this.#parts.signals.send(topic, name);
  }

  /** The listener hears of changes, its own ones included, from now on. */
  watch(name: string, listener: () => void): () => void {
    const of = this.#listeners.get(name) ?? new Set();
    const entry = () => listener();
    this.#listeners.set(name, of.add(entry));
    if (this.#unlisten === undefined && !this.#isClosed) {
      this.#unlisten = this.#parts.signals.listen(topic, () => void this.#look());
      void this.#look();
    }
    return () => of.delete(entry);
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#cancel?.();
    this.#unlisten?.();
  }

  /** One look at a time; who asks meanwhile wants to know of what came since, and has the next. */
  async #look(): Promise<void> {
    if (this.#looking !== undefined) {
      await this.#looking;
      if (this.#looking !== undefined) return this.#looking;
    }
    this.#cancel?.();
    this.#looking = this.#compare()
      .catch(() => {}) // the database is away, which is told where that matters
      .finally(() => {
        this.#looking = undefined;
        if (!this.#isClosed)
          this.#cancel = this.#parts.clock.after(lookMs, () => void this.#look());
      });
    return this.#looking;
  }

  /** The first look tells nothing but where to start from. */
  async #compare(): Promise<void> {
    const rows = await this.#parts.database.rows('SELECT name, value FROM meta');
    const found = new Map(rows.map(({ name, value }) => [text(name), integer(value)]));
    const before = this.#known;
    this.#known = found;
    if (before === undefined || this.#isClosed) return;
    for (const [name, value] of found)
      if (before.get(name) !== value)
        for (const listener of [...(this.#listeners.get(name) ?? [])]) listener();
  }
}
