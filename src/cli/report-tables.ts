// Reports as tables that fit a terminal: what was reported of each domain, failures first.

import type { AbuseSummary, DmarcSummary, SourceSummary, TlsSummary } from '../report/summary.ts';
import { printable } from './context.ts';
import { counted, minuteOf, table } from './table.ts';

/** Limit: rows of one domain. */
const rowsMax = 40;

/** Characters that rows stand in from the left. */
const indent = 2;

function grouped<T>(all: readonly T[], key: (one: T) => string): ReadonlyMap<string, readonly T[]> {
  return Map.groupBy(all, key);
}

const sum = <T>(all: readonly T[], of: (one: T) => number): number =>
  all.reduce((total, one) => total + of(one), 0);

const reporters = (reports: readonly { readonly by: string }[]): string => {
  const names = [...new Set(reports.map(({ by }) => printable(by)))].sort();
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} others` : shown;
};

/** Whoever reports may be anybody: said where it is known not to be proven. */
const doubt = (reports: readonly { readonly verified: boolean | null }[]): string => {
  const unproven = reports.filter(({ verified }) => verified === false).length;
  return unproven === 0 ? '' : `; ${unproven} not proven to be of whom they say`;
};

export function dmarcTables(reports: readonly DmarcSummary[], columns: number): string {
  const parts = [...grouped(reports, ({ domain }) => domain)].map(([domain, ofDomain]) => {
    const messages = sum(ofDomain, (one) => one.messages);
    const failed = messages - sum(ofDomain, ({ passed }) => passed);
    const sources = [
      ...grouped(
        ofDomain.flatMap((one) => one.sources),
        ({ address, from, dkim, spf, disposition }) =>
          JSON.stringify([address, from, dkim, spf, disposition]),
      ).values(),
    ].map((same) => ({ ...same[0]!, messages: sum(same, (one) => one.messages) }));
    const passes = ({ dkim, spf }: SourceSummary) => Number(dkim || spf);
    sources.sort((a, b) => passes(a) - passes(b) || b.messages - a.messages);
    const rows = sources
      .slice(0, rowsMax)
      .map(({ address, messages: count, dkim, spf, disposition, from }) => [
        ...[address, count, dkim ? 'pass' : 'fail', spf ? 'pass' : 'fail', disposition, from],
      ]);
    const left = messages - sum(sources.slice(0, rowsMax), (one) => one.messages);
    const policy = ofDomain.at(-1)!.policy ?? 'none';
    return [
      `${printable(domain)}: ${counted(messages, 'message')}, ${failed} failed; policy ${printable(policy)}; ${counted(ofDomain.length, 'report')} by ${reporters(ofDomain)}${doubt(ofDomain)}`,
      table(['source', 'messages', 'DKIM', 'SPF', 'done', 'From'], rows, columns, indent),
      ...(left > 0 ? [`  and ${counted(left, 'message')} from other sources`] : []),
    ].join('\n');
  });
  return parts.join('\n\n');
}

export function tlsTables(reports: readonly TlsSummary[], columns: number): string {
  const parts = [...grouped(reports, ({ domain }) => domain)].map(([domain, ofDomain]) => {
    const policies = ofDomain.flatMap((one) => one.policies);
    const sessions = sum(policies, ({ successes }) => successes);
    const failed = sum(policies, ({ failures }) => failures);
    const types = [...new Set(policies.map(({ type }) => printable(type)))].join(', ');
    const failures = [
      ...grouped(
        ofDomain.flatMap((one) => one.failures),
        ({ result, mxHost, reason }) => JSON.stringify([result, mxHost, reason]),
      ).values(),
    ].map((same) => ({ ...same[0]!, sessions: sum(same, (one) => one.sessions) }));
    failures.sort((a, b) => b.sessions - a.sessions);
    const rows = failures
      .slice(0, rowsMax)
      .map(({ result, sessions: count, mxHost, reason }) => [
        ...[result, count, mxHost ?? '-', reason ?? '-'],
      ]);
    return [
      `${printable(domain)}: ${counted(sessions, 'good session')}, ${failed} failed; policy ${types}; ${counted(ofDomain.length, 'report')} by ${reporters(ofDomain)}${doubt(ofDomain)}`,
      ...(rows.length === 0
        ? []
        : [table(['what', 'sessions', 'host', 'why'], rows, columns, indent)]),
    ].join('\n');
  });
  return parts.join('\n\n');
}

export function abuseTable(reports: readonly AbuseSummary[], columns: number): string {
  const rows = reports
    .toSorted((a, b) => (a.received < b.received ? 1 : -1))
    .map(({ received, type, failure, by, sourceIp, message, mailFrom }) => [
      minuteOf(received),
      failure === null ? type : `${type} (${failure})`,
      by.slice(0, 24),
      sourceIp ?? '-',
      `${message.subject ?? ''} (${message.from ?? mailFrom ?? 'nobody'})`,
    ]);
  const head = ['received', 'what', 'reported by', 'source', 'message'];
  return table(head, rows.slice(0, 10 * rowsMax), columns, indent);
}
