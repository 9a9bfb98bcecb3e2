// The leases that wait in memory, destination by destination, and whose turn it is. Destinations
// take turns; within one, fresh mail and mail from the queue take turns; destinations that never took
// mail leave the last places to those that did. So no backlog and no dead host delays the others.

import type { Lease } from '../../store/queue-store.ts';
import type { Destination } from './destination.ts';
import { DestinationTable } from './destination.ts';
import { Fifo } from './fifo.ts';
import type { LeaseLine } from './lease-line.ts';
import type { Pace } from './pace.ts';
import type { Waiting } from './waiting.ts';

/** The share of places that destinations which never took mail cannot have. */
const reservedShare = 0.2;

/** Limit: leases that wait in memory in all. */
export const waitingMax = 10_000;
/** Limit: fresh leases of one destination that wait in memory. */
const waitingPerDestinationMax = 1000;
/** The same, for each connection there may be, where other nodes could attempt them: they take them from the store. */
const waitingPerConnectionMax = 4;
/** The same where they wait for a rate, so that they leave room for all others. */
const waitingForRateMax = 50;

export interface LineupLimits {
  /** Octets of content that may wait in memory. */
  readonly memory: number;
  readonly connectionsPerDestination: number;
  /** This node's part of them, where several share the queue. */
  readonly connectionsOf?: ((destination: string) => number) | undefined;
  /** Attempts at once in all. */
  readonly deliveries: number;
}

type PaceOfLine = Pick<Pace, 'allows' | 'started' | 'isLimited' | 'exceeded'>;

export class Lineup {
  readonly destinations: DestinationTable;
  readonly #limits: () => LineupLimits;
  readonly #pace: PaceOfLine | undefined;
  readonly #known = new Fifo<Destination>();
  readonly #unknown = new Fifo<Destination>();
  #waiting = 0;
  #bytes = 0;

  constructor(limits: () => LineupLimits, pace?: PaceOfLine) {
    this.destinations = new DestinationTable(limits);
    this.#limits = limits;
    this.#pace = pace;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Octets of content in memory: of leases here, and of those taken until they are `dropped`. */
  get bytes(): number {
    return this.#bytes;
  }

  add(lease: Lease, origin: 'fresh' | 'claimed'): Destination {
    const destination = this.destinations.of(lease.destination);
    destination[origin].push(lease);
    this.#waiting += 1;
    this.#bytes += inMemory(lease);
    this.line(destination);
    return destination;
  }

  /** Puts a destination in line if it has something to start and does not stand there. */
  line(destination: Destination): void {
    if (destination.waiting === 0) return;
    const line = destination.known ? 'known' : 'unknown';
    if (destination.listed === line) return;
    destination.listed = line;
    (line === 'known' ? this.#known : this.#unknown).push(destination);
  }

  /** The next lease to start while `free` places are left. The caller calls drop() for it. */
  take(free: number, now: number): { lease: Lease; destination: Destination } | undefined {
    const reserved = this.#limits().deliveries * reservedShare;
    const destination =
      (free > 0 ? this.#next(this.#known, 'known', now) : undefined) ??
      (free > reserved ? this.#next(this.#unknown, 'unknown', now) : undefined);
    const lease = destination?.shift();
    if (destination === undefined || lease === undefined) return undefined;
    this.#waiting -= 1;
    if (!destination.isDead(now)) this.#pace?.started(destination);
    this.line(destination);
    return { lease, destination };
  }

  /** The content of a lease that was taken is needed no more. */
  drop(lease: Lease): void {
    this.#bytes -= inMemory(lease);
  }

  /** What is fresh may wait here, for each of its destinations; if not, it waits in the store. */
  hasRoomFor(recipients: readonly { readonly destination: string }[], bytes: number): boolean {
    const { memory, connectionsOf } = this.#limits();
    if (this.#bytes + bytes > memory || this.#waiting >= waitingMax) return false;
    return recipients.every(({ destination }) => {
      const waiting = this.destinations.peek(destination)?.fresh.length ?? 0;
      const isPaced = this.#pace?.isLimited(destination) === true;
      const most =
        connectionsOf === undefined
          ? waitingPerDestinationMax
          : connectionsOf(destination) * waitingPerConnectionMax;
      return waiting < (isPaced ? Math.min(waitingForRateMax, most) : most);
    });
  }

  /** Why the message, or what is due in the store, is not attempted there; undefined: nothing is known to keep it. */
  keeping(name: string, id: string | undefined, now: number): Waiting | undefined {
    const destination = this.destinations.peek(name);
    const isHere = (line: LeaseLine) => id === undefined || line.has(id);
    if (destination === undefined || destination.isDead(now)) return undefined;
    if (!isHere(destination.fresh) && !isHere(destination.claimed)) return undefined;
    const exceeded = this.#pace?.exceeded(name);
    if (exceeded !== undefined)
      return { for: 'rate', rate: exceeded.rate, until: now + exceeded.waitMs };
    const { active, window } = destination;
    if (active >= window) return { for: 'turn', active };
    return id === undefined ? undefined : { for: 'place' };
  }

  /** Content on its way into the store. */
  reserve(bytes: number): void {
    this.#bytes += bytes;
  }

  /** What waits for one destination; it is gone from here. */
  drainOf(name: string): Lease[] {
    const destination = this.destinations.peek(name);
    if (destination === undefined) return [];
    const leases = [...destination.fresh.drain(), ...destination.claimed.drain()];
    for (const lease of leases) this.drop(lease);
    this.#waiting -= leases.length;
    return leases;
  }

  /** What waits of these messages; it is gone from here. */
  takeOut(ids: ReadonlySet<string>): Lease[] {
    const leases: Lease[] = [];
    for (const { waiting, fresh, claimed } of this.destinations.values())
      if (waiting > 0) leases.push(...fresh.takeOut(ids), ...claimed.takeOut(ids));
    for (const lease of leases) this.drop(lease);
    this.#waiting -= leases.length;
    return leases;
  }

  /** What waits for those; it is gone from here. The others are put in line anew: they may have more by now. */
  drainWhere(isIt: ((destination: string) => boolean) | undefined): Lease[] {
    return [...this.destinations.values()].flatMap((destination) => {
      if (isIt?.(destination.name)) return this.drainOf(destination.name);
      this.line(destination);
      return [];
    });
  }

  /** Everything that waits; it is gone from here. */
  drain(): Lease[] {
    const leases: Lease[] = [];
    for (const destination of this.destinations.values())
      leases.push(...destination.fresh.drain(), ...destination.claimed.drain());
    for (const lease of leases) this.drop(lease);
    this.#waiting = 0;
    return leases;
  }

  #next(line: Fifo<Destination>, name: Destination['listed'], now: number) {
    for (;;) {
      const destination = line.shift();
      if (destination === undefined) return undefined;
      if (destination.listed !== name) continue; // it stands in the other line by now
      destination.listed = 'none';
      // One whose window is full is put in line again when an attempt of its own ends.
      if (destination.mayStart(now) && this.#mayGo(destination, now)) return destination;
    }
  }

  /** One that has to wait for its rate is put in line again when the time comes. */
  #mayGo(destination: Destination, now: number): boolean {
    return this.#pace === undefined || destination.isDead(now) || this.#pace.allows(destination);
  }
}

const inMemory = ({ message }: Lease): number => message.content.bytes?.length ?? 0;
