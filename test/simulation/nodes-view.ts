// What one node of the simulation sees of the shared queue: a QueueStore whose every statement goes over its line, with
// those parts of store/postgres/ in their places that are not SQL: what a node knows of its own leases, and its life
// among others.

import { silentLog } from '../../src/base/log.ts';
import { memoryContent } from '../../src/store/content.ts';
import { freshLeases } from '../../src/store/fresh-leases.ts';
import { messageKey } from '../../src/store/message-key.ts';
import { alone } from '../../src/store/nodes.ts';
import { PostgresNodes } from '../../src/store/postgres/nodes.ts';
import { OwnLeases } from '../../src/store/postgres/queue/own-leases.ts';
import type {
  Lease,
  LeasedRecipient,
  NewMessage,
  QueueStore,
  Settlement,
} from '../../src/store/queue-store.ts';
import type { NodeProcess } from './node-process.ts';
import type { ClaimedRow, HeldRow, SharedQueue } from './shared-queue.ts';

// As in store/postgres/, but for how often the database is asked: simulated time costs time.
const patienceMs = 35_000;
const pollMs = 10_000;
const lookMs = 15_000;
export const nodeTimeoutMs = 60_000;

export interface NodeView {
  readonly nodes: PostgresNodes;
  readonly queue: QueueStore;
  start(): Promise<void>;
}

export interface NodeViewParts {
  readonly shared: SharedQueue;
  readonly process: NodeProcess;
  readonly name: string;
  /** Another process has its name. */
  readonly onReplaced: () => void;
}

export function viewOf({ shared, process, name, onReplaced }: NodeViewParts): NodeView {
  const ask = <T>(statement: () => T, patience = patienceMs) => process.ask(statement, patience);
  const notAsked = async () => {
    throw new Error('no operator is here');
  };
  const queue = new NodeQueue(process, shared, () => nodes.session);
  const nodes: PostgresNodes = new PostgresNodes({
    table: {
      join: (as) => ask(() => shared.join(as, process.now())),
      beat: (session) => ask(() => shared.beat(session), nodeTimeoutMs / 4),
      standing: (of) => ask(() => shared.standing(of)),
      // What one runner does to a destination is not divided here.
      others: async () => [],
      bury: () => ask(() => shared.bury(nodeTimeoutMs, process.now())),
      ...{ visit: notAsked, leave: notAsked, list: notAsked, drain: notAsked, remove: notAsked },
    },
    ...{ clock: process, log: silentLog, name, timeoutMs: nodeTimeoutMs, onReplaced },
    turns: () => notAsked,
    holdings: () => alone.holdings,
    signals: { send: () => {}, listen: () => () => {} },
    tellOthers: () => {},
    giveBackOrphans: () => ask(() => shared.giveBackOrphans(process.now())),
    onHeard: () => queue.tell(),
  });
  queue.isHeard = () => nodes.isHeard;
  return {
    ...{ nodes, queue: queue as unknown as QueueStore },
    async start() {
      await nodes.join();
      queue.poll();
    },
  };
}

/** As much of a QueueStore as a runner asks for. */
class NodeQueue {
  isHeard = () => true;
  readonly #process: NodeProcess;
  readonly #shared: SharedQueue;
  readonly #session: () => number;
  readonly #own = new OwnLeases();
  readonly #listeners = new Set<() => void>();

  constructor(process: NodeProcess, shared: SharedQueue, session: () => number) {
    this.#process = process;
    this.#shared = shared;
    this.#session = session;
  }

  get isSure(): boolean {
    return this.isHeard();
  }

