// A queue that several nodes share, told in the simplest way: rows in memory, and the statements that nodes make, each of
// which happens as a whole. What store/postgres/ says in SQL of sessions, fences and leases is said here again, so that
// what nodes do with it can be simulated. Local deliveries, effects and searches are not.

import assert from 'node:assert/strict';
import type { Joined, NodeStanding } from '../../src/store/postgres/nodes.ts';
import type {
  LeasedRecipient,
  NewMessage,
  QueueStore,
  Settlement,
} from '../../src/store/queue-store.ts';

type ClaimOptions = Parameters<QueueStore['claim']>[0];

export interface SharedRow {
  readonly message: NewMessage;
  readonly index: number;
  at: number;
  owner: number | undefined;
  fence: number;
  attempts: number;
}

interface NodeRow {
  readonly number: number;
  session: number | undefined;
  seen: number;
}

export interface ClaimedRow {
  readonly message: NewMessage;
  readonly recipient: LeasedRecipient;
}

export class SharedQueue {
  readonly #rows = new Map<string, SharedRow>();
  readonly #nodes = new Map<string, NodeRow>();
  readonly #now: () => number;
  #sessions = 0;
  /** A session loses a row that it had claimed. */
  onTaken: (row: SharedRow, session: number) => void = () => {};
  /** A session has recorded what became of a row. */
  onSettled: (row: SharedRow, session: number) => void = () => {};

  /** `now`: of the database. */
  constructor(now: () => number) {
    this.#now = now;
  }

  get rows(): readonly SharedRow[] {
    return [...this.#rows.values()];
  }

  join(name: string, clock: number): Joined {
    const known = this.#nodes.get(name);
    const number = known?.number ?? this.#nodes.size + 1;
    this.#sessions += 1;
    this.#nodes.set(name, { number, session: this.#sessions, seen: this.#now() });
    const before = known?.session;
    const given = before === undefined ? 0 : this.#giveBack(({ owner }) => owner === before, clock);
    return { number, session: this.#sessions, given };
  }

  beat(session: number): 'heard' | 'gone' {
    const node = [...this.#nodes.values()].find((one) => one.session === session);
    if (node === undefined) return 'gone';
    node.seen = this.#now();
    return 'heard';
  }

  standing(name: string): NodeStanding {
    const node = this.#nodes.get(name);
    if (node === undefined) return 'removed';
    return node.session === undefined ? 'free' : 'taken';
  }

  bury(timeoutMs: number, clock: number) {
    const dead = [...this.#nodes].filter(
      ([, { session, seen }]) => session !== undefined && seen < this.#now() - timeoutMs,
    );
    return dead.map(([node, row]) => {
      const { session } = row;
      row.session = undefined;
      return { node, recipients: this.#giveBack(({ owner }) => owner === session, clock) };
    });
  }

  giveBackOrphans(clock: number): void {
    const alive = new Set([...this.#nodes.values()].map(({ session }) => session));
    this.#giveBack(({ owner }) => !alive.has(owner), clock);
  }

  /** By the clock of whoever looks. */
  expire(clock: number): void {
    this.#giveBack(({ at }) => at <= clock, clock);
  }

  enqueue(message: NewMessage, lease: { owner: number; until: number } | undefined): void {
    for (const [index] of message.recipients.entries()) {
      const name = nameOf(message.id, index);
      assert.ok(!this.#rows.has(name), 'an id is used once');
      this.#rows.set(name, {
        ...{ message, index, at: lease?.until ?? message.received, owner: lease?.owner },
        ...{ fence: lease === undefined ? 0 : 1, attempts: lease === undefined ? 0 : 1 },
      });
    }
  }

  claim(options: ClaimOptions, session: number): readonly ClaimedRow[] {
    const { now, limit, perDestination, skip, leaseMs } = options;
    const counts = new Map<string, number>();
    const claimed: ClaimedRow[] = [];
    for (const row of this.rows.toSorted((a, b) => a.at - b.at)) {
      const { destination } = destinationOf(row);
      const count = counts.get(destination) ?? 0;
      const isDue = row.owner === undefined && row.at <= now && !skip.has(destination);
      if (!isDue || count >= perDestination || claimed.length >= limit) continue;
      counts.set(destination, count + 1);
      row.owner = session;
      row.at = now + leaseMs;
      row.fence += 1;
      row.attempts += 1;
      claimed.push({ message: row.message, recipient: leasedOf(row) });
    }
    return claimed;
  }

  nextDue(skip: ReadonlySet<string>): number | undefined {
    const dues = this.rows
      .filter((row) => row.owner === undefined && !skip.has(destinationOf(row).destination))
      .map(({ at }) => at);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  /** As a whole, under the fences it was claimed with, and only while its session has them. */
  settle({ message, outcomes, effects }: Settlement, session: number): boolean {
    assert.deepEqual(effects, [], 'nothing follows from deliveries here');
    const mine = outcomes.map((one) => ({
      ...one,
      row: this.#rows.get(nameOf(message, one.index)),
    }));
    if (!mine.every(({ row, fence }) => row?.owner === session && row.fence === fence))
      return false;
    for (const { row, outcome } of mine) {
      this.onSettled(row!, session);
      if (!('until' in outcome)) this.#rows.delete(nameOf(message, row!.index));
      else Object.assign(row!, { owner: undefined, at: outcome.until });
    }
    return true;
  }

  release(held: readonly HeldRow[], session: number, clock: number): void {
    for (const { id, index, fence } of held) {
      const row = this.#rows.get(nameOf(id, index));
      if (row?.owner === session && row.fence === fence)
        this.#giveBack((one) => one === row, clock);
    }
  }

  ofSession(session: number): readonly HeldRow[] {
    return this.rows
      .filter(({ owner }) => owner === session)
      .map(({ message: { id }, index, fence }) => ({ id, index, fence }));
  }

  #giveBack(which: (row: SharedRow) => boolean, clock: number): number {
    const given = this.rows.filter((row) => row.owner !== undefined && which(row));
    for (const row of given) {
      this.onTaken(row, row.owner!);
      row.owner = undefined;
      row.at = clock;
    }
    return given.length;
  }
}

export interface HeldRow {
  readonly id: string;
  readonly index: number;
  readonly fence: number;
}

const nameOf = (id: string, index: number): string => `${id} ${index}`;

const destinationOf = ({ message, index }: SharedRow) => message.recipients[index]!;

function leasedOf(row: SharedRow): LeasedRecipient {
  const { index, fence, attempts: attempt } = row;
  return { ...destinationOf(row), ...{ index, fence, attempt, warned: false } };
}
