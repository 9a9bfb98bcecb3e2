// What is kept of a report: plain data, ready to be JSON, bounded however large the report was. Of an aggregate
// report the sources with the most messages, those that failed before those that passed.

import type { AggregateRecord, AggregateReport } from './aggregate.ts';
import type { Feedback } from './feedback.ts';
import type { FoundReport } from './find-report.ts';
import type { TlsReport } from './tls-report.ts';

export type ReportSummary = DmarcSummary | TlsSummary | AbuseSummary;
export type ReportKind = ReportSummary['kind'];

interface Received {
  /** ISO 8601, as all dates here. */
  readonly received: string;
  /** Who reports: an organization, or a program. */
  readonly by: string;
  /** Whether the message that brought it was proven to be from whom it says; null where nobody has looked. */
  readonly verified: boolean | null;
}

interface Periodic extends Received {
  readonly id: string;
  /** What is reported on. */
  readonly domain: string;
  readonly begin: string;
  readonly end: string;
}

export interface DmarcSummary extends Periodic {
  readonly kind: 'dmarc';
  /** What the domain asked for. */
  readonly policy: string | null;
  readonly messages: number;
  /** Those of which DKIM or SPF passed for the domain. */
  readonly passed: number;
  readonly quarantined: number;
  readonly rejected: number;
  readonly sources: readonly SourceSummary[];
  /** Messages of sources that are not shown. */
  readonly elsewhere: number;
}

export interface SourceSummary {
  readonly address: string;
  /** The domain in From. */
  readonly from: string;
  readonly messages: number;
  readonly dkim: boolean;
  readonly spf: boolean;
  /** What was done: `none`, `pass`, `quarantine`, `reject`. */
  readonly disposition: string;
  /** Why that is not what the domain asked for. */
  readonly reason: string | null;
}

export interface TlsSummary extends Periodic {
  readonly kind: 'tls';
  readonly policies: readonly {
    readonly type: string;
    readonly domain: string;
    readonly successes: number;
    readonly failures: number;
  }[];
  readonly failures: readonly {
    readonly result: string;
    readonly sessions: number;
    readonly mxHost: string | null;
    readonly reason: string | null;
  }[];
}

export interface AbuseSummary extends Received {
  readonly kind: 'abuse';
  /** `abuse`, `auth-failure` … */
  readonly type: string;
  readonly incidents: number;
  readonly domains: readonly string[];
  readonly sourceIp: string | null;
  readonly mailFrom: string | null;
  readonly arrival: string | null;
  /** `dmarc`, `bodyhash` … of an authentication failure. */
  readonly failure: string | null;
  readonly message: {
    readonly from: string | null;
    readonly subject: string | null;
    readonly id: string | null;
  };
}

/** Limit: what is kept of a report's lists. */
const listMax = 100;

export interface ArrivedWith {
  readonly received: number;
  readonly verified: boolean | undefined;
  /** The From of the message that brought it, where the report names nobody. */
  readonly from: string;
}

export function summaryOf(found: FoundReport, arrived: ArrivedWith): ReportSummary {
  const received = { received: iso(arrived.received), verified: arrived.verified ?? null };
  switch (found.kind) {
    case 'dmarc':
      return { kind: 'dmarc', ...received, ...dmarcSummary(found.report) };
    case 'tls':
      return { kind: 'tls', ...received, ...tlsSummary(found.report) };
    case 'abuse': {
      const by = found.report.reportingMta ?? arrived.from;
      return { kind: 'abuse', ...received, by, ...abuseSummary(found.report) };
    }
  }
}

const iso = (ms: number): string => new Date(Math.min(ms, 8.64e15)).toISOString();
const isoSeconds = (seconds: number): string => iso(seconds * 1000);

function dmarcSummary(report: AggregateReport): Omit<DmarcSummary, 'kind' | keyof Received> & {
  readonly by: string;
} {
  const { records, policy } = report;
  const count = (which: (record: AggregateRecord) => boolean) =>
    records.filter(which).reduce((sum, record) => sum + record.count, 0);
  const sources = sourcesOf(records);
  const shown = sources.slice(0, listMax);
  const messages = count(() => true);
  return {
    ...{ by: report.organization, id: report.id, domain: policy.domain },
    ...{ begin: isoSeconds(report.begin), end: isoSeconds(report.end) },
    policy: policy.p ?? null,
    messages,
    passed: count(({ dkim, spf }) => dkim === 'pass' || spf === 'pass'),
    quarantined: count(({ disposition }) => disposition === 'quarantine'),
    rejected: count(({ disposition }) => disposition === 'reject'),
    sources: shown,
    elsewhere: messages - shown.reduce((sum, source) => sum + source.messages, 0),
  };
}

/** Records that look the same here together; those that failed first, then by how many messages. */
function sourcesOf(records: readonly AggregateRecord[]): readonly SourceSummary[] {
  const sources = new Map<string, SourceSummary>();
  for (const record of records) {
    const [dkim, spf] = [record.dkim === 'pass', record.spf === 'pass'];
    const disposition = record.disposition ?? 'none';
    const [reason] = record.reasons;
    const { sourceIp: address, headerFrom: from } = record;
    const key = JSON.stringify([address, from, dkim, spf, disposition, reason?.type]);
    const messages = record.count + (sources.get(key)?.messages ?? 0);
    const source = { address, from, messages, dkim, spf, disposition };
    sources.set(key, { ...source, reason: reason?.type ?? null });
  }
  const hasPassed = ({ dkim, spf }: SourceSummary) => Number(dkim || spf);
  return [...sources.values()].sort(
    (a, b) => hasPassed(a) - hasPassed(b) || b.messages - a.messages,
  );
}

function tlsSummary(report: TlsReport): Omit<TlsSummary, 'kind' | keyof Received> & {
  readonly by: string;
} {
  const policies = report.policies.slice(0, listMax);
  const failures = policies.flatMap(({ details }) => details);
  return {
    ...{ by: report.organization, id: report.id, domain: policies[0]?.domain ?? '' },
    ...{ begin: isoSeconds(report.begin), end: isoSeconds(report.end) },
    policies: policies.map((policy) => ({
      ...{ type: policy.type, domain: policy.domain },
      ...{ successes: policy.successes, failures: policy.failures },
    })),
    failures: failures.slice(0, listMax).map(({ result, count, mxHost = null, reason = null }) => ({
      ...{ result, sessions: count, mxHost, reason },
    })),
  };
}

function abuseSummary(report: Feedback): Omit<AbuseSummary, 'kind' | keyof Received> {
  const { message, arrival } = report;
  return {
    ...{ type: report.type, incidents: report.incidents },
    domains: report.domains.slice(0, listMax),
    sourceIp: report.sourceIp ?? null,
    mailFrom: report.mailFrom?.replace(/^<(.*)>$/, '$1') ?? null,
    arrival: arrival === undefined ? null : iso(arrival),
    failure: report.authFailure ?? null,
    message: {
      from: message.from ?? null,
      subject: message.subject ?? null,
      id: message.id ?? null,
    },
  };
}