  isLost(lease: Lease): boolean {
    return this.#own.isLost(lease, this.#session());
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  poll(): void {
    this.#every(pollMs, async () => {
      const due = await this.#ask(() => {
        this.#shared.expire(this.#process.now());
        return this.#shared.nextDue(new Set());
      });
      if (due !== undefined && due <= this.#process.now()) this.tell();
    });
    this.#every(lookMs, () => this.#giveBackMissed());
  }

  async enqueue(message: NewMessage, { leaseUntil }: { leaseUntil: number | undefined }) {
    const owner = this.#session();
    const lease = leaseUntil === undefined ? undefined : { owner, until: leaseUntil };
    await this.#claiming(() => this.#ask(() => this.#shared.enqueue(message, lease)));
    if (leaseUntil === undefined) return [];
    const leases = freshLeases(message, {
      ...{ content: contentOf(message), fence: 1, expires: leaseUntil },
    });
    this.#own.add(leases, owner);
    return leases;
  }

  claim(options: Parameters<QueueStore['claim']>[0]): Promise<readonly Lease[]> {
    const { now, leaseMs } = options;
    const session = this.#session();
    return this.#claiming(async () => {
      if (this.#own.expire(now)) await this.#ask(() => this.#shared.expire(now));
      const rows = await this.#ask(() => this.#shared.claim(options, session));
      const leases = leasesOf(rows, now + leaseMs);
      this.#own.add(leases, session);
      return leases;
    });
  }

  async settle(settlement: Settlement): Promise<boolean> {
    const session = this.#session();
    const isSettled = await this.#ask(() => this.#shared.settle(settlement, session));
    this.#own.drop(settlement.message, settlement.outcomes.length);
    return isSettled;
  }

  async release(leases: readonly Lease[]): Promise<void> {
    await this.#release(
      leases.flatMap(({ message: { id }, recipients }) =>
        recipients.map(({ index, fence }) => ({ id, index, fence })),
      ),
    );
    for (const { message, recipients } of leases) this.#own.drop(message.id, recipients.length);
  }

  async nextDue(skip: ReadonlySet<string>): Promise<number | undefined> {
    const due = await this.#ask(() => this.#shared.nextDue(skip));
    const expiry = this.#own.nextExpiry();
    return due === undefined || expiry === undefined ? (due ?? expiry) : Math.min(due, expiry);
  }

  async #giveBackMissed(): Promise<void> {
    if (!this.#own.isInDoubt) return;
    const [session, askedAt] = [this.#session(), this.#process.now()];
    const rows = await this.#ask(() => this.#shared.ofSession(session));
    const claimed = rows.map((row) => ({ ...row, message: messageKey(row.id) }));
    const missed = this.#own.missed(claimed, { session, askedAt });
    if (missed.length > 0) await this.#release(missed);
  }

  async #release(held: readonly HeldRow[]): Promise<void> {
    const session = this.#session();
    await this.#ask(() => this.#shared.release(held, session, this.#process.now()));
  }

  #claiming<T>(claim: () => Promise<T>): Promise<T> {
    return this.#own.claiming(claim, () => this.#process.now());
  }

  #ask<T>(statement: () => T): Promise<T> {
    return this.#process.ask(statement, patienceMs);
  }

  #every(ms: number, work: () => Promise<void>): void {
    this.#process.after(ms, () => {
      const again = () => this.#every(ms, work);
      work().then(again, again);
    });
  }
}

const contentOf = ({ content }: NewMessage) =>
  memoryContent(content.kind === 'inline' ? content.bytes : new Uint8Array());

/** One for each message and destination. */
function leasesOf(rows: readonly ClaimedRow[], expires: number): readonly Lease[] {
  const units = new Map<string, { message: NewMessage; recipients: LeasedRecipient[] }>();
  for (const { message, recipient } of rows) {
    const unit = `${message.id} ${recipient.destination}`;
    const { recipients } = units.get(unit) ?? { recipients: [] };
    units.set(unit, { message, recipients: [...recipients, recipient] });
  }
  return [...units.values()].map(({ message, recipients }) => {
    const { id, received, sender, params, prefix, origin } = message;
    return {
      message: { ...{ id, received, sender, params, prefix, origin }, content: contentOf(message) },
      ...{ destination: recipients[0]!.destination, recipients, expires },
    };
  });
}
