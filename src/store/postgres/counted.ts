// What nodes count by themselves and merge: each keeps one row, with what it has counted in its last seconds, and reads
// those of the others once a second. Nobody waits for it, and nothing is lost by a look that comes late.

import type { Clock } from '../../base/clock.ts';
import type { TellOthers, Told } from '../nodes.ts';
import { integer, text } from '../row.ts';
import type { Database } from './database.ts';

export interface CountedParts {
  readonly database: Database;
  readonly clock: Clock;
  /** Of this node; another one when it begins anew. */
  readonly session: () => number;
}

const everyMs = 1000;
/** What is said stands in the row for so many times of saying something, so that nobody misses it who looks late. */
const keptTimes = 8;
/** Limit: characters of a row; what was said first goes. */
const charactersMax = 512 * 1024;

interface Said {
  readonly number: number;
  readonly topics: Readonly<Record<string, unknown>>;
}

export class Counted implements Disposable {
  readonly #parts: CountedParts;
  readonly #told = new Map<string, Told>();
  /** By session, which number was heard last. */
  #heard = new Map<number, number>();
  #said: readonly { readonly number: number; readonly text: string }[] = [];
  #number = 0;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: CountedParts) {
    this.#parts = parts;
  }

  readonly tellOthers: TellOthers = (topic, told) => {
    this.#told.set(topic, told);
    if (this.#cancel === undefined && !this.#isClosed) this.#wait();
  };

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  #wait(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#parts.clock.after(everyMs, () => {
      this.#look()
        .catch(() => {}) // the database is away, which is told where that matters
        .finally(() => this.#wait());
    });
  }

  async #look(): Promise<void> {
    await this.#say();
    await this.#hear();
  }

  async #say(): Promise<void> {
    const topics: Record<string, unknown> = {};
    for (const [topic, told] of this.#told) {
      const said = told.say();
      if (said !== undefined) topics[topic] = said;
    }
    if (Object.keys(topics).length === 0) return;
    this.#number += 1;
    const latest: Said = { number: this.#number, topics };
    const all = [...this.#said, { number: this.#number, text: JSON.stringify(latest) }];
    let room = charactersMax;
    this.#said = all.slice(-keptTimes).filter(({ text: { length } }, i, { length: count }) => {
      room -= length;
      return room >= 0 || i === count - 1;
    });
    await this.#parts.database.run(
      `INSERT INTO counted (session, number, said) VALUES ($1, $2, $3)
       ON CONFLICT (session) DO UPDATE SET number = excluded.number, said = excluded.said`,
      [this.#parts.session(), this.#number, `[${this.#said.map((one) => one.text).join()}]`],
    );
  }

  async #hear(): Promise<void> {
    const known = [...this.#heard];
    const rows = await this.#parts.database.rows(
      `SELECT counted.* FROM counted JOIN node USING (session)
       LEFT JOIN unnest($2::bigint[], $3::bigint[]) AS known (session, number) USING (session)
       WHERE session <> $1 AND counted.number > coalesce(known.number, 0)`,
      [this.#parts.session(), known.map(([session]) => session), known.map(([, n]) => n)],
    );
    for (const row of rows) {
      const session = integer(row.session);
      const last = this.#heard.get(session) ?? 0;
      this.#heard.set(session, integer(row.number));
      for (const { number, topics } of saidIn(text(row.said)))
        if (number > last)
          for (const [topic, said] of Object.entries(topics)) this.#told.get(topic)?.hear(said);
    }
  }

  /** Rows of sessions that are over. */
  async sweep(): Promise<void> {
    await this.#parts.database.run(
      'DELETE FROM counted WHERE NOT EXISTS (SELECT FROM node WHERE node.session = counted.session)',
    );
  }
}

function saidIn(written: string): readonly Said[] {
  try {
    const all: unknown = JSON.parse(written);
    return Array.isArray(all) ? all.filter(isSaid) : [];
  } catch {
    return [];
  }
}

function isSaid(one: unknown): one is Said {
  if (typeof one !== 'object' || one === null || !('number' in one && 'topics' in one))
    return false;
  return typeof one.number === 'number' && typeof one.topics === 'object' && one.topics !== null;
}
