// TLS reports: whether others reached our domains encrypted, and what failed.

import type { TlsSummary } from '../../../../src/report/summary.ts';
import { Panel } from '../../components/page.tsx';
import { number } from '../../format.ts';
import { Figure } from './dmarc.tsx';

export function TlsReports({ reports }: { readonly reports: readonly TlsSummary[] }) {
  const domains = Map.groupBy(reports, ({ domain }) => domain);
  return (
    <>
      {[...domains].map(([domain, of]) => (
        <Domain key={domain} domain={domain} reports={of} />
      ))}
    </>
  );
}

interface DomainProps {
  readonly domain: string;
  readonly reports: readonly TlsSummary[];
}

function Domain({ domain, reports }: DomainProps) {
  const policies = reports.flatMap((one) => one.policies);
  const total = (of: (policy: (typeof policies)[number]) => number) =>
    policies.reduce((sum, policy) => sum + of(policy), 0);
  const failures = reports.flatMap((one) => one.failures);
  return (
    <Panel
      title={domain}
      about={`${reports.length} reports by ${[...new Set(reports.map((one) => one.by))].join(', ')}`}
      bare
    >
      <div class="stats flat">
        <Figure name="Encrypted sessions" value={number(total((one) => one.successes))} />
        <Figure name="Failed sessions" value={number(total((one) => one.failures))} />
        <Figure
          name="By"
          value={[...new Set(policies.map(({ type }) => type))].join(', ') || '–'}
        />
      </div>
      {failures.length > 0 && (
        <table class="table stacks">
          <caption class="visually-hidden">What failed</caption>
          <thead>
            <tr>
              <th scope="col">What failed</th>
              <th scope="col">Host</th>
              <th scope="col">Why</th>
              <th scope="col" class="number">
                Sessions
              </th>
            </tr>
          </thead>
          <tbody>
            {failures.map((failure, i) => (
              <tr key={i}>
                <td class="lead">{failure.result}</td>
                <td data-label="Host">{failure.mxHost ?? '–'}</td>
                <td data-label="Why" class="break">
                  {failure.reason ?? '–'}
                </td>
                <td data-label="Sessions" class="number">
                  {number(failure.sessions)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
