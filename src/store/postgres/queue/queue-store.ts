// The queue on PostgreSQL, shared by all nodes. See ../../queue-store.ts for what it promises.

import type { Clock } from '../../../base/clock.ts';
import type { Quota } from '../../folder-store.ts';
import { freshLeases } from '../../fresh-leases.ts';
import { messageKey } from '../../message-key.ts';
import type { Turn } from '../../nodes.ts';
import type {
  EnqueuedWithRoom,
  Lease,
  NewMessage,
  QueuedMessage,
  QueueEntry,
  QueueStore,
  Settlement,
} from '../../queue-store.ts';
import { integer, text } from '../../row.ts';
import type { Spool } from '../../spool.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Database } from '../database.ts';
import type { Deliveries } from '../deliveries.ts';
import { roomTaken } from '../deliveries.ts';
import { Gathering } from '../gathering.ts';
import type { Signals } from '../signals.ts';
import { assertHeld } from '../turns.ts';
import { Effects } from './effects.ts';
import type { ClaimOptions } from './leasing.ts';
import { Leasing, queuedMessage, selectMessages } from './leasing.ts';
import { remembers } from './memory.ts';
import type { Entering } from './message-rows.ts';
import { enter, enteringBytesMax, enteringMax, weightOf } from './message-rows.ts';
import { OwnLeases } from './own-leases.ts';
import { QueueDesk } from './queue-desk.ts';
import { QueueSearch } from './queue-search.ts';
import { Ready } from './ready.ts';
import { Room } from './room.ts';
import { Settling } from './settling.ts';

/** Limit: how far in the future a retry may lie when a node starts: some clock may have been wrong. */
const recoveredDelayMsMax = 4 * 60 * 60_000;

export interface PostgresQueueStoreParts {
  readonly database: Database;
  readonly contents: ContentTable;
  readonly spool: Spool;
  readonly deliveries: Deliveries;
  readonly clock: Clock;
  readonly signals: Signals;
  /** Of this process: what it claims is claimed in its name. */
  readonly session: () => number;
  /** Whether nobody can have taken this process for dead. */
  readonly isHeard: () => boolean;
}

/** The first fence: a message that comes with its leases has been claimed once. */
const firstFence = 1;

export class PostgresQueueStore implements QueueStore {
  readonly leasing: Leasing;
  readonly #parts: PostgresQueueStoreParts;
  readonly #own = new OwnLeases();
  readonly #ready: Ready;
  readonly #entering: Gathering<Entering, boolean>;
  readonly #room: Room;
  readonly #settling: Settling;
  readonly #desk: QueueDesk;
  readonly #search: QueueSearch;

