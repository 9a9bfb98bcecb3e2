// Mail that waits until it is fetched. RFC 2645 (On-Demand Mail Relay). It is in the queue like all other;
// an attempt finds either the connection over which its owner asked for it, or that it has to wait. So
// retries, reports and history are those of any delivery.

import type { Clock } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import { domainKey } from '../../mail/fields/address.ts';
import type { Peer } from '../../net/peer.ts';
import type { Deliver, RecipientResult } from '../../queue/delivery.ts';
import { startOf } from '../../smtp/envelope-requests.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import { queueEntries } from '../../store/queue-entries.ts';
import type { QueueStore } from '../../store/queue-store.ts';
import type { Route, RouteRule } from '../route.ts';
import type { TurnedParts } from './turned-connection.ts';
import { TurnedConnection } from './turned-connection.ts';

export interface OnDemandParts extends TurnedParts {
  readonly queue: Pick<QueueStore, 'search' | 'retry'>;
  /** In force now. */
  readonly routes: () => readonly RouteRule[];
  readonly routeOf: (address: string) => Route;
  /** Recipients have fallen due. */
  readonly wake: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

// RFC 2645 §7, RFC 3463 §3.8: X.7.1.
const refused = reply(450, '7.1', 'ATRN request refused');
const busy = reply(450, '3.2', 'Your mail is being handed over already');
const noMail = reply(453, '0.0', 'You have no mail');
const turning = reply(250, '0.0', 'OK now reversing the connection');
// RFC 3463 §3.5: X.4.1, no answer from host; nothing was asked.
const waits: RecipientResult = {
  kind: 'deferred',
  reply: reply(450, '4.1', 'Kept until it is fetched (ATRN)'),
};

/** Limit: messages made due for one turn; the rest comes with the next. */
const messagesMax = 10_000;
/** Limit: a turn for which nothing more comes is over. */
const idleMs = 30_000;

export class OnDemand {
  readonly #parts: OnDemandParts;
  /** By destination. */
  readonly #open = new Map<string, TurnedConnection>();
  readonly #accounts = new Set<string>();

  constructor(parts: OnDemandParts) {
    this.#parts = parts;
  }

  /** Whether the account may have the mail, and how it gets it. RFC 2645 §5.2.1. */
  async ask(
    account: string,
    domains: readonly string[],
  ): Promise<{ readonly reply: Reply; readonly turn?: (peer: Peer) => Promise<void> }> {
    const destinations = this.#destinations(account, domains);
    if (destinations === undefined) return { reply: refused };
    if (this.#accounts.has(account)) return { reply: busy };
    this.#accounts.add(account);
    let turn: ((peer: Peer) => Promise<void>) | undefined;
    try {
      const ids = await this.#waiting(destinations);
      if (ids.size === 0) return { reply: noMail };
      turn = (peer) =>
        this.#turn(peer, { account, destinations, ids }).finally(() =>
          this.#accounts.delete(account),
        );
      return { reply: turning, turn };
    } finally {
      if (turn === undefined) this.#accounts.delete(account);
    }
  }

  /** One attempt: over the connection of whoever fetches it, or not at all. */
  readonly deliver: Deliver = async (lease, signal) => {
    const connection = this.#open.get(lease.destination);
    if (connection === undefined) return { recipients: lease.recipients.map(later), health: 'ok' };
    return connection.deliver(lease, signal);
  };

  /** Undefined when one of the domains is not theirs, or nothing is. */
  #destinations(account: string, domains: readonly string[]): ReadonlySet<string> | undefined {
    const { routes, routeOf } = this.#parts;
    const theirs = routes().filter((rule) => rule.kind === 'atrn' && rule.account === account);
    if (theirs.length === 0) return undefined;
    if (domains.length === 0) return new Set(theirs.map(({ domain }) => `atrn:${domain}`));
    const found = new Set<string>();
    for (const domain of domains) {
      const route = routeOf(`@${domainKey(domain)}`);
      if (route.kind !== 'atrn' || route.account !== account) return undefined;
      for (const rule of theirs)
        if (covers(rule.domain, domainKey(domain))) found.add(`atrn:${rule.domain}`);
    }
    return found;
  }

  async #waiting(destinations: ReadonlySet<string>): Promise<Set<string>> {
    const ids = new Set<string>();
    const { queue, clock } = this.#parts;
    for await (const entry of queueEntries(queue)) {
      const { id, recipients } = entry;
      // RFC 4865 §4.2 (5), (6): what is to leave later is not to be had yet.
      if (startOf(entry) > clock.now()) continue;
      if (recipients.some((one) => one.state === 'queued' && destinations.has(one.destination)))
        ids.add(id);
      if (ids.size >= messagesMax) break;
    }
    return ids;
  }

  /** Never fails. */
  async #turn(
    peer: Peer,
    {
      account,
      destinations,
      ids,
    }: {
      readonly account: string;
      readonly destinations: ReadonlySet<string>;
      readonly ids: Set<string>;
    },
  ): Promise<void> {
    const { queue, wake, clock, log } = this.#parts;
    try {
      const connection = await TurnedConnection.open(peer, this.#parts);
      for (const destination of destinations) this.#open.set(destination, connection);
      const messages = ids.size;
      try {
        await queue.retry([...ids], clock.now());
        wake();
        await connection.done(ids, idleMs);
      } finally {
        for (const destination of destinations)
          if (this.#open.get(destination) === connection) this.#open.delete(destination);
        await connection.close();
      }
      log.info('mail fetched by ATRN', { account, messages: messages - ids.size });
    } catch (error) {
      log.warn('mail not fetched', { account, error: stackOf(error) });
    }
  }
}

const later = (): RecipientResult => waits;

/** `.example.org` covers the subdomains. */
const covers = (pattern: string, domain: string): boolean =>
  pattern === '*' || pattern === domain || (pattern.startsWith('.') && domain.endsWith(pattern));
