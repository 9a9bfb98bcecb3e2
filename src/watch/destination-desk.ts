// Destinations as an operator sees them: what waits in the store, how it goes at present, what the last attempt came
// to; and what is done about them. A hold is kept as a record and outlives the server. What is done at one node is done
// at all that share the store, and what one of them knows is shown by all.

import { BoundedMap } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import { destinationText } from '../queue/destination-text.ts';
import type {
  DestinationDesk,
  DestinationFacts,
  DestinationsAsked,
  LastAttempt,
  LastSecurity,
} from '../queue/line/destination-facts.ts';
import type { Waiting } from '../queue/line/waiting.ts';
import type { QueueRunner } from '../queue/runner.ts';
import type { TlsSession } from '../report/tls-session.ts';
import { allRecords } from '../store/all-records.ts';
import type { HistoryEvent } from '../store/history.ts';
import type { QueueStore } from '../store/queue-store.ts';
import type { RecordStore } from '../store/record-store.ts';
import { DestinationNews, type Seen } from './destination-news.ts';

export interface DestinationsParts {
  readonly store: Pick<QueueStore, 'backlogs' | 'backlogTimes' | 'search' | 'retry'>;
  readonly runner: Pick<
    QueueRunner,
    'destinations' | 'waiting' | 'hold' | 'release' | 'forgive' | 'facts'
  >;
  readonly records: RecordStore;
  readonly clock: Clock;
  /** Which of those that share the store this one is; 0 when it is alone. */
  readonly node?: number | undefined;
}

const kind = 'destination-hold';
const forgivenKind = 'destination-forgiven';
/** By then every node has heard of it. */
const forgivenMs = 60_000;
/** What other nodes hold is read again so long after it could not be. */
const againMs = 1000;
const policies = { tlsa: 'dane', sts: 'mta-sts', 'no-policy-found': 'none' } as const;
/** Limit: destinations whose last attempt is remembered; those forgiven at other nodes in a minute that are heard of. */
const rememberedMax = 5000;
const forgivenMax = 1000;
/** Limit: messages that are made due in one step. */
const stepMax = 500;

export class Destinations implements DestinationDesk {
  readonly #parts: DestinationsParts;
  readonly #last = new BoundedMap<string, LastAttempt>(rememberedMax);
  readonly #security = new BoundedMap<string, LastSecurity>(rememberedMax);
  #held: ReadonlySet<string> = new Set();
  readonly #news: DestinationNews;
  #unwatch: (() => void) | undefined;
  /** Resolves when holds have been read as often as they were said to have changed. */
  #looked: Promise<void> = Promise.resolve();
  #cancel: (() => void) | undefined;
  #isStopped = false;
  /** What was forgiven at other nodes, and is not to be twice. */
  readonly #forgiven = new BoundedMap<string, string>(forgivenMax);

