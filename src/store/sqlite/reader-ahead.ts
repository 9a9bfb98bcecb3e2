// What the reader does when nobody asks: it derives ahead what will be needed, in slices that keep
// nobody waiting, and forgets what was derived from messages that are gone. It rests in between, and
// waits while mail comes or anything else keeps the process busy: there is no hurry.

import type { Clock } from '../../base/clock.ts';
import type { Reader } from './reader.ts';

// Limit: how long a slice may take, and how long the thread rests after it.
const sliceMs = 15;
const restMs = 45;
// The process is busy when it took more than this share of one processor while the thread rested.
const busyShare = 0.3;
// How long it must have been quiet, and how long it is put off at most while mail keeps coming or the
// process is busy.
const quietMs = 500;
const putOffMsMax = 10_000;
// How often rows of messages that are gone are looked for, while things change.
const sweepEveryMs = 10 * 60_000;

export interface ReaderAheadParts {
  readonly reader: Pick<Reader, 'advance' | 'merge' | 'sweep'>;
  readonly clock: Clock;
  /** Milliseconds of processor time that all threads of the process have taken. */
  readonly cpuMs: () => number;
}

export class ReaderAhead {
  readonly #parts: ReaderAheadParts;
  #cancel: (() => void) | undefined;
  /** There is more to do. */
  #working = false;
  /** Since when it has been put off. */
  #since = 0;
  #rested: { readonly at: number; readonly cpuMs: number } | undefined;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #sweepFrom: number | undefined;

  constructor(parts: ReaderAheadParts) {
    this.#parts = parts;
  }

  wake(): void {
    const now = this.#parts.clock.now();
    if (this.#working) return;
    if (this.#cancel === undefined) this.#since = now;
    else if (now - this.#since > putOffMsMax) return;
    this.#wait(quietMs);
  }

  stop(): void {
    this.#cancel?.();
  }

  #wait(delayMs: number): void {
    this.#cancel?.();
    this.#rested = { at: this.#parts.clock.now(), cpuMs: this.#parts.cpuMs() };
    this.#cancel = this.#parts.clock.after(delayMs, () => {
      this.#cancel = undefined;
      this.#slice();
    });
  }

  #slice(): void {
    const now = this.#parts.clock.now();
    if (this.#isBusy(now) && now - this.#since < putOffMsMax) {
      this.#wait(restMs);
      return;
    }
    this.#since = now;
    try {
      this.#working = this.#work();
    } catch {
      // No room, or the store is in trouble: whoever asks hears of it. Tried again when woken.
      this.#working = false;
    }
    if (this.#working) this.#wait(restMs);
  }

  #isBusy(now: number): boolean {
    const { at, cpuMs } = this.#rested!;
    return this.#parts.cpuMs() - cpuMs > busyShare * (now - at);
  }

  /** False when there is nothing left to do. */
  #work(): boolean {
    const { reader, clock } = this.#parts;
    const end = clock.now() + sliceMs;
    if (reader.advance(() => clock.now() >= end)) return true;
    if (reader.merge()) return true;
    if (clock.now() - this.#sweptAt >= sweepEveryMs) {
      this.#sweptAt = clock.now();
      this.#sweepFrom = 0;
    }
    if (this.#sweepFrom === undefined) return false;
    this.#sweepFrom = reader.sweep(this.#sweepFrom);
    return this.#sweepFrom !== undefined;
  }
}

/** Of this process. */
export function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