  constructor(parts: PostgresQueueStoreParts) {
    const { database, contents, clock, deliveries, session, signals } = parts;
    this.#parts = parts;
    const ready: Ready = new Ready({
      ...{ database, clock, signals },
      expire: (now) => this.leasing.expire(now),
    });
    const shared = { database, contents, clock, ready, own: this.#own, session };
    this.#ready = ready;
    this.leasing = new Leasing(shared);
    this.#room = new Room({ database, contents, deliveries });
    this.#settling = new Settling({ ...shared, effects: new Effects({ contents, deliveries }) });
    this.#desk = new QueueDesk(database, ready);
    this.#search = new QueueSearch(database);
    this.#entering = new Gathering({
      run: async (entering) => {
        const { added, due } = await enter(database, entering, contents);
        ready.add(due);
        return added;
      },
      ...{ itemsMax: enteringMax, weightMax: enteringBytesMax, weigh: weightOf },
      keyOf: ({ message }) => messageKey(message.id),
      batchesMax: 2,
      // The fuller a batch, the less each costs; but what would fill one does not wait for another.
      besideFrom: { items: enteringMax / 4, weight: enteringBytesMax / 8 },
    });
  }

  /** Before anything is asked of it, by a server: no clock that was wrong keeps mail waiting. */
  async recover(): Promise<void> {
    const latest = this.#parts.clock.now() + recoveredDelayMsMax;
    await this.#parts.database.run(
      `UPDATE recipient SET at = greatest($1::bigint, coalesce(release, 0))
       WHERE owner IS NULL AND at > greatest($1::bigint, coalesce(release, 0))`,
      [latest],
    );
    this.#ready.poll();
  }

  watch(listener: () => void): () => void {
    return this.#ready.watch(listener);
  }

  get isSure(): boolean {
    return this.#parts.isHeard();
  }

  isLost(lease: Lease): boolean {
    return this.#own.isLost(lease, this.#parts.session());
  }

  /** What a node that is gone had claimed is anybody's. */
  givenBack(): void {
    this.#ready.changed();
  }

  /** The database hears us again: what we hold may be attempted, or is known to be lost. */
  heard(): void {
    this.#ready.tell();
  }

  async enqueue(
    message: NewMessage,
    { leaseUntil, turn }: Parameters<QueueStore['enqueue']>[1],
  ): Promise<readonly Lease[]> {
    const { content } = message;
    const entering = { message, content, lease: this.#lease(leaseUntil) };
    const isNew = await this.#claiming(() =>
      turn === undefined && message.records === undefined
        ? this.#entering.add(entering)
        : this.#enterAlone(entering, turn),
    );
    if (!isNew) throw new Error(`the queue has a message ${message.id} already`);
    return entering.lease === undefined ? [] : this.#fresh(message, entering.lease);
  }

  /** By itself: who has lost his turn keeps nobody else's mail out. */
  async #enterAlone(entering: Entering, turn: Turn | undefined): Promise<boolean> {
    const { database, contents } = this.#parts;
    const { added, due } = await database.transaction(async (transaction) => {
      if (turn !== undefined) await assertHeld(transaction, turn);
      return enter(transaction, [entering], contents);
    });
    this.#ready.add(due);
    return added[0] === true;
  }

  async enqueueWithRoom(
    message: NewMessage,
    { leaseUntil, room }: Parameters<QueueStore['enqueueWithRoom']>[1],
  ): Promise<EnqueuedWithRoom> {
    const lease = this.#lease(leaseUntil);
    const { full, chosen, due } = await this.#claiming(() =>
      this.#room.enqueue(message, room, lease),
    );
    this.#ready.add(due);
    const queued = [...chosen.keys()];
    if (lease === undefined || queued.length === 0) return { leases: [], full, queued };
    const roomOf = new Map([...chosen].map(([index, need]) => [index, need?.account ?? '']));
    return { leases: this.#fresh(message, lease, roomOf), full, queued };
  }

  takeRoom(
    id: string,
    index: number,
    ask: Parameters<QueueStore['takeRoom']>[2],
  ): Promise<boolean> {
    return this.#room.take(id, index, ask);
  }

  roomTaken(account: string): Promise<Quota> {
    return roomTaken(this.#parts.database, account);
  }

  claim(options: ClaimOptions): Promise<readonly Lease[]> {
    return this.leasing.claim(options);
  }

  settle(settlement: Settlement): Promise<boolean> {
    return this.#settling.settle(settlement);
  }

  remembered(account: string, key: string): Promise<boolean> {
    return remembers(this.#parts.database, account, key, this.#parts.clock.now());
  }

  release(leases: readonly Lease[]): Promise<void> {
    return this.leasing.release(leases);
  }

  async nextDue(skip: ReadonlySet<string>): Promise<number | undefined> {
    const due = (await this.#ready.schedule()).next(skip);
    const expiry = this.#own.nextExpiry();
    if (due === undefined || expiry === undefined) return due ?? expiry;
    return Math.min(due, expiry);
  }

  search(...asked: Parameters<QueueStore['search']>): ReturnType<QueueStore['search']> {
    return this.#search.search(...asked);
  }

  totals(...asked: Parameters<QueueStore['totals']>): ReturnType<QueueStore['totals']> {
    return this.#search.totals(...asked);
  }

  backlogs(): ReturnType<QueueStore['backlogs']> {
    return this.#search.backlogs();
  }

  backlogTimes(destinations: readonly string[]): ReturnType<QueueStore['backlogTimes']> {
    return this.#search.backlogTimes(destinations);
  }

  get(id: string): Promise<QueueEntry | undefined> {
    return this.#search.get(id);
  }

  async open(id: string): Promise<QueuedMessage | undefined> {
    const [row] = await this.#parts.database.rows(
      `${selectMessages} WHERE m.key = $1 AND m.id = $2
       AND EXISTS (SELECT FROM recipient r WHERE r.message = m.key)`,
      [messageKey(id), id],
    );
    return row && queuedMessage(row, this.#parts.contents);
  }

  async recipientCount(): Promise<number> {
    const [row] = await this.#parts.database.rows('SELECT count(*) AS n FROM recipient');
    return integer(row?.n);
  }

  async newest(): Promise<string | undefined> {
    const sql = 'SELECT id FROM message ORDER BY key DESC LIMIT 1';
    const [row] = await this.#parts.database.rows(sql);
    return row && text(row.id);
  }

  retry(ids: readonly string[] | undefined, now: number): Promise<number> {
    return this.#desk.retry(ids, now);
  }

  hold(ids: readonly string[]): Promise<number> {
    return this.#desk.hold(ids);
  }

  unhold(ids: readonly string[], now: number): Promise<number> {
    return this.#desk.unhold(ids, now);
  }

  take(id: string, options: { now: number; leaseMs: number }): Promise<readonly Lease[]> {
    return this.leasing.take(id, options);
  }

  rerouteSome(...asked: Parameters<QueueStore['rerouteSome']>): Promise<number> {
    return this.#desk.rerouteSome(...asked);
  }

  reroute(...asked: Parameters<QueueStore['reroute']>): Promise<number> {
    return this.#desk.reroute(...asked);
  }

  /** What processes that ended left behind; any node may, at any time. */
  async sweep(): Promise<void> {
    await this.#settling.sweep();
  }

  /** What we claimed without learning of it; to be asked no more often than a statement may take. */
  giveBackMissed(): Promise<void> {
    return this.leasing.giveBackMissed();
  }

  /** Everything asked for is answered first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ready.stop();
    await this.#entering.idle();
    await this.#settling.idle();
  }

  #lease(until: number | undefined): Entering['lease'] {
    return until === undefined ? undefined : { owner: this.#parts.session(), until };
  }

  #claiming<T>(claim: () => Promise<T>): Promise<T> {
    return this.#own.claiming(claim, () => this.#parts.clock.now());
  }

  #fresh(
    message: NewMessage,
    { owner, until }: NonNullable<Entering['lease']>,
    roomOf?: ReadonlyMap<number, string>,
  ) {
    const leases = freshLeases(message, {
      content: this.#parts.spool.open(message.content),
      ...{ fence: firstFence, expires: until, ...(roomOf && { roomOf }) },
    });
    this.#own.add(leases, owner);
    return leases;
  }
}
