// The queue with a journal in front of it. A message that is relayed at once is written to the journal
// only, and gone from it when it is delivered; the store behind never hears of it. Whatever lives
// longer, or concerns anybody else, is saved into the store first, under the lease it has; from then
// on the store does everything.

import type { Clock } from '../../../base/clock.ts';
import { TransientMap } from '../../../base/transient-map.ts';
import { memoryContent } from '../../content.ts';
import type { Quota } from '../../folder-store.ts';
import { freshLeases } from '../../fresh-leases.ts';
import { isFound, recipientsFound } from '../../queue-filter.ts';
import type { BacklogTimes, QueueBacklog, QueueFilter, QueueTotals } from '../../queue-search.ts';
import type {
  EnqueuedWithRoom,
  Lease,
  NewMessage,
  QueuedMessage,
  QueueEntry,
  QueueFound,
  QueueStore,
  Settlement,
} from '../../queue-store.ts';
import type { AdoptingStore } from './adopting-store.ts';
import type { Journal, JournalOwner } from './journal.ts';
import type { Live } from './live.ts';
import { allOf, entryOf, greatestId, queuedOf, withEntries, withinPage } from './live.ts';
import type { JournaledMessage } from './record.ts';
import type { Segment } from './segments.ts';
import type { ContentFiles } from './small-content.ts';
import { isSmall, withSmallContent } from './small-content.ts';

export interface JournaledQueueStoreParts {
  readonly store: AdoptingStore;
  readonly journal: Journal;
  readonly spool: ContentFiles;
  readonly clock: Clock;
  /** What the last process left there, where nothing can be saved. */
  readonly left?: readonly Live[];
}

// What lives longer than this is saved: the journal is for what is gone in a moment.
const savedAfterMs = 5000;
const sweepMs = 1000;
// Limit: recipients of one message in the journal.
const recipientsMax = 1000;
// Where mail was deferred a moment ago, what follows will be, too, and go to the store anyway.
const troubledMs = 5000;
const troubledMax = 1000;
// A store that could not save is asked again no sooner.
const saveAgainMs = 1000;

export class JournaledQueueStore implements QueueStore, JournalOwner {
  readonly #store: AdoptingStore;
  readonly #journal: Journal;
  readonly #spool: ContentFiles;
  readonly #clock: Clock;
  /** In the order of their coming. */
  readonly #live = new TransientMap<string, Live>();
  /** Destinations that deferred mail, until when the journal is not for them. */
  readonly #troubled = new Map<string, number>();
  #fences = 0;
  /** No lease expires before this. */
  #nextExpiry = Number.POSITIVE_INFINITY;
  #cancelSweep: (() => void) | undefined;
  #saveAgainAt = 0;
  #closed = false;

  constructor({ store, journal, spool, clock, left = [] }: JournaledQueueStoreParts) {
    this.#store = store;
    this.#spool = spool;
    this.#journal = journal;
    this.#clock = clock;
    for (const one of left) this.#live.set(one.message.id, one);
    journal.own(this);
  }

