// Reports as tables that fit a terminal: what was reported of each domain, failures first.

import type { AbuseSummary, DmarcSummary, SourceSummary, TlsSummary } from '../report/summary.ts';
import { printable } from './context.ts';

/** Limit: rows of one domain. */
const rowsMax = 40;

type Cells = readonly (string | number)[];

/** Numbers to the right, texts to the left and no wider than `columns` in all: the last one gives way. */
export function table(head: readonly string[], rows: readonly Cells[], columns: number): string {
  const widths = head.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => String(row[at]).length)),
  );
  const indent = '  ';
  const rest = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, indent.length);
  widths[widths.length - 1] = Math.max(8, Math.min(widths.at(-1)!, columns - rest));
  const line = (cells: Cells) =>
    indent +
    cells
      .map((cell, at) => {
        const text = printable(String(cell));
        const width = widths[at]!;
        if (typeof cell === 'number') return text.padStart(width);
        return (text.length > width ? `${text.slice(0, width - 1)}…` : text).padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)].join('\n');
}

function grouped<T>(all: readonly T[], key: (one: T) => string): ReadonlyMap<string, readonly T[]> {
  return Map.groupBy(all, key);
}

const sum = <T>(all: readonly T[], of: (one: T) => number): number =>
  all.reduce((total, one) => total + of(one), 0);

const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

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
      table(['source', 'messages', 'DKIM', 'SPF', 'done', 'From'], rows, columns),
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
      ...(rows.length === 0 ? [] : [table(['what', 'sessions', 'host', 'why'], rows, columns)]),
    ].join('\n');
  });
  return parts.join('\n\n');
}

export function abuseTable(reports: readonly AbuseSummary[], columns: number): string {
  const rows = reports
    .toSorted((a, b) => (a.received < b.received ? 1 : -1))
    .map(({ received, type, failure, by, sourceIp, message, mailFrom }) => [
      received.slice(0, 16).replace('T', ' '),
      failure === null ? type : `${type} (${failure})`,
      by.slice(0, 24),
      sourceIp ?? '-',
      `${message.subject ?? ''} (${message.from ?? mailFrom ?? 'nobody'})`,
    ]);
  const head = ['received', 'what', 'reported by', 'source', 'message'];
  return table(head, rows.slice(0, 10 * rowsMax), columns);
}
