// ETRN (RFC 1985): a host that was away asks for the mail that waits for its domain. Anybody may ask,
// so it costs little however often: one pass over the queue at a time, each domain once a minute.

import { BoundedMap } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { domainKey } from '../mail/fields/address.ts';
import type { Reply } from '../smtp/reply.ts';
import { reply } from '../smtp/reply.ts';
import { queueEntries } from '../store/queue-entries.ts';
import type { QueueEntry, QueueStore } from '../store/queue-store.ts';

export interface DomainQueuesParts {
  readonly store: Pick<QueueStore, 'search' | 'retry'>;
  /** By domainKey(): whether mail for the domain waits here at anybody's request. */
  readonly mayStart: (domain: string) => boolean;
  /** Recipients have fallen due. */
  readonly wake: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Limit: how often one domain's queue is looked through. */
const againMs = 60_000;
/** Limit: domains that wait for the next pass, and domains remembered. */
const askedMax = 100;
const rememberedMax = 1000;
/** Limit: messages made due at once. */
const batch = 100;

export class DomainQueues {
  readonly #parts: DomainQueuesParts;
  readonly #startedAt = new BoundedMap<string, number>(rememberedMax);
  #asked = new Set<string>();
  #passing = false;

  constructor(parts: DomainQueuesParts) {
    this.#parts = parts;
  }

  /** `node`: a domain; `@` before it asks for its subdomains too. RFC 1985 §5.3 has the replies. */
  start(node: string): Reply {
    const { mayStart, clock } = this.#parts;
    const below = node.startsWith('@');
    const domain = domainKey(below ? node.slice(1) : node);
    if (!mayStart(domain))
      return reply(459, '7.1', 'Node not allowed: no mail is kept for it here');
    const key = below ? `.${domain}` : domain;
    const last = this.#startedAt.get(key);
    if (last === undefined || clock.now() - last >= againMs) {
      if (this.#asked.size >= askedMax) return reply(458, '3.2', 'Unable to queue messages now');
      this.#startedAt.set(key, clock.now());
      this.#asked.add(key);
      if (!this.#passing) void this.#pass();
    }
    return reply(250, '0.0', 'Queuing for node started');
  }

  /** Never rejects. */
  async #pass(): Promise<void> {
    this.#passing = true;
    const { log, wake } = this.#parts;
    while (this.#asked.size > 0) {
      const asked = this.#asked;
      this.#asked = new Set();
      try {
        const recipients = await this.#makeDue(asked);
        log.info('queue started by ETRN', { domains: [...asked], recipients });
      } catch (error) {
        log.warn('queue not started', { error: String(error) });
      }
      wake();
    }
    this.#passing = false;
  }

  async #makeDue(asked: ReadonlySet<string>): Promise<number> {
    const { store, clock } = this.#parts;
    let ids: string[] = [];
    let recipients = 0;
    const flush = async (): Promise<void> => {
      recipients += await store.retry(ids, clock.now());
      ids = [];
    };
    for await (const entry of queueEntries(store)) {
      if (!waitsFor(entry, asked)) continue;
      ids.push(entry.id);
      if (ids.length >= batch) await flush();
    }
    if (ids.length > 0) await flush();
    return recipients;
  }
}

function waitsFor({ recipients }: QueueEntry, asked: ReadonlySet<string>): boolean {
  return recipients.some(({ address, state }) => {
    if (state !== 'queued') return false;
    const domain = domainKey(address.slice(address.lastIndexOf('@') + 1));
    if (asked.has(domain) || asked.has(`.${domain}`)) return true;
    for (let dot = domain.indexOf('.'); dot !== -1; dot = domain.indexOf('.', dot + 1))
      if (asked.has(domain.slice(dot))) return true;
    return false;
  });
}
