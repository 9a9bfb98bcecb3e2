// Delivery: the queue's runner, and where it sends what is due: our mailboxes or Maildir folders,
// or relays, which run in this thread or in one of their own.

import { availableParallelism } from 'node:os';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { createDelivery } from '../deliver/dispatch.ts';
import { createLocalDelivery } from '../deliver/local.ts';
import { createMaildirDelivery } from '../deliver/maildir.ts';
import { OnDemand } from '../deliver/on-demand.ts';
import { createRelay } from '../deliver/relay/create-relay.ts';
import { makeSteps } from '../deliver/relay/outbound-steps.ts';
import type { OpenRelay } from '../deliver/relay/relay.ts';
import { RelayThread } from '../deliver/relay/thread.ts';
import { StsPolicies } from '../deliver/sts-policies.ts';
import type { Resolver } from '../dns/resolver.ts';
import { createDialer } from '../net/dialer.ts';
import type { ResolverSettings } from '../net/resolver.ts';
import { quotaOf } from '../policy/quota.ts';
import type { Deliver } from '../queue/delivery.ts';
import { createMessageIds } from '../queue/message-id.ts';
import { QueueRunner } from '../queue/runner.ts';
import type { HistoryStore } from '../store/history.ts';
import type { Stores } from '../store/stores.ts';
import { destinationRates } from './destination-rates.ts';
import type { Addresses, InForce } from './in-force.ts';
import { quotaInForce, recipientsOf } from './in-force.ts';
import type { ServerMetrics } from './metrics.ts';
import { countingHistory } from './metrics.ts';
import type { Reports } from './reports.ts';
import type { Spam } from './spam.ts';

