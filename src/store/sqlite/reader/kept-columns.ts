// What the reader remembers of folders and lists is let go when it rests, for programs that keep a folder open have it, too.
// People who look at a page have not: they come back after a while, and 100,000 messages would be read anew each time.

import type { Clock } from '../../../base/clock.ts';
import type { Reader } from './reader.ts';

/** Limit: how long it is kept for a page that nobody looks at any more. */
const keptMs = 10 * 60_000;

export class KeptColumns {
  readonly #clock: Clock;
  readonly #reader: Pick<Reader, 'forgetColumns'>;
  #seenAt = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, reader: Pick<Reader, 'forgetColumns'>) {
    this.#clock = clock;
    this.#reader = reader;
  }

  /** A page was asked for. */
  seen(): void {
    this.#seenAt = this.#clock.now();
  }

  rest(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const leftMs = this.#seenAt + keptMs - this.#clock.now();
    if (leftMs <= 0) this.#reader.forgetColumns();
    else this.#cancel = this.#clock.after(leftMs, () => this.rest());
  }

  stop(): void {
    this.#cancel?.();
  }
}
