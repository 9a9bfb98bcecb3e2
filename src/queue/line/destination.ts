// What the runner knows of one destination: how many attempts are under way, how many may be, which
// leases wait, and whether it was found dead. The window opens by one with each success and closes by
// half when the destination wants less, as TCP does; a dead destination is left alone for a while
// and its mail deferred from memory.

import type { Lease } from '../../store/queue-store.ts';
import type { DeliveryResult, RecipientResult } from '../delivery.ts';
import { LeaseLine } from './lease-line.ts';

/** Asked for each time it is used: an operator may change it while the server runs. */
export type DestinationLimits = () => {
  readonly connectionsPerDestination: number;
  /** Of these, what there may be to one destination: this node's part of them. */
  readonly connectionsOf?: ((destination: string) => number) | undefined;
};

const windowAtFirst = 10;
/** A destination that worked this recently is not dead because one attempt did not reach it. */
const worksMs = 60_000;
const deadMsFirst = 60_000;
/** Limit: how long at most a destination is left alone; the later retries of usual schedules are rarer. */
const deadMsMax = 15 * 60_000;
/** Limit: destinations remembered when nothing goes on there. */
const destinationsMax = 10_000;

export class Destination {
  readonly name: string;
  /** Leases that wait: of messages just received, and of those that were in the queue. */
  readonly fresh = new LeaseLine();
  readonly claimed = new LeaseLine();
  /** Attempts under way. */
  active = 0;
  /** The store may hold due mail for it that was not claimed, because enough of it waits here. */
  backlog = false;
  /** In which of the two lines of a Lineup it stands. */
  listed: 'none' | 'known' | 'unknown' = 'none';
  readonly #limits: DestinationLimits;
  #window: number;
  #freshLast = false;
  #workedAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #deadUntil = Number.NEGATIVE_INFINITY;
  #lastFailure: RecipientResult | undefined;

  constructor(name: string, limits: DestinationLimits) {
    this.name = name;
    this.#limits = limits;
    this.#window = Math.min(windowAtFirst, Math.max(1, this.#most));
  }

  get window(): number {
    return Math.min(this.#window, this.#most);
  }

  get #most(): number {
    const { connectionsPerDestination, connectionsOf } = this.#limits();
    return connectionsOf === undefined ? connectionsPerDestination : connectionsOf(this.name);
  }

  get deadUntil(): number | undefined {
    return this.#failures === 0 ? undefined : this.#deadUntil;
  }

  /** Whether mail was taken there since it was first heard of: it may use the last free places. */
  get known(): boolean {
    return this.#workedAt !== Number.NEGATIVE_INFINITY;
  }

  get waiting(): number {
    return this.fresh.length + this.claimed.length;
  }

  get idle(): boolean {
    return this.active === 0 && this.waiting === 0;
  }

  mayStart(now: number): boolean {
    return this.waiting > 0 && (this.active < this.window || this.isDead(now));
  }

  /**
   * Enough waits here: nothing more is to be claimed for it. A destination that takes mail gets
   * some ahead, so that its window stays full while the store is asked for more.
   */
  get saturated(): boolean {
    if (!this.known) return this.active + this.waiting >= this.window;
    return this.claimed.length >= Math.ceil(this.window / 2);
  }

  /** Fresh mail and mail from the queue take turns, unless their priorities differ. */
  shift(): Lease | undefined {
    const fresh = this.fresh.next;
    const claimed = this.claimed.next;
    if (fresh !== undefined && claimed !== undefined && fresh.priority !== claimed.priority)
      return (fresh.since < claimed.since ? this.fresh : this.claimed).shift();
    this.#freshLast = !this.#freshLast && this.fresh.length > 0;
    return this.#freshLast ? this.fresh.shift() : (this.claimed.shift() ?? this.fresh.shift());
  }

  isDead(now: number): boolean {
    return this.#deadUntil > now;
  }

  /** The result for leases that come while it is dead. */
  get lastFailure(): RecipientResult | undefined {
    return this.#lastFailure;
  }

  /** An attempt ended. `fraction` is chance, so that dead destinations do not wake together. */
  learn(result: DeliveryResult, now: number, fraction: number): void {
    switch (result.health) {
      case 'ok':
        this.#window = Math.min(Math.max(1, this.#most), this.#window + 1);
        this.#workedAt = now;
        this.#failures = 0;
        this.#deadUntil = Number.NEGATIVE_INFINITY;
        return;
      case 'busy':
        this.#window = Math.max(1, this.#window >> 1);
        return;
      case 'down':
        this.#failed(result, now, fraction);
        return;
    }
  }

  #failed({ recipients }: DeliveryResult, now: number, fraction: number): void {
    // One attempt among others that work is no proof: the window closes first.
    const works = this.#window > 1 && now - this.#workedAt < worksMs;
    this.#window = works ? this.#window >> 1 : 1;
    // Attempts that were under way together are one failure.
    if (works || this.isDead(now)) return;
    const deadMs = Math.min(deadMsMax, deadMsFirst * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#deadUntil = now + deadMs * (0.85 + 0.3 * fraction);
    this.#lastFailure = recipients.find(({ kind }) => kind === 'deferred');
  }

  /** Somebody says that it is worth trying. */
  forgive(): void {
    this.#deadUntil = Number.NEGATIVE_INFINITY;
  }
}

/** As others see it. */
export type DestinationState = Pick<
  Destination,
  'name' | 'active' | 'waiting' | 'window' | 'deadUntil'
>;

/** All destinations that something goes on at, and some that were in use lately. */
export class DestinationTable {
  readonly #limits: DestinationLimits;
  readonly #destinations = new Map<string, Destination>();

  constructor(limits: DestinationLimits) {
    this.#limits = limits;
  }

  of(name: string): Destination {
    const known = this.#destinations.get(name);
    if (known !== undefined) return known;
    if (this.#destinations.size >= destinationsMax) this.#forgetIdle();
    const destination = new Destination(name, this.#limits);
    this.#destinations.set(name, destination);
    return destination;
  }

  peek(name: string): Destination | undefined {
    return this.#destinations.get(name);
  }

  values(): Iterable<Destination> {
    return this.#destinations.values();
  }

  #forgetIdle(): void {
    for (const [name, destination] of this.#destinations)
      if (destination.idle) this.#destinations.delete(name);
  }
}