  async enqueue(
    message: NewMessage,
    options: { leaseUntil: number | undefined },
  ): Promise<readonly Lease[]> {
    const { leaseUntil } = options;
    if (this.#live.has(message.id)) throw new Error(`${message.id} is queued already`);
    const written =
      leaseUntil !== undefined && !this.#closed && this.#isForJournal(message)
        ? this.#journal.append(message)
        : undefined;
    if (leaseUntil === undefined || written === undefined)
      return withSmallContent(message, this.#spool, (one) => this.#store.enqueue(one, options));
    const segment = await written;
    this.#fences -= 1; // never one of the store's
    const journaled = message as JournaledMessage;
    this.#live.set(message.id, {
      ...{ message: journaled, fence: this.#fences, since: this.#clock.now(), segment },
      ...{ expires: leaseUntil, left: allOf(message), saving: undefined },
    });
    this.#nextExpiry = Math.min(this.#nextExpiry, leaseUntil);
    this.#sweepLater();
    const content = memoryContent(journaled.content.bytes);
    return freshLeases(message, { content, fence: this.#fences, expires: leaseUntil });
  }

  /** Mailboxes are the store's: what needs room in one is no mail for the journal. */
  async enqueueWithRoom(
    message: NewMessage,
    options: Parameters<QueueStore['enqueueWithRoom']>[1],
  ): Promise<EnqueuedWithRoom> {
    return withSmallContent(message, this.#spool, async (one) => {
      const enqueued = await this.#store.enqueueWithRoom(one, options);
      const { content } = one;
      // Nothing refers to the file that was made of content too large for a row.
      if (enqueued.queued.length === 0 && content.kind === 'file' && content !== message.content)
        await this.#spool.remove(content.key);
      return enqueued;
    });
  }

  takeRoom(...args: Parameters<QueueStore['takeRoom']>): Promise<boolean> {
    return this.#store.takeRoom(...args);
  }

  roomTaken(account: string): Promise<Quota> {
    return this.#store.roomTaken(account);
  }

  async settle(settlement: Settlement): Promise<boolean> {
    let live = this.#live.get(settlement.message);
    // Again and again: when it fails, somebody else may begin anew before we come to it.
    while (live?.saving !== undefined) {
      await live.saving.catch(() => {});
      live = this.#live.get(settlement.message);
    }
    if (live === undefined) return this.#store.settle(settlement);
    const { outcomes, effects } = settlement;
    for (const { index, fence } of outcomes)
      if (fence !== live.fence || !live.left.has(index)) return false;
    const isFinal = outcomes.every(
      ({ outcome }) => outcome.kind === 'delivered' || outcome.kind === 'failed',
    );
    // A journal that has failed cannot be told of anything: after a crash its files would bring back what was delivered.
    if (!isFinal || effects.length > 0 || !this.#journal.isOpen) {
      if (!isFinal) this.#noticeTrouble(live, outcomes[0]?.index ?? 0);
      // Both in one transaction, as a rule; the second counts only if the first did.
      const saved = this.#save(live);
      if (!isSmall(live.message)) await saved;
      const settled = this.#store.settle(settlement);
      const [first] = await Promise.allSettled([saved, settled]);
      if (first.status === 'rejected') throw first.reason;
      return settled;
    }
    const done = outcomes.map(({ index }) => index);
    const left = new Set(live.left);
    for (const index of done) left.delete(index);
    live.left = left;
    if (left.size === 0) this.#forget(live);
    else this.#journal.done(live.message.id, done);
    return true;
  }

  remembered(account: string, key: string): Promise<boolean> {
    return this.#store.remembered(account, key);
  }

  async claim(options: Parameters<QueueStore['claim']>[0]): Promise<readonly Lease[]> {
    if (options.now >= this.#nextExpiry) await this.#saveExpired(options.now);
    return this.#store.claim(options);
  }

  async release(leases: readonly Lease[]): Promise<void> {
    await this.#saveIds(leases.map(({ message }) => message.id));
    await this.#store.release(leases);
  }

  async nextDue(skip: ReadonlySet<string>): Promise<number | undefined> {
    const due = await this.#store.nextDue(skip);
    if (this.#live.size === 0) return due;
    return Math.min(this.#nextExpiry, due ?? Number.POSITIVE_INFINITY);
  }

  get isSure(): boolean {
    return this.#store.isSure;
  }

  isLost(lease: Lease): boolean {
    return this.#store.isLost(lease);
  }

  watch(listener: () => void): () => void {
    return this.#store.watch(listener);
  }

  async search(
    filter: QueueFilter,
    page: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<QueueFound> {
    // Looked at first: what the store takes over meanwhile is seen there, or here.
    const here = this.#entries().filter((entry) => isFound(entry, filter));
    return withinPage(await this.#store.search(filter, page), here, page);
  }

  async totals(...[filter, options]: Parameters<QueueStore['totals']>): Promise<QueueTotals> {
    const stored = await this.#store.totals(filter, options);
    const found = this.#entries().map((entry) => ({
      ...entry,
      recipients: recipientsFound(entry, filter),
    }));
    return withEntries(
      stored,
      found.filter(({ recipients }) => recipients.length > 0),
    );
  }

  async recipientCount(): Promise<number> {
    const stored = await this.#store.recipientCount();
    return this.#entries().reduce((sum, { recipients }) => sum + recipients.length, stored);
  }

  #entries(): readonly QueueEntry[] {
    return Array.from(this.#live.values(), entryOf);
  }

  /** What is in the journal is under way; whoever runs the queue counts it. */
  backlogs(): Promise<readonly QueueBacklog[]> {
    return this.#store.backlogs();
  }

  backlogTimes(destinations: readonly string[]): Promise<readonly BacklogTimes[]> {
    return this.#store.backlogTimes(destinations);
  }

  async get(id: string): Promise<QueueEntry | undefined> {
    const live = this.#live.get(id);
    return live === undefined ? this.#store.get(id) : entryOf(live);
  }

  async open(id: string): Promise<QueuedMessage | undefined> {
    const live = this.#live.get(id);
    return live === undefined ? this.#store.open(id) : queuedOf(live);
  }

  async newest(): Promise<string | undefined> {
    const stored = await this.#store.newest();
    return greatestId(stored === undefined ? this.#live.keys() : [stored, ...this.#live.keys()]);
  }

  /** What is in the journal is in the store when it resolves. @throws StorageError */
  saveAll(): Promise<void> {
    return this.#saveEach([...this.#live.values()]);
  }

  async retry(ids: readonly string[] | undefined, now: number): Promise<number> {
    await (ids === undefined ? this.saveAll() : this.#saveIds(ids));
    return this.#store.retry(ids, now);
  }

  async hold(ids: readonly string[]): Promise<number> {
    await this.#saveIds(ids);
    return this.#store.hold(ids);
  }

  async unhold(ids: readonly string[], now: number): Promise<number> {
    await this.#saveIds(ids);
    return this.#store.unhold(ids, now);
  }

  async take(id: string, options: { now: number; leaseMs: number }): Promise<readonly Lease[]> {
    await this.#saveIds([id]);
    return this.#store.take(id, options);
  }

  async rerouteSome(...[ids, wayOf]: Parameters<QueueStore['rerouteSome']>): Promise<number> {
    await this.#saveIds(ids);
    return this.#store.rerouteSome(ids, wayOf);
  }

  async reroute(wayOf: Parameters<QueueStore['reroute']>[0]): Promise<number> {
    await this.saveAll();
    return this.#store.reroute(wayOf);
  }

  onCrowded(segment: Segment): void {
    if (this.#clock.now() < this.#saveAgainAt) return;
    const there = [...this.#live.values()].filter((live) => live.segment === segment);
    this.#saveEach(there).catch(() => this.#notSaved());
  }

  onFailure(): void {
    if (this.#closed) return;
    this.saveAll().then(
      () => this.#journal.begin(),
      () => {
        this.#notSaved();
        this.#clock.after(saveAgainMs, () => this.onFailure());
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelSweep?.();
    await this.#journal.settled();
    await this.saveAll().catch(() => {});
    await this.#journal.close({ empty: this.#live.size === 0 });
  }

  /** What stays here goes where its mailboxes are; long lists, and records, are better off there, too. */
  #isForJournal(message: NewMessage): message is JournaledMessage {
    const { content, recipients, records } = message;
    if (content.kind !== 'inline' || recipients.length > recipientsMax || records) return false;
    for (const { delivery, destination } of recipients) {
      if (delivery === 'local') return false;
      const until = this.#troubled.size === 0 ? undefined : this.#troubled.get(destination);
      if (until === undefined) continue;
      if (until > this.#clock.now()) return false;
      this.#troubled.delete(destination);
    }
    return true;
  }

  #noticeTrouble({ message }: Live, index: number): void {
    const destination = message.recipients[index]?.destination;
    if (destination === undefined) return;
    if (this.#troubled.size >= troubledMax) this.#troubled.clear();
    this.#troubled.set(destination, this.#clock.now() + troubledMs);
  }

  /** It is done with, or the store has it. */
  #forget({ message, segment }: Live): void {
    this.#live.delete(message.id);
    this.#journal.done(message.id);
    segment.live -= 1;
    if (segment.live === 0) this.#journal.noticeRoom();
  }

  /** @throws StorageError: then it is in the journal as before */
  #save(live: Live): Promise<void> {
    live.saving ??= this.#move(live).finally(() => {
      live.saving = undefined;
    });
    return live.saving;
  }

  async #move(live: Live): Promise<void> {
    const { message, fence, expires } = live;
    const lease = { fence, expires };
    await withSmallContent(message, this.#spool, (one) =>
      this.#store.adopt(one, { indexes: [...live.left], lease, due: message.received }),
    );
    this.#forget(live);
  }

  async #saveEach(lives: readonly Live[]): Promise<void> {
    if (lives.length === 0) return;
    const results = await Promise.allSettled(lives.map((live) => this.#save(live)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  #saveIds(ids: readonly string[]): Promise<void> {
    const lives: Live[] = [];
    for (const id of ids) {
      const live = this.#live.get(id);
      if (live !== undefined) lives.push(live);
    }
    return this.#saveEach(lives);
  }

  /** So that the store passes their recipients on. */
  async #saveExpired(now: number): Promise<void> {
    await this.#saveEach([...this.#live.values()].filter(({ expires }) => expires <= now));
    this.#nextExpiry = Number.POSITIVE_INFINITY;
    for (const { expires } of this.#live.values())
      this.#nextExpiry = Math.min(this.#nextExpiry, expires);
  }

  #sweepLater(): void {
    this.#cancelSweep ??= this.#clock.after(sweepMs, () => {
      this.#cancelSweep = undefined;
      this.#sweep();
    });
  }

  #sweep(): void {
    if (this.#closed || this.#live.size === 0) return;
    const now = this.#clock.now();
    this.#sweepLater();
    if (now < this.#saveAgainAt) return;
    const old: Live[] = [];
    for (const live of this.#live.values()) {
      if (live.since + savedAfterMs > now) break;
      old.push(live);
    }
    this.#saveEach(old).catch(() => this.#notSaved());
  }

  /** There is no room, which the store has said: they stay where they are for now. */
  #notSaved(): void {
    this.#saveAgainAt = this.#clock.now() + saveAgainMs;
  }
}
