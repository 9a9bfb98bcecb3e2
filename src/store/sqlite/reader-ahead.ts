// What the reader does when nobody asks: it derives ahead what will be needed, in slices that keep
// nobody waiting, and forgets what was derived from messages that are gone. It rests in between and
// waits until it is quiet: deliveries come first.

import type { Reader } from './reader.ts';

// Limit: how long a slice may take, and how long the thread rests after it.
const sliceMs = 15;
const restMs = 45;
// How long it must have been quiet, and how long it is put off at most while mail keeps coming.
const quietMs = 500;
const putOffMsMax = 10_000;
// How often rows of messages that are gone are looked for, while things change.
const sweepEveryMs = 10 * 60_000;

export class ReaderAhead {
  readonly #reader: Reader;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  #since = 0;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #sweepFrom: number | undefined;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  wake(): void {
    const now = performance.now();
    if (this.#busy) return;
    if (this.#timer === undefined) this.#since = now;
    else if (now - this.#since > putOffMsMax) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#slice(), quietMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #slice(): void {
    try {
      this.#busy = this.#work();
    } catch {
      // No room, or the store is in trouble: whoever asks hears of it. Tried again when woken.
      this.#busy = false;
    }
    this.#timer = this.#busy ? setTimeout(() => this.#slice(), restMs) : undefined;
  }

  /** False when there is nothing left to do. */
  #work(): boolean {
    const end = performance.now() + sliceMs;
    if (this.#reader.advance(() => performance.now() >= end)) return true;
    if (this.#reader.merge()) return true;
    if (performance.now() - this.#sweptAt >= sweepEveryMs) {
      this.#sweptAt = performance.now();
      this.#sweepFrom = 0;
    }
    if (this.#sweepFrom === undefined) return false;
    this.#sweepFrom = this.#reader.sweep(this.#sweepFrom);
    return this.#sweepFrom !== undefined;
  }
}
