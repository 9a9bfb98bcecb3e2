// What a server counts, made once with all its labels. Most of it is counted where the parts meet: what
// is recorded of messages, who is admitted, who logs in. The rest is counted inside: the rooms get the
// counter they need.

import { assert } from '../base/assert.ts';
import type { Metric } from '../base/metrics.ts';
import { Metrics } from '../base/metrics.ts';
import { version } from '../base/version.ts';
import { isSuspicion } from '../policy/abuse/suspicion.ts';
import type { ConnectionLimits } from '../policy/connection-limits.ts';
import { filterResults } from '../policy/filters/filter.ts';
import type { Answer, Policy, PolicyAnswer } from '../policy/policy.ts';
import { wrapped } from '../policy/policy.ts';
import type { RefusalSeen } from '../policy/refusals.ts';
import type { QueueRunner } from '../queue/runner.ts';
import { tlsResults } from '../report/tls-session.ts';
import type { HistoryEvent, HistoryStore } from '../store/history.ts';
import { answerClasses } from '../web/answer-class.ts';
import { processMetrics } from './process-metrics.ts';

const services = ['smtp', 'submission', 'lmtp', 'imap', 'pop3', 'http', 'mtqp'] as const;
const results = ['delivered', 'relayed', 'deferred', 'skipped', 'failed', 'expired'] as const;
const stages = [
  ...(['connect', 'tls', 'starttls', 'login', 'auth', 'helo', 'mail', 'rcpt'] as const),
  ...(['data', 'content', 'activesync', 'other'] as const),
] as const;

/** Policies whose objections are counted each by itself. */
const policies = [
  ...(['access', 'rate-limits', 'account-limits', 'dnsbl', 'hello-check'] as const),
  ...(['reverse-name', 'suspicion', 'greylist', 'early-talker', 'null-sender'] as const),
  ...(['harvest', 'content-rules', 'untagged-notification', 'hooks', 'suppression'] as const),
] as const;
type CountedPolicy = (typeof policies)[number];
const isCounted = (name: string): name is CountedPolicy =>
  (policies as readonly string[]).includes(name);

const attemptSeconds = [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600];
const deliverySeconds = [0.05, 0.25, 1, 5, 30, 300, 3600, 14_400, 86_400, 432_000];
const flushSeconds = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2];

export type ServerMetrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const metrics = new Metrics();
  processMetrics(metrics, version);
  return {
    snapshot: (): readonly Metric[] => metrics.snapshot(),
    connections: connectionCounters(metrics, services),
    logins: metrics.counters(['logins_total', 'Logins.'], 'result', ['ok', 'failed']),
    refusedForGood: metrics.counters(
      ['refused_total', 'What clients were refused for good (5yz), or without a reply.'],
      ...(['stage', stages] as const),
    ),
    refusedForNow: metrics.counters(
      ['refused_temporarily_total', 'What clients were refused for now (4yz).'],
      ...(['stage', stages] as const),
    ),
    objections: metrics.counters(
      ['policy_objections_total', 'How often a rule against abuse said no.'],
      ...(['policy', policies] as const),
    ),
    signs: metrics.counters(
      ['policy_signs_total', 'How often a rule against abuse gave points.'],
      ...(['policy', policies] as const),
    ),
    accountHolds: metrics.counter(
      'account_holds_total',
      'How often sending of an account was stopped.',
    ),
    messages: metrics.counter('messages_received_total', 'Messages taken into the queue.'),
    messageBytes: metrics.counter('received_bytes_total', 'Octets of their content.'),
    reports: metrics.counter('reports_total', 'Bounces and other reports made.'),
    recipients: metrics.counters(
      ['attempts_total', 'What became of attempts, counted by recipient.'],
      ...(['result', results] as const),
    ),
    attempt: metrics.histogram(
      ...(['attempt_seconds', 'How long attempts took.', attemptSeconds] as const),
    ),
    delivery: metrics.histogram(
      'delivery_seconds',
      'From a message’s coming in to its delivery, of each recipient.',
      deliverySeconds,
    ),
    // RFC 8460 §4.3
    tlsSessions: metrics.counters(
      ['tls_sessions_total', 'What came of TLS with hosts of other domains, by each policy.'],
      ...(['result', tlsResults] as const),
    ),
    filters: metrics.counters(
      ['filter_verdicts_total', 'What filters said of messages, and how often they said nothing.'],
      ...(['result', filterResults] as const),
    ),
    ...ofSpam(metrics),
    ...ofReading(metrics),
    ...ofTheNet(metrics),
    ...ofReports(metrics),
    flush: metrics.histogram(
      'store_flush_seconds',
      'How long commits and writes of the journal took.',
      flushSeconds,
    ),
    ...read(metrics),
  };
}

