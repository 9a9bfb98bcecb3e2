// Reports, in and out: what is counted where mail is judged and sent, the daily work, and the eye on what comes to the
// addresses for reports. By the configuration in force; nothing of it in `dev`.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { AbuseReports } from '../deliver/reports/abuse-reports.ts';
import { DailyReports } from '../deliver/reports/daily-reports.ts';
import type { ReporterSettings } from '../deliver/reports/dmarc-reports.ts';
import { DmarcReports } from '../deliver/reports/dmarc-reports.ts';
import { FailureReports } from '../deliver/reports/failure-reports.ts';
import { ReceivedReports } from '../deliver/reports/received-reports.ts';
import { reportQueue } from '../deliver/reports/report-queue.ts';
import { TlsReports } from '../deliver/reports/tls-reports.ts';
import type { Resolver } from '../dns/resolver.ts';
import { domainKey } from '../mail/fields/address.ts';
import type { Judged } from '../policy/senders/sender-authentication.ts';
import type { Deliver } from '../queue/delivery.ts';
import type { QueueRunner } from '../queue/runner.ts';
import type { Stores } from '../store/stores.ts';
import type { InForce } from './in-force.ts';
import { recipientsOf } from './in-force.ts';
import type { ServerMetrics } from './metrics.ts';

export interface ReportsParts {
  readonly inForce: () => InForce;
  readonly stores: Pick<Stores, 'records' | 'spool' | 'nodes'>;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<ServerMetrics, 'reportsSent' | 'reportsReceived'>;
  /** Once there is one. */
  readonly queue: () => {
    readonly runner: Pick<QueueRunner, 'submit'>;
    readonly messageId: () => string;
  };
}

export interface Reports {
  /** What an operator complains of, to whoever answers for it. */
  readonly abuse: Pick<AbuseReports, 'send'>;
  /** Told of what DMARC was asked about. */
  readonly judged: (judged: Judged) => void;
  /** The same delivery, with an eye on reports that come. */
  readonly watchLocal: (deliver: Deliver) => Deliver;
  /** The same, whose TLS sessions are counted. */
  readonly watchRelay: (deliver: Deliver) => Deliver;
  start(): Promise<void>;
  /** Once nothing is delivered any more. */
  stop(): Promise<void>;
}

export function createReports(parts: ReportsParts): Reports {
  const { inForce, stores, resolver, clock, log, metrics } = parts;
  const { reportsSent: sent, reportsReceived } = metrics;
  const { records } = stores;
  const isDev = inForce().config.dev;
  const hostname = () => inForce().config.hostname;
  const queue = reportQueue({
    ...{ clock, spool: stores.spool },
    ids: () => parts.queue().messageId(),
    resolve: (address) => recipientsOf(inForce(), address),
    submit: (message, turn) => parts.queue().runner.submit(message, undefined, turn),
  });
  const common = { clock, log, resolver, queue, reporter: () => reporterOf(inForce()) };
  const dmarc = new DmarcReports({
    ...{ ...common, sent: sent.dmarc },
    isOn: () => inForce().config.reports.dmarc.send,
  });
  const tls = new TlsReports({
    ...{ ...common, sent: sent.tls },
    isOn: () => !isDev && inForce().config.tlsReports.send,
    signs: (domain) => inForce().hasKeys(domainKey(domain)),
  });
  const failures = new FailureReports({
    ...{ ...common, sent: sent.failure },
    ids: () => parts.queue().messageId(),
    settings: () => inForce().config.reports.failure,
  });
  const abuse = new AbuseReports({
    ...{ ...common, sent: sent.abuse },
    ids: () => parts.queue().messageId(),
  });
  const daily = new DailyReports({
    ...{ records, clock, log, hostname, nodes: stores.nodes, reports: [dmarc, tls] },
  });
  const received = new ReceivedReports({
    ...{ records, clock, log, received: reportsReceived },
    settings: () => inForce().config.reports,
  });
  return {
    abuse,
    judged(judged) {
      dmarc.note(judged);
      failures.note(judged);
    },
    watchLocal: (deliver) => (isDev ? deliver : received.watch(deliver)),
    watchRelay: (deliver) => tls.watch(deliver),
    start: () => (isDev ? Promise.resolve() : daily.start()),
    async stop() {
      await received.settled();
      if (!isDev) await daily.stop();
    },
  };
}

function reporterOf({ config: { hostname, reports } }: InForce): ReporterSettings {
  const { from = `postmaster@${hostname}`, organization = hostname } = reports;
  return { hostname, from, organization };
}
