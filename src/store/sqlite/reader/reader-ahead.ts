// What the reader does when nobody asks: it derives ahead what will be needed, in slices that keep
// nobody waiting, and forgets what was derived from messages that are gone. It rests in between, and
// waits while mail comes or no processor is idle: there is no hurry.

import { closeSync, openSync, readSync } from 'node:fs';
import type { Clock } from '../../../base/clock.ts';
import type { Advanced } from '../search/search-index.ts';
import type { Reader } from './reader.ts';

// Limit: how long a slice may take, and how long the thread rests after it.
const sliceMs = 15;
const restMs = 45;
// There is room for it when so much of one processor was idle lately, or busy with this: a server that does all it
// can leaves up to a half of two idle.
const idleShare = 0.75;
// Lately is a half to a whole of this: in some tens of milliseconds, which the kernel counts in steps of 10, any load
// has a moment of rest.
const latelyMs = 600;
// How long it must have been quiet, and how long it is put off at most while mail keeps coming or the
// machine is busy.
const quietMs = 500;
const putOffMsMax = 10_000;
// The same while messages are derived anew, after an upgrade: searches answer by the old reading until then.
// A twentieth of a processor is little to whoever keeps the machine busy, and 100,000 messages take minutes.
const putOffMsMaxForOld = 300;
// How often rows of messages that are gone are looked for, while things change.
const sweepEveryMs = 10 * 60_000;

export interface ReaderAheadParts {
  readonly reader: Pick<Reader, 'advance' | 'merge' | 'sweep'>;
  readonly clock: Clock;
  /** Milliseconds that the machine's processors were idle, all together; undefined: nobody knows. */
  readonly idleMs: () => number | undefined;
  /** People look at mail as it comes: it waits for no idle processor, and takes a quarter of one. */
  readonly keepsUp?: boolean | undefined;
  /** Nobody waits for what is done here. */
  readonly failed: (error: unknown) => void;
}

/** How long processors were idle, and this worked, until then. */
interface Look {
  readonly at: number;
  readonly idleMs: number | undefined;
  readonly workedMs: number;
}

export class ReaderAhead {
  readonly #parts: ReaderAheadParts;
  #cancel: (() => void) | undefined;
  /** There is more to do. */
  #working = false;
  #putOffMsMax: number;
  /** Since when it has been put off. */
  #since = 0;
  /** What was looked at lately: the earlier one is compared with. */
  #looks: readonly [Look, Look] | undefined;
  #workedMs = 0;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #sweepFrom: number | undefined;

  constructor(parts: ReaderAheadParts) {
    this.#parts = parts;
    this.#putOffMsMax = this.#putOffMost('new');
  }

  wake(): void {
    const now = this.#parts.clock.now();
    if (this.#working) return;
    if (this.#cancel === undefined) {
      this.#since = now;
      this.#looks = undefined;
    } else if (now - this.#since > this.#putOffMsMax) return;
    this.#wait(quietMs);
  }

  stop(): void {
    this.#cancel?.();
  }

  #wait(delayMs: number): void {
    this.#cancel?.();
    this.#look();
    this.#cancel = this.#parts.clock.after(delayMs, () => {
      this.#cancel = undefined;
      this.#slice();
    });
  }

  #slice(): void {
    const now = this.#parts.clock.now();
    if (this.#isBusy() && now - this.#since < this.#putOffMsMax) {
      this.#wait(restMs);
      return;
    }
    this.#since = now;
    try {
      this.#working = this.#work();
    } catch (error) {
      // No room, or the store is in trouble: whoever asks hears of it, too. Tried again when woken.
      this.#working = false;
      this.#parts.failed(error);
    }
    this.#workedMs += this.#parts.clock.now() - now;
    if (this.#working) this.#wait(restMs);
  }

  #look(): Look {
    const { clock, idleMs } = this.#parts;
    const look = { at: clock.now(), idleMs: idleMs(), workedMs: this.#workedMs };
    this.#looks ??= [look, look];
    const [, last] = this.#looks;
    if (look.at - last.at >= latelyMs / 2) this.#looks = [last, look];
    return look;
  }

  #isBusy(): boolean {
    const [before] = this.#looks!;
    const now = this.#look();
    if (before.idleMs === undefined || now.idleMs === undefined) return false;
    const idleMs = now.idleMs - before.idleMs + now.workedMs - before.workedMs;
    return idleMs < idleShare * (now.at - before.at);
  }

  #putOffMost(advanced: Advanced): number {
    if (this.#parts.keepsUp) return 0;
    return advanced === 'old' ? putOffMsMaxForOld : putOffMsMax;
  }

  /** False when there is nothing left to do. */
  #work(): boolean {
    const { reader, clock } = this.#parts;
    const end = clock.now() + sliceMs;
    const advanced = reader.advance(() => clock.now() >= end);
    this.#putOffMsMax = this.#putOffMost(advanced ?? 'new');
    if (advanced !== undefined) return true;
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

/** Of this machine, in steps of 10 ms: `idle` and `iowait` of proc_stat(5). Linux only. */
export function machineIdleMs(): number | undefined {
  let file: number;
  try {
    file = openSync('/proc/stat', 'r');
  } catch {
    return undefined;
  }
  try {
    const text = statBuffer.toString('latin1', 0, readSync(file, statBuffer));
    const ticks = /^cpu +\d+ \d+ \d+ (\d+) (\d+)/.exec(text);
    return ticks === null ? undefined : tickMs * (Number(ticks[1]) + Number(ticks[2]));
  } finally {
    closeSync(file);
  }
}

/** Room for the first line. */
const statBuffer = Buffer.alloc(256);
/** USER_HZ is 100 wherever Node runs. */
const tickMs = 10;