const ofSpam = (metrics: Metrics) => ({
  spamFilter: metrics.counters(
    [
      'spam_judgements_total',
      'What accounts’ own spam filters said of mail; what they had no time for.',
    ],
    ...(['result', ['junk', 'kept', 'late', 'failed']] as const),
  ),
  spamLearnt: metrics.counters(
    ['spam_learnt_total', 'Messages that spam filters learnt from.'],
    ...(['kind', ['spam', 'ham']] as const),
  ),
});

const ofReading = (metrics: Metrics) => ({
  imapCommands: metrics.counter('imap_commands_total', 'IMAP commands.'),
  pop3Retrievals: metrics.counter('pop3_retrievals_total', 'Messages sent by POP3.'),
});

/** Those about domains, in and out. */
const ofReports = (metrics: Metrics) => ({
  reportsSent: metrics.counters(
    ['reports_sent_total', 'Reports queued for other domains, or posted to them.'],
    ...(['kind', ['dmarc', 'tls', 'failure', 'abuse']] as const),
  ),
  reportsReceived: metrics.counters(
    ['reports_received_total', 'Reports that came by mail, and those that could not be read.'],
    ...(['kind', ['dmarc', 'tls', 'abuse', 'unread']] as const),
  ),
});

/** HTTP, served and asked; certificates; the DNS. */
const ofTheNet = (metrics: Metrics) => ({
  certificates: metrics.counters(
    ['certificates_total', 'Attempts to obtain a certificate from an authority.'],
    ...(['result', ['obtained', 'failed']] as const),
  ),
  httpAnswers: metrics.counters(
    ['http_answers_total', 'Answers to HTTP requests, by the class of their status.'],
    ...(['status', answerClasses] as const),
  ),
  stsFetches: metrics.counters(
    ['mta_sts_fetches_total', 'Policies of other domains fetched, or not to be had.'],
    ...(['result', ['ok', 'failed']] as const),
  ),
  webhookRequests: metrics.counters(
    ['webhook_requests_total', 'Requests to webhooks, by whether they were taken.'],
    ...(['result', ['ok', 'failed']] as const),
  ),
  dnsQueries: metrics.counter(
    'dns_queries_total',
    'Questions put to name servers by the main thread.',
  ),
});

const connectionCounters = <V extends string>(metrics: Metrics, values: readonly V[]) => ({
  taken: metrics.counters(['connections_total', 'Connections taken.'], 'service', values),
  open: metrics.gauges(['connections_open', 'Connections that are open.'], 'service', values),
  turnedAway: metrics.counters(
    ['connections_refused_total', 'Connections turned away.'],
    ...(['service', values] as const),
  ),
});

/** What is known anyway. */
const read = (metrics: Metrics) => ({
  readCertificates(certificate: { readonly expires: number | undefined }): void {
    metrics.read(
      'certificate_expires_seconds',
      'When the first of our certificates ends, in seconds since 1970; 0 where there is none.',
      () => (certificate.expires ?? 0) / 1000,
    );
  },
  readQueue(runner: Pick<QueueRunner, 'facts'>): void {
    const facts = () => runner.facts;
    metrics.read('queue_active', 'Attempts under way.', () => facts().active);
    metrics.read('queue_waiting', 'Deliveries waiting in memory.', () => facts().waiting);
    metrics.read('queue_unrecorded', 'Outcomes not recorded yet.', () => facts().unrecorded);
    metrics.read('queue_memory_bytes', 'Content in memory.', () => facts().memoryBytes);
  },
});

