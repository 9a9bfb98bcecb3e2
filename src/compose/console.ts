// What an operator sees and does beyond the stores: destinations, sessions, statistics, mail that is handed in,
// webhooks.

import type { SessionDesk } from '../admin/desks.ts';
import type { RunningParts } from '../admin/operation-parts.ts';
import { OperationError } from '../admin/operations.ts';
import { sessionsOf } from '../admin/sessions.ts';
import { webhooksOf } from '../admin/webhooks.ts';
import type { Resolver } from '../dns/resolver.ts';
import type { HistoryStore } from '../store/history.ts';
import type { Stores } from '../store/stores.ts';
import { BounceSuppression } from '../watch/bounce-suppression.ts';
import { Destinations } from '../watch/destination-desk.ts';
import { NodeNews } from '../watch/nodes/node-news.ts';
import { NodeQuestions } from '../watch/nodes/node-questions.ts';
import { StatisticsKeeper } from '../watch/statistics.ts';
import { Webhooks } from '../watch/webhooks/webhooks.ts';
import type { Basics } from './basics.ts';
import type { Catcher } from './catcher.ts';
import type { Delivery } from './delivery.ts';
import type { InForce } from './in-force.ts';
import type { Listeners } from './listeners.ts';
import { createMailChecks } from './mail-checks.ts';
import { openServices } from './open-services.ts';
import type { Smtp } from './smtp.ts';
import { Submissions } from './submission-desk.ts';

type Desks = Omit<
  RunningParts,
  'reload' | 'end' | 'metrics' | 'abuse' | 'published' | 'revokeCertificate' | 'sorted'
>;

export interface ConsoleParts extends Basics {
  readonly inForce: () => InForce;
  readonly stores: Stores;
  readonly history: HistoryStore;
  readonly resolver: Resolver;
  readonly delivery: Pick<Delivery, 'runner'>;
  readonly listeners: Pick<Listeners, 'serving' | 'list'>;
  readonly catcher: Catcher | undefined;
}

export interface Console {
  readonly desks: Desks;
  readonly questions: NodeQuestions;
  /** Known once there are services. */
  handsInBy(handIn: Smtp['handIn']): void;
  /** Before the queue runs. */
  start(): Promise<void>;
  /** Another configuration is in force. */
  changed(): void;
  /** Nobody listens any more. */
  close(): void;
  stop(): Promise<void>;
}

export function createConsole(parts: ConsoleParts): Console {
  const { inForce, stores, delivery, happenings, clock, log } = parts;
  const { records, queue: store } = stores;
  const destinations = new Destinations({
    ...{ store, runner: delivery.runner, records, clock, node: stores.nodes.number },
  });
  const statistics = createStatistics(parts);
  parts.catcher?.tellTo(happenings.hub);
  const sessions = openServices(parts.listeners);
  const nodes = createNodeQuestions(parts, sessions);
  const webhooks = createWebhooks(parts);
  nodes.questions.answer('webhooks', () => webhooksOf(webhooks));
  const suppression = new BounceSuppression({
    ...{ records, history: parts.history, clock, log },
    forMs: () => inForce().config.queue.suppressBounced,
  });
  happenings.watchTls((destination, sessions) => destinations.noteTls(destination, sessions));
  happenings.watch((event) => {
    destinations.note(event);
    statistics.note(event);
    webhooks.note(event);
    suppression.note(event);
  });
  let handIn: Smtp['handIn'] | undefined;
  const submissions = new Submissions({
    ...{ records, clock },
    accountOf: (address) => inForce().addressMap.accountOf(address),
    messageBytesMax: () => inForce().config.limits.messageSize,
    handIn(message) {
      if (handIn === undefined) throw new OperationError('the server is just starting');
      return handIn(message);
    },
  });
  return {
    questions: nodes.questions,
    handsInBy(given) {
      handIn = given;
    },
    desks: {
      ...{ destinations, hub: happenings.hub, checks: createMailChecks(parts) },
      catcher: parts.catcher?.desk,
      listening: () => parts.listeners.list,
      ...{ sessions, others: nodes.questions },
      statistics: (period) => statistics.get(period),
      submit: (message) => submissions.submit(message),
      webhooks: {
        list: () => webhooks.list(),
        test: async (name) => (await webhooks.test(name)) ?? noWebhook(name),
      },
    },
    async start() {
      await destinations.start();
      await statistics.start();
      await webhooks.start();
      nodes.questions.start();
    },
    changed: () => webhooks.changed(),
    close: () => happenings.hub.close(),
    async stop() {
      nodes.news.stop();
      await nodes.questions.stop();
      destinations.stop();
      await statistics.stop();
      await webhooks.stop();
      await suppression.stop();
    },
  };
}

/** @throws OperationError */
function noWebhook(name: string): never {
  throw new OperationError(`there is no webhook ${name} in the configuration`);
}

function createStatistics({ stores, happenings, metrics, clock, log }: ConsoleParts) {
  const { refusedForGood, refusedForNow } = metrics;
  const { hub } = happenings;
  return new StatisticsKeeper({
    ...{ records: stores.records, clock, log, node: stores.nodes.number },
    queued: () => stores.queue.recipientCount(),
    refused: () =>
      [...Object.values(refusedForGood), ...Object.values(refusedForNow)].reduce(
        (sum, { value }) => sum + value,
        0,
      ),
    onMinute({ took: _, ...counts }, at) {
      if (hub.isHeard('stats'))
        hub.tell('stats', { at: new Date(at).toISOString(), event: 'stats.minute', ...counts });
    },
  });
}

/** What is known at one node alone, and others may ask for. */
function createNodeQuestions(parts: ConsoleParts, sessions: SessionDesk) {
  const { stores, happenings, clock, random, log } = parts;
  const { records, nodes } = stores;
  const { hub } = happenings;
  const questions = new NodeQuestions({ records, nodes, clock, random });
  if (nodes.number !== 0) hub.isOf(nodes.name);
  questions.answer('sessions', () => sessionsOf(sessions));
  questions.answer('session-end', (id) => typeof id === 'string' && sessions.end(id));
  return { questions, news: new NodeNews({ hub, questions, clock, log }) };
}

function createWebhooks(parts: ConsoleParts): Webhooks {
  const { inForce, stores, history, metrics, clock, random, log, resolver } = parts;
  return new Webhooks({
    ...{ records: stores.records, nodes: stores.nodes, clock, random, log, resolver },
    requests: metrics.webhookRequests,
    targets: () => inForce().config.webhooks,
    async senderOf(id) {
      const received = (await history.find(id)).find(({ kind }) => kind === 'received');
      return received?.kind === 'received' ? received.sender : undefined;
    },
  });
}