  constructor(parts: DestinationsParts) {
    this.#parts = parts;
    const { records, clock, runner, node = 0 } = parts;
    this.#news = new DestinationNews({
      ...{ records, clock, node },
      seen: (destinations) => {
        const live = this.#live();
        return destinations.map((one) => this.#seen(one, live.get(one)));
      },
      active: () =>
        runner
          .destinations()
          .filter(({ active }) => active > 0)
          .map(({ name }) => name),
    });
  }

  /** What was held stays held; before the runner starts. */
  async start(): Promise<void> {
    const { records } = this.#parts;
    await this.#readHolds();
    const unwatchHolds = records.watch(kind, () => this.#lookAtHolds());
    const unwatchForgiven = records.watch(forgivenKind, () => void this.#readForgiven());
    this.#unwatch = () => {
      unwatchHolds();
      unwatchForgiven();
    };
  }

  stop(): void {
    this.#isStopped = true;
    this.#unwatch?.();
    this.#cancel?.();
    this.#news.stop();
  }

  note(event: HistoryEvent): void {
    if (event.kind !== 'attempt' || event.durationMs === undefined) return;
    const [first] = event.results;
    if (first === undefined) return;
    const { result, reply, host, tls } = first;
    this.#last.set(event.destination, { at: event.at, result, reply, host, tls });
    this.#news.changed(event.destination);
  }

  /** Of several the one that failed: it is what keeps mail. */
  noteTls(destination: string, sessions: readonly TlsSession[]): void {
    const told = sessions.find(({ result }) => result !== 'success') ?? sessions.at(-1);
    if (told === undefined) return;
    const { policy, result, mxHost: host, reason } = told;
    const at = this.#parts.clock.now();
    this.#security.set(destination, { at, policy: policies[policy.type], result, host, reason });
    this.#news.changed(destination);
  }

  async list({ text = '', after, limit }: DestinationsAsked) {
    const facts = await this.#all();
    const sought = text.toLowerCase();
    const found = facts.filter(({ destination, name }) =>
      `${destination}\n${name}`.toLowerCase().includes(sought),
    );
    const from = after === undefined ? 0 : Number(after) || 0;
    const page = found.slice(from, from + limit);
    // Of those that are shown alone: each has to be looked up.
    const times = await this.#parts.store.backlogTimes(page.map(({ destination }) => destination));
    const items = await Promise.all(
      page.map((one, i) => this.#news.completed({ ...one, ...times[i] })),
    );
    return { items, next: from + limit < found.length ? String(from + limit) : null };
  }

  waiting(destination: string, id?: string): Waiting | undefined {
    return this.#parts.runner.waiting(destination, id);
  }

  async hold(destination: string): Promise<void> {
    const value = JSON.stringify({ since: this.#parts.clock.now() });
    await this.#parts.records.put([{ kind, key: destination, value }]);
    this.#hold([...this.#held, destination]);
  }

  async release(destination: string): Promise<void> {
    await this.#parts.records.remove(kind, [destination]);
    this.#hold([...this.#held].filter((one) => one !== destination));
  }

  async forget(destination: string): Promise<void> {
    const { runner, records, clock } = this.#parts;
    runner.forgive(destination);
    const at = clock.now();
    const value = JSON.stringify({ at });
    const expires = at + forgivenMs;
    this.#forgiven.set(destination, value);
    await records.put([{ kind: forgivenKind, key: destination, value, expires }]);
  }

  async retry(destination: string): Promise<number> {
    const { store, clock } = this.#parts;
    let recipients = 0;
    let after: string | undefined;
    do {
      const page = await store.search({ destination }, { after, limit: stepMax });
      const ids = page.entries.map(({ id }) => id);
      if (ids.length > 0) recipients += await store.retry(ids, clock.now());
      after = page.next ?? undefined;
    } while (after !== undefined);
    await this.forget(destination);
    return recipients;
  }

  /** Those, and no others. */
  #hold(destinations: readonly string[]): void {
    const { runner } = this.#parts;
    const held = new Set(destinations);
    for (const one of held) if (!this.#held.has(one)) runner.hold(one);
    for (const one of this.#held) if (!held.has(one)) runner.release(one);
    this.#held = held;
  }

  /** One look after the other: of two at once the older answer might come last. What failed is read again. */
  #lookAtHolds(): void {
    this.#looked = this.#looked
      .then(() => this.#readHolds())
      .catch(() => {
        this.#cancel?.();
        if (!this.#isStopped)
          this.#cancel = this.#parts.clock.after(againMs, () => this.#lookAtHolds());
      });
  }

  async #readHolds(): Promise<void> {
    const all = allRecords(this.#parts.records, kind);
    this.#hold(await Array.fromAsync(all, ({ key }) => key));
  }

  /** Never rejects: what was not heard of is found dead for a while longer. */
  async #readForgiven(): Promise<void> {
    const { records, runner } = this.#parts;
    const found = await records.list(forgivenKind, { limit: forgivenMax }).catch(() => []);
    for (const { key, value } of found) {
      if (this.#forgiven.get(key) === value) continue;
      this.#forgiven.set(key, value);
      runner.forgive(key);
    }
  }

  /** The largest backlog first; then those that something goes on at. */
  async #all(): Promise<readonly DestinationFacts[]> {
    const { store } = this.#parts;
    const live = this.#live();
    const stored = new Map((await store.backlogs()).map((one) => [one.destination, one] as const));
    const names = new Set([...stored.keys(), ...live.keys(), ...this.#held]);
    return [...names].map((destination) => {
      const [kept, at] = [stored.get(destination), live.get(destination)];
      return {
        ...{ destination, name: destinationText(destination) },
        ...{ queued: kept?.recipients ?? 0, held: kept?.held ?? 0 },
        ...{ oldest: undefined, nextAttempt: undefined, ofNodes: [] },
        ...this.#seen(destination, at),
        onHold: this.#held.has(destination),
        waiting: (at?.waiting ?? 0) > 0 ? this.waiting(destination) : undefined,
      };
    });
  }

  #live() {
    return new Map(this.#parts.runner.destinations().map((one) => [one.name, one]));
  }

  /** What this node knows. */
  #seen(
    destination: string,
    at: ReturnType<QueueRunner['destinations']>[number] | undefined,
  ): Seen {
    const deadUntil = at?.deadUntil;
    const isDead = deadUntil !== undefined && deadUntil > this.#parts.clock.now();
    return {
      ...{ active: at?.active ?? 0, window: at?.window, deadUntil: isDead ? deadUntil : undefined },
      ...{ last: this.#last.get(destination), security: this.#security.get(destination) },
    };
  }
}
