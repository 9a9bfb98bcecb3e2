// Destinations as an operator sees them: what waits in the store, how it goes at present, what the last attempt came
// to; and what is done about them. A hold is kept as a record and outlives the server.

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
import type { QueueRunner } from '../queue/runner.ts';
import type { TlsSession } from '../report/tls-session.ts';
import type { HistoryEvent } from '../store/history.ts';
import type { QueueStore } from '../store/queue-store.ts';
import type { RecordStore } from '../store/record-store.ts';

export interface DestinationsParts {
  readonly store: Pick<QueueStore, 'backlogs' | 'backlogTimes' | 'search' | 'retry'>;
  readonly runner: Pick<QueueRunner, 'destinations' | 'hold' | 'release' | 'forgive' | 'facts'>;
  readonly records: RecordStore;
  readonly clock: Clock;
}

const kind = 'destination-hold';
const policies = { tlsa: 'dane', sts: 'mta-sts', 'no-policy-found': 'none' } as const;
/** Limit: destinations whose last attempt is remembered; those that can be held. */
const rememberedMax = 5000;
const holdsMax = 1000;
/** Limit: messages that are made due in one step. */
const stepMax = 500;

export class Destinations implements DestinationDesk {
  readonly #parts: DestinationsParts;
  readonly #last = new BoundedMap<string, LastAttempt>(rememberedMax);
  readonly #security = new BoundedMap<string, LastSecurity>(rememberedMax);
  readonly #held = new Set<string>();

  constructor(parts: DestinationsParts) {
    this.#parts = parts;
  }

  /** What was held stays held; before the runner starts. */
  async start(): Promise<void> {
    for (const { key } of await this.#parts.records.list(kind, { limit: holdsMax })) {
      this.#held.add(key);
      this.#parts.runner.hold(key);
    }
  }

  note(event: HistoryEvent): void {
    if (event.kind !== 'attempt' || event.durationMs === undefined) return;
    const [first] = event.results;
    if (first === undefined) return;
    const { result, reply, host, tls } = first;
    this.#last.set(event.destination, { at: event.at, result, reply, host, tls });
  }

  /** Of several the one that failed: it is what keeps mail. */
  noteTls(destination: string, sessions: readonly TlsSession[]): void {
    const told = sessions.find(({ result }) => result !== 'success') ?? sessions.at(-1);
    if (told === undefined) return;
    const { policy, result, mxHost: host, reason } = told;
    const at = this.#parts.clock.now();
    this.#security.set(destination, { at, policy: policies[policy.type], result, host, reason });
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
    const items = page.map((one, i) => ({ ...one, ...times[i] }));
    return { items, next: from + limit < found.length ? String(from + limit) : null };
  }

  async hold(destination: string): Promise<void> {
    const value = JSON.stringify({ since: this.#parts.clock.now() });
    await this.#parts.records.put([{ kind, key: destination, value }]);
    this.#held.add(destination);
    this.#parts.runner.hold(destination);
  }

  async release(destination: string): Promise<void> {
    await this.#parts.records.remove(kind, [destination]);
    this.#held.delete(destination);
    this.#parts.runner.release(destination);
  }

  async forget(destination: string): Promise<void> {
    this.#parts.runner.forgive(destination);
  }

  async retry(destination: string): Promise<number> {
    const { store, runner, clock } = this.#parts;
    let recipients = 0;
    let after: string | undefined;
    do {
      const page = await store.search({ destination }, { after, limit: stepMax });
      const ids = page.entries.map(({ id }) => id);
      if (ids.length > 0) recipients += await store.retry(ids, clock.now());
      after = page.next ?? undefined;
    } while (after !== undefined);
    runner.forgive(destination);
    return recipients;
  }

  /** The largest backlog first; then those that something goes on at. */
  async #all(): Promise<readonly DestinationFacts[]> {
    const { store, runner, clock } = this.#parts;
    const now = clock.now();
    const live = new Map(runner.destinations().map((one) => [one.name, one]));
    const stored = new Map((await store.backlogs()).map((one) => [one.destination, one] as const));
    const names = new Set([...stored.keys(), ...live.keys(), ...this.#held]);
    return [...names].map((destination) => {
      const [kept, at] = [stored.get(destination), live.get(destination)];
      const deadUntil = at?.deadUntil;
      return {
        ...{ destination, name: destinationText(destination) },
        ...{ queued: kept?.recipients ?? 0, held: kept?.held ?? 0 },
        ...{ oldest: undefined, nextAttempt: undefined },
        ...{ active: at?.active ?? 0, window: at?.window },
        deadUntil: deadUntil !== undefined && deadUntil > now ? deadUntil : undefined,
        ...{ onHold: this.#held.has(destination), last: this.#last.get(destination) },
        security: this.#security.get(destination),
      };
    });
  }
}
