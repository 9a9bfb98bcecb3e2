// Delivery: the queue's runner, and where it sends what is due: our mailboxes or Maildir folders, or relays.

import { createDelivery } from '../deliver/dispatch.ts';
import { byRules } from '../deliver/local/by-rules.ts';
import { createLocalDelivery } from '../deliver/local/local.ts';
import { createMaildirDelivery } from '../deliver/local/maildir.ts';
import { OnDemand } from '../deliver/on-demand/on-demand.ts';
import { waivesTlsInMemory } from '../deliver/relay/security/require-tls.ts';
import { makeSteps } from '../deliver/relay/steps/outbound-steps.ts';
import { isOurReport } from '../deliver/reports/report-queue.ts';
import { createDialer } from '../net/dialer.ts';
import { quotaOf } from '../policy/quota.ts';
import type { RuleBook } from '../policy/rules/rule-book.ts';
import type { Deliver } from '../queue/delivery.ts';
import { createMessageIds } from '../queue/message-id.ts';
import { QueueRunner } from '../queue/runner.ts';
import type { HistoryStore } from '../store/history.ts';
import type { Stores } from '../store/stores.ts';
import type { Basics } from './basics.ts';
import type { Catcher } from './catcher.ts';
import { destinationRates } from './destination-rates.ts';
import type { Happenings } from './happenings.ts';
import type { InForce } from './in-force.ts';
import { quotaInForce, recipientsOf } from './in-force.ts';
import type { ServerMetrics } from './metrics.ts';
import { countingHistory } from './metrics.ts';
import type { Reports } from './reports.ts';
import type { Spam } from './spam.ts';

export interface DeliveryParts extends Basics {
  readonly inForce: () => InForce;
  readonly stores: Pick<Stores, 'queue' | 'spool' | 'accounts' | 'nodes'>;
  readonly rules: RuleBook;
  readonly history: Pick<HistoryStore, 'record'>;
  readonly reports: Pick<Reports, 'watchLocal' | 'watchRelay'>;
  readonly spam: Pick<Spam, 'filter'>;
  readonly catcher: Catcher | undefined;
}

export interface Delivery {
  readonly runner: QueueRunner;
  readonly messageId: () => string;
  /** Mail that is fetched (ATRN). */
  readonly onDemand: OnDemand;
}

/** Nothing leaves before `runner.start()`. */
export async function createQueue(parts: DeliveryParts): Promise<Delivery> {
  const { inForce, stores, reports, clock, random, log, metrics, tracer, happenings } = parts;
  const history = countingHistory(parts.history, metrics);
  const messageId = createMessageIds({
    ...{ clock, random, node: stores.nodes.number },
    after: await stores.queue.newest(),
  });
  const onDemand = createOnDemand(parts, () => runner.wake());
  const runner = new QueueRunner({
    store: stores.queue,
    deliver: createDelivery({
      router: {
        routeOfDestination: (destination) => inForce().router.routeOfDestination(destination),
      },
      local: reports.watchLocal(localDelivery(parts, messageId)),
      relay: reports.watchRelay(
        countingTls((lease, signal) => inForce().relay(lease, signal), {
          ...{ counters: metrics.tlsSessions, happenings },
        }),
      ),
      onDemand: onDemand.deliver,
      ...{ clock, log },
    }),
    ...{ clock, random, log, history, tracer, deliverySeconds: metrics.delivery },
    // RFC 8460 §3, RFC 8689 §3: a TLS report, and what waives TLS, go to a host whose TLS keeps other mail away.
    isUndeterred: (message) => isOurReport(message.origin) || waivesTlsInMemory(message),
    shares: stores.nodes.shares,
    rateOf: destinationRates(() => inForce().config.rateLimits.perDestination),
    get hostname() {
      return inForce().config.hostname;
    },
    get settings() {
      return inForce().config.queue;
    },
    ids: messageId,
    onForgiven: () => inForce().relay.forget(),
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
export function countingTls(
  deliver: Deliver,
  {
    counters,
    happenings,
  }: {
    readonly counters: ServerMetrics['tlsSessions'];
    readonly happenings: Pick<Happenings, 'secured'>;
  },
): Deliver {
  return async (lease, signal) => {
    const done = await deliver(lease, signal);
    const { sessions = [] } = done;
    for (const { result } of sessions) counters[result].add();
    if (sessions.length > 0) happenings.secured(lease.destination, sessions);
    return done;
  };
}

/** Our mailboxes or Maildir folders, by the configuration in force. */
function localDelivery(
  { inForce, stores, rules, spam, catcher, clock, log }: DeliveryParts,
  ids: () => string,
): Deliver {
  const addressMap = {
    accountOf: (address: string) => inForce().addressMap.accountOf(address),
  };
  const mailbox = createLocalDelivery({
    ...{ addressMap, clock, spamFilter: spam.filter, spool: stores.spool, queue: stores.queue },
    quota: () => quotaOf(quotaInForce(inForce())),
    catcher: catcher?.rules,
    byRules: byRules({
      ...{ rules, clock, ids, queue: stores.queue, accounts: stores.accounts },
      resolve: (address) => recipientsOf(inForce(), address),
    }),
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
          recipients: addressMap,
          hostname,
          log,
        }),
      };
    return maildir.deliver(lease, signal);
  };
}