/** What is told of messages is counted, so that the two never differ. */
export const countingHistory = (
  history: Pick<HistoryStore, 'record'>,
  metrics: ServerMetrics,
): Pick<HistoryStore, 'record'> => ({
  record(event) {
    countEvent(event, metrics);
    history.record(event);
  },
});

function countEvent(event: HistoryEvent, metrics: ServerMetrics): void {
  switch (event.kind) {
    case 'received':
      metrics.messages.add();
      metrics.messageBytes.add(event.size);
      break;
    case 'attempt':
      for (const { result } of event.results) metrics.recipients[result].add();
      if (event.durationMs !== undefined) metrics.attempt.observe(event.durationMs / 1000);
      break;
    case 'report':
      metrics.reports.add();
      break;
    default:
  }
}

export function countRefusal({ stage, reply = '' }: RefusalSeen, metrics: ServerMetrics): void {
  const at = (stages as readonly string[]).includes(stage)
    ? (stage as (typeof stages)[number])
    : 'other';
  if (stage === 'login') metrics.logins.failed.add();
  (reply.startsWith('4') ? metrics.refusedForNow : metrics.refusedForGood)[at].add();
}

/** The connections of one service, counted for it beside the limits for all. */
export function countedConnections(
  limits: ConnectionLimits,
  service: (typeof services)[number],
  { connections }: ServerMetrics,
): Pick<ConnectionLimits, 'admit' | 'release'> {
  const [taken, open, turnedAway] = [
    connections.taken[service],
    connections.open[service],
    connections.turnedAway[service],
  ];
  return {
    admit(address) {
      const objection = limits.admit(address);
      if (objection !== undefined) turnedAway.add();
      else {
        taken.add();
        open.add(1);
      }
      return objection;
    },
    release(address) {
      open.add(-1);
      limits.release(address);
    },
  };
}

/** A policy whose objections are counted: under its name, for which there must be a counter before anybody objects. */
export function countedPolicy(policy: Policy, { objections, signs }: ServerMetrics): Policy {
  assert(isCounted(policy.name), `${policy.name} is among the policies that are counted`);
  const counter = objections[policy.name];
  const sign = signs[policy.name];
  const count = <A extends PolicyAnswer>(given: Answer<A>): Answer<A> => {
    if (given instanceof Promise) return given.then((answer) => seen(answer));
    return seen(given);
  };
  const seen = <A extends PolicyAnswer>(answer: A | undefined): A | undefined => {
    if (answer?.objection !== undefined) counter.add();
    if (answer?.findings?.some(isSuspicion)) sign.add();
    return answer;
  };
  return wrapped(policy, {
    connect: (ask) => (client) => count(ask(client)),
    hello: (ask) => (client) => count(ask(client)),
    secure: (ask) => (client) => count(ask(client)),
    unknown: (ask) => (client, line) => count(ask(client, line)),
    mail: (ask) => (envelope) => count(ask(envelope)),
    rcpt: (ask) => (envelope, recipient) => count(ask(envelope, recipient)),
    refusedRcpt: (ask) => async (envelope, named, why) => {
      const heard = await ask(envelope, named, why);
      if (heard !== undefined) counter.add();
      return heard;
    },
    data: (ask) => (envelope) => count(ask(envelope)),
    message: (ask) => (envelope, arrival) => count(ask(envelope, arrival)),
    messageFor: (ask) => (envelope, arrival, recipient) => count(ask(envelope, arrival, recipient)),
    filter: (ask) => (envelope, draft) => count(ask(envelope, draft)),
  });
}
