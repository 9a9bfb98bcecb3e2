// Leases that wait for one destination: first in, first out, but that each level of priority (RFC 6710)
// counts like so much waiting. Mail that asks for nothing, which is nearly all, costs what a line costs.

import { requestsOf } from '../../smtp/envelope-requests.ts';
import type { Lease } from '../../store/queue-store.ts';
import { priorityLevelMs } from '../../store/queue-store.ts';
import { Fifo } from './fifo.ts';

export interface Turn {
  readonly priority: number;
  /** Since when it has waited, by the measure of its level; milliseconds since 1970. */
  readonly since: number;
}

export class LeaseLine {
  readonly #usual = new Fifo<Lease>();
  /** Of the other levels, those that were needed. */
  #others: Map<number, Fifo<Lease>> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What is to be known of the lease that comes next. */
  get next(): Turn | undefined {
    return this.#next();
  }

  /** Whether something of the message waits here. */
  has(id: string): boolean {
    return this.#lines().some((line) => line.some(({ message }) => message.id === id));
  }

  push(lease: Lease): void {
    const { priority } = requestsOf(lease.message);
    this.#length += 1;
    this.#level(priority).push(lease);
  }

  shift(): Lease | undefined {
    const next = this.#next();
    if (next === undefined) return undefined;
    this.#length -= 1;
    return next.line.shift();
  }

  /** What waits of these messages; it is gone from here. */
  takeOut(ids: ReadonlySet<string>): Lease[] {
    const isIt = ({ message }: Lease) => ids.has(message.id);
    const taken = this.#lines().flatMap((line) => line.takeOut(isIt));
    this.#length -= taken.length;
    return taken;
  }

  /** Everything; the line is empty then. */
  drain(): Lease[] {
    this.#length = 0;
    return this.#lines().flatMap((line) => line.drain());
  }

  #lines(): Fifo<Lease>[] {
    return [this.#usual, ...(this.#others?.values() ?? [])];
  }

  #level(priority: number): Fifo<Lease> {
    if (priority === 0) return this.#usual;
    this.#others ??= new Map();
    const level = this.#others.get(priority) ?? new Fifo<Lease>();
    this.#others.set(priority, level);
    return level;
  }

  /** The level whose first lease has waited longest by that measure. */
  #next(): (Turn & { readonly line: Fifo<Lease> }) | undefined {
    let found = turnOf(this.#usual, 0);
    if (this.#others === undefined) return found;
    for (const [priority, line] of this.#others) {
      const turn = turnOf(line, priority);
      if (found === undefined || (turn !== undefined && turn.since < found.since)) found = turn;
    }
    return found;
  }
}

function turnOf(line: Fifo<Lease>, priority: number) {
  const received = line.peek()?.message.received;
  return received === undefined
    ? undefined
    : { line, priority, since: received - priority * priorityLevelMs };
}
