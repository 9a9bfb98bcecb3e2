// TLS reports: whether others reached our domains encrypted, and what failed.

import type { TlsSummary } from '../../../../src/report/summary.ts';
import { type Column, Table } from '../../components/table.tsx';
import { number } from '../../format.ts';
import { ByDomain, Figure, namesOf, sum } from './by-domain.tsx';

export const TlsReports = ({ reports }: { readonly reports: readonly TlsSummary[] }) => (
  <ByDomain reports={reports}>{(of) => <Domain reports={of} />}</ByDomain>
);

/** RFC 8460 §4.2. */
const policyNames: ReadonlyMap<string, string> = new Map([
  ['sts', 'MTA-STS'],
  ['tlsa', 'DANE'],
  ['no-policy-found', 'nothing'],
]);

type Failure = TlsSummary['failures'][number];

/** Limit: rows for a domain. */
const failuresMax = 25;

function Domain({ reports }: { readonly reports: readonly TlsSummary[] }) {
  const policies = reports.flatMap((one) => one.policies);
  const failures = reports.flatMap((one) => one.failures);
  return (
    <>
      <div class="stats flat">
        <Figure name="Encrypted sessions" value={number(sum(policies, (one) => one.successes))} />
        <Figure name="Failed sessions" value={number(sum(policies, (one) => one.failures))} />
        <Figure
          name="What asks for it"
          value={namesOf(policies.map(({ type }) => policyNames.get(type) ?? type)) || '–'}
        />
      </div>
      {failures.length > 0 && (
        <Table
          caption="What failed"
          rows={merge(failures).slice(0, failuresMax)}
          columns={columns}
          keyOf={keyOf}
        />
      )}
    </>
  );
}

const columns: readonly Column<Failure>[] = [
  { name: 'What failed', cell: ({ result }) => result },
  { name: 'Host', cell: ({ mxHost }) => mxHost ?? '–' },
  { name: 'Why', kind: 'text', cell: ({ reason }) => reason ?? '–' },
  { name: 'Sessions', kind: 'number', cell: ({ sessions }) => number(sessions) },
];

const keyOf = ({ result, mxHost, reason }: Failure): string => [result, mxHost, reason].join(' ');

/** The same of many days once, the most frequent first. */
function merge(failures: readonly Failure[]): readonly Failure[] {
  const merged = new Map<string, Failure>();
  for (const failure of failures) {
    const key = keyOf(failure);
    const sessions = failure.sessions + (merged.get(key)?.sessions ?? 0);
    merged.set(key, { ...failure, sessions });
  }
  return [...merged.values()].sort((a, b) => b.sessions - a.sessions);
}
