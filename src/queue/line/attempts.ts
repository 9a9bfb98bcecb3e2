// The attempts under way, and the watch over how long they take. Those that began within the same
// minute share one abort signal and one timer, so that thousands of attempts a second need few of them.

import { setMaxListeners } from 'node:events';
import type { Clock } from '../../base/clock.ts';
import { TransientMap } from '../../base/transient-map.ts';
import type { Lease } from '../../store/queue-store.ts';
import type { Destination } from './destination.ts';

export interface Attempt {
  readonly number: number;
  readonly lease: Lease;
  readonly destination: Destination;
  readonly startedAt: number;
  readonly generation: Generation;
}

interface Generation {
  readonly controller: AbortController;
  readonly until: number;
  readonly attempts: TransientMap<number, Attempt>;
}

/** Limit: an attempt that takes longer is aborted; RFC 5321 §4.5.3.2 allows 10 minutes a phase. */
const attemptMsMax = 30 * 60_000;
const generationMs = 60_000;
/** How long an aborted attempt has to come back before it is written off. */
const abortMs = 30_000;

/** The longest that an attempt can be under way. */
export const attemptMs = attemptMsMax + generationMs + abortMs;

export class Attempts {
  readonly #clock: Clock;
  readonly #onOverdue: (attempt: Attempt) => void;
  readonly #generations = new Set<Generation>();
  #current: Generation | undefined;
  #count = 0;
  #begun = 0;

  /** `onOverdue` is told of attempts that did not even come back when aborted; they are over. */
  constructor(clock: Clock, onOverdue: (attempt: Attempt) => void) {
    this.#clock = clock;
    this.#onOverdue = onOverdue;
  }

  get count(): number {
    return this.#count;
  }

  begin(lease: Lease, destination: Destination, now: number): Attempt {
    const generation = this.#generationAt(now);
    const number = this.#begun;
    this.#begun += 1;
    const attempt = { number, lease, destination, startedAt: now, generation };
    generation.attempts.set(number, attempt);
    destination.active += 1;
    this.#count += 1;
    return attempt;
  }

  /** False if it was written off before. */
  end(attempt: Attempt): boolean {
    if (!attempt.generation.attempts.delete(attempt.number)) return false;
    attempt.destination.active -= 1;
    this.#count -= 1;
    return true;
  }

  abortAll(): void {
    for (const { controller } of this.#generations) controller.abort();
  }

  #generationAt(now: number): Generation {
    if (this.#current !== undefined && now < this.#current.until) return this.#current;
    const controller = new AbortController();
    setMaxListeners(0, controller.signal); // one listener for each attempt is no leak
    const until = now + generationMs;
    const generation: Generation = { controller, until, attempts: new TransientMap() };
    this.#current = generation;
    this.#generations.add(generation);
    this.#clock.after(generationMs + attemptMsMax, () => this.#abort(generation));
    return generation;
  }

  #abort(generation: Generation): void {
    generation.controller.abort();
    this.#clock.after(abortMs, () => {
      this.#generations.delete(generation);
      for (const attempt of [...generation.attempts.values()])
        if (this.end(attempt)) this.#onOverdue(attempt);
    });
  }
}
