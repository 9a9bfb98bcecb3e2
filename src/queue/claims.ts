// What the runner takes out of the store, and gives back. It is asked when something may be due: after a
// change, or by a timer set to the moment that the store names. Nothing polls.

import type { Clock } from '../base/clock.ts';
import { timerDelayMsMax } from '../base/clock.ts';
import { stackOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import type { Lease, QueueStore } from '../store/queue-store.ts';
import type { Attempts } from './line/attempts.ts';
import { attemptMs } from './line/attempts.ts';
import type { Lineup } from './line/lineup.ts';
import { waitingMax } from './line/lineup.ts';
import type { Recorder } from './outcomes/recorder.ts';

export interface ClaimsParts {
  readonly store: Pick<QueueStore, 'claim' | 'nextDue' | 'release'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Read anew each time. */
  readonly settings: {
    readonly connectionsPerDestination: number;
    readonly deliveries: number;
    readonly memory: number;
  };
}

export interface ClaimsContext {
  /** Destinations that nothing is claimed for. */
  readonly held: ReadonlySet<string>;
  /** Another node has all that may be done there; undefined where nobody else is. */
  readonly isOthers: () => ((destination: string) => boolean) | undefined;
  /** Where leases go that were taken. */
  readonly lineup: Lineup;
  readonly attempts: Pick<Attempts, 'count'>;
  /** Hears whether the store works. */
  readonly recorder: Pick<Recorder, 'worked' | 'failed'>;
  /** Something changed: there may be more to start, or to claim by proceed(). */
  readonly onChange: () => void;
}

/** Covers the longest attempt, and the same again for waiting before it. */
export const leaseMs = 2 * attemptMs;
/** Limit: leases taken from the store at once. */
const claimMax = 100;
/** Limit: a store that says "due" and gives nothing is asked no more often than this. */
const claimAgainMs = 1000;

export class Claims {
  readonly #parts: ClaimsParts;
  readonly #context: ClaimsContext;
  #state: 'idle' | 'running' | 'stopped' = 'idle';
  /** The store may hold recipients that are due. */
  #due = false;
  #claiming = false;
  /** Calls of the store that give leases back. */
  #givingBack = 0;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(parts: ClaimsParts, context: ClaimsContext) {
    this.#parts = parts;
    this.#context = context;
  }

  start(): void {
    this.#state = 'running';
    this.#due = true;
  }

  /** From now on what a claim brings is given back. */
  stop(): void {
    this.#state = 'stopped';
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The store is not being asked for leases, nor given any. */
  get isQuiet(): boolean {
    return !this.#claiming && this.#givingBack === 0;
  }

  /** The store may hold recipients that are due: the next proceed() looks. */
  note(): void {
    this.#due = true;
  }

  /** Claims if something may be due and nobody is claiming already. */
  proceed(): void {
    if (this.#due && !this.#claiming) void this.claim();
  }

  /** How many leases there is room for. */
  get room(): number {
    const { lineup, attempts } = this.#context;
    const { deliveries, memory } = this.#parts.settings;
    if (lineup.bytes >= memory || lineup.waiting >= waitingMax) return 0;
    return Math.min(claimMax, deliveries - attempts.count);
  }

  /** Takes what is due from the store, as much as can be started soon; sleeps when there is none. */
  async claim(): Promise<void> {
    const { store, clock, settings } = this.#parts;
    const { lineup, recorder, onChange } = this.#context;
    const limit = this.room;
    // Without room `due` stays, and the next attempt to end comes back here.
    if (limit <= 0 || this.#claiming) return;
    this.#claiming = true;
    this.#due = false;
    try {
      const skip = this.#saturated();
      const perDestination = settings.connectionsPerDestination;
      const now = clock.now();
      const leases = await store.claim({ now, limit, perDestination, skip, leaseMs });
      recorder.worked();
      if (this.#state === 'stopped') void this.giveBack(leases);
      else for (const lease of leases) lineup.add(lease, 'claimed');
      if (leases.length > 0) this.#due = true;
      else await this.#sleepUntilDue(skip);
    } catch (error) {
      this.#due = true;
      recorder.failed(error);
    }
    this.#claiming = false;
    onChange();
  }

  /** Destinations with enough to do; the runner calls note() when one of them has less (`backlog`). */
  #saturated(): Set<string> {
    const { held, isOthers } = this.#context;
    const others = isOthers();
    const names = others === undefined ? new Set(held) : new SkippedDestinations(held, others);
    for (const destination of this.#context.lineup.destinations.values()) {
      if (!destination.saturated || destination.idle) continue;
      destination.backlog = true;
      names.add(destination.name);
    }
    return names;
  }

  async #sleepUntilDue(skip: ReadonlySet<string>): Promise<void> {
    const due = await this.#parts.store.nextDue(skip);
    if (due !== undefined) this.wakeAt(Math.max(due, this.#parts.clock.now() + claimAgainMs));
  }

  /** Something will be due at that moment. */
  wakeAt(at: number): void {
    if (this.#state !== 'running' || (this.#timer !== undefined && this.#timer.at <= at)) return;
    this.#timer?.cancel();
    const delayMs = Math.min(Math.max(0, at - this.#parts.clock.now()), timerDelayMsMax);
    const cancel = this.#parts.clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#due = true;
      this.#context.onChange();
    });
    this.#timer = { at, cancel };
  }

  /** Leases that nobody will attempt are due at once, for whoever claims next. */
  async giveBack(leases: readonly Lease[]): Promise<void> {
    if (leases.length === 0) return;
    this.#givingBack += 1; // a stop waits for it
    const done = () => {
      this.#givingBack -= 1;
      this.#due = true;
      this.#context.onChange();
    };
    const { store, log } = this.#parts;
    try {
      await store.release(leases);
    } catch (error) {
      // They come back when the leases run out, or when the server starts again.
      log.warn('leases not given back', { leases: leases.length, error: stackOf(error) });
    }
    done();
  }
}

/** Those that are named, and whatever else another node has. */
class SkippedDestinations extends Set<string> {
  readonly #isOthers: (destination: string) => boolean;

  constructor(names: Iterable<string>, isOthers: (destination: string) => boolean) {
    super(names);
    this.#isOthers = isOthers;
  }

  override has(name: string): boolean {
    return super.has(name) || this.#isOthers(name);
  }
}