interface Basics {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface DeliveryParts extends Basics {
  readonly inForce: () => InForce;
  readonly stores: Pick<Stores, 'queue' | 'spool'>;
  readonly history: Pick<HistoryStore, 'record'>;
  readonly metrics: ServerMetrics;
  readonly reports: Pick<Reports, 'watchLocal' | 'watchRelay'>;
  readonly spam: Pick<Spam, 'filter'>;
}

export interface Delivery {
  readonly runner: QueueRunner;
  readonly messageId: () => string;
  /** Mail that is fetched (ATRN). */
  readonly onDemand: OnDemand;
}

/** Nothing leaves before `runner.start()`. */
export async function createQueue(parts: DeliveryParts): Promise<Delivery> {
  const { inForce, stores, reports, clock, random, log, metrics } = parts;
  const history = countingHistory(parts.history, metrics);
  const messageId = createMessageIds({ clock, random, after: await stores.queue.newest() });
  const onDemand = createOnDemand(parts, () => runner.wake());
  const runner = new QueueRunner({
    store: stores.queue,
    deliver: createDelivery({
      router: {
        routeOfDestination: (destination) => inForce().router.routeOfDestination(destination),
      },
      local: reports.watchLocal(localDelivery(parts)),
      relay: reports.watchRelay(
        countingTls((lease, signal) => inForce().relay(lease, signal), metrics.tlsSessions),
      ),
      onDemand: onDemand.deliver,
      ...{ clock, log },
    }),
    ...{ clock, random, log, history, deliverySeconds: metrics.delivery },
    rateOf: destinationRates(() => inForce().config.rateLimits.perDestination),
    get hostname() {
      return inForce().config.hostname;
    },
    get settings() {
      return inForce().config.queue;
    },
    ids: messageId,
    resolve: (address) => recipientsOf(inForce(), address),
  });
  metrics.readQueue(runner);
  return { runner, messageId, onDemand };
}

/** To those who fetch their mail. It is converted if need be, but not signed: they get it from us, as they asked. */
function createOnDemand({ inForce, stores, clock, log }: DeliveryParts, wake: () => void) {
  return new OnDemand({
    ...{ queue: stores.queue, wake, clock, log, dialer: createDialer({}) },
    routes: () => inForce().config.routes,
    routeOf: (address) => inForce().router.route(address),
    hostname: () => inForce().config.hostname,
    steps: () => makeSteps({ convert: inForce().config.delivery.eightBitConversion }),
  });
}

/** The same delivery, of whose connections it is counted what came of TLS. */
export function countingTls(deliver: Deliver, counters: ServerMetrics['tlsSessions']): Deliver {
  return async (lease, signal) => {
    const done = await deliver(lease, signal);
    for (const { result } of done.sessions ?? []) counters[result].add();
    return done;
  };
}

/** Our mailboxes or Maildir folders, by the configuration in force. */
function localDelivery({ inForce, stores, spam, clock, log }: DeliveryParts): Deliver {
  const directory = {
    accountOf: (address: string) => inForce().directory.accountOf(address),
  };
  const mailbox = createLocalDelivery({
    ...{ directory, clock, spamFilter: spam.filter, spool: stores.spool, queue: stores.queue },
    quota: () => quotaOf(quotaInForce(inForce())),
  });
  let maildir: { readonly path: string; readonly deliver: Deliver } | undefined;
  return (lease, signal) => {
    const { localDelivery: kind, hostname } = inForce().config;
    if (kind.kind !== 'maildir') return mailbox(lease, signal);
    if (maildir?.path !== kind.directory)
      maildir = {
        path: kind.directory,
        deliver: createMaildirDelivery({
          directory: kind.directory,
          recipients: directory,
          hostname,
          log,
        }),
      };
    return maildir.deliver(lease, signal);
  };
}

/**
 * Where relays run. A thread has its own clock, chance and resolver, and reads content from its file:
 * whoever brings any of these along, such as a test, keeps everything in one thread.
 */
export interface Relays extends AsyncDisposable {
  readonly open: OpenRelay;
}

/** What the server was started with. */
export interface RelayWishes {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly resolver?: Resolver;
  readonly stores?: Stores;
  readonly relayIn?: 'own-thread' | 'same-thread';
}

/** The resolver for settings, with what it has learnt. */
export type ResolverFor = (settings?: ResolverSettings) => Resolver;

export interface RelaysParts extends Basics {
  readonly resolverFor: ResolverFor;
  /** There is one by the time mail leaves. */
  readonly inForce: () => Addresses;
  readonly stores: Pick<Stores, 'records'>;
  readonly metrics: Pick<ServerMetrics, 'stsFetches'>;
}

export function createRelays(wishes: RelayWishes, parts: RelaysParts): Relays {
  const { clock, random, log, resolverFor, inForce, stores, metrics } = parts;
  const { records } = stores;
  const policies = new StsPolicies({
    ...{ records, clock, log, fetches: metrics.stsFetches },
    verify: () => inForce().config.mtaSts.verify,
    resolver: {
      resolve: (...asked) => resolverFor(inForce().config.dns).resolve(...asked),
    },
  });
  policies.start();
  if ((wishes.relayIn ?? usualPlace(wishes)) === 'own-thread') {
    const thread = new RelayThread({ clock, log, policies });
    return {
      open: (settings) => thread.open(settings),
      [Symbol.asyncDispose]: () => {
        policies.close();
        return thread[Symbol.asyncDispose]();
      },
    };
  }
  const shared = { dialer: createDialer(), clock, random, log, policies };
  return {
    open: (settings) =>
      createRelay({ ...settings, ...shared, resolver: resolverFor(settings.dns) }),
    [Symbol.asyncDispose]: async () => policies.close(),
  };
}

// What a second thread takes off the event loop costs more in all; below this the load, the flushes and
// V8's helpers need the other processors. docs/decisions/0012-relay-thread.md
const processorsForThread = 4;

function usualPlace({
  clock,
  random,
  resolver,
  stores,
}: RelayWishes): 'own-thread' | 'same-thread' {
  const brought = [clock, random, resolver, stores].some((part) => part !== undefined);
  return brought || availableParallelism() < processorsForThread ? 'same-thread' : 'own-thread';
}
