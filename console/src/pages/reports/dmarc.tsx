// DMARC aggregate reports: how much of the mail in a domain's name was proven to be its own, and who sent the rest.

import type { DmarcSummary, SourceSummary } from '../../../../src/report/summary.ts';
import { Badge } from '../../components/badge.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { number } from '../../format.ts';
import { ByDomain, Figure, sum } from './by-domain.tsx';

export const DmarcReports = ({ reports }: { readonly reports: readonly DmarcSummary[] }) => (
  <ByDomain reports={reports} about={(of) => `; the policy is ${of.at(-1)?.policy ?? 'none'}`}>
    {(of, domain) => <Domain domain={domain} reports={of} />}
  </ByDomain>
);

interface DomainProps {
  readonly domain: string;
  readonly reports: readonly DmarcSummary[];
}

/** Limit: rows for a domain. */
const sourcesMax = 25;

function Domain({ domain, reports }: DomainProps) {
  const messages = sum(reports, (one) => one.messages);
  const passed = sum(reports, (one) => one.passed);
  return (
    <>
      <div class="stats flat">
        <Figure name="Messages" value={number(messages)} />
        <Figure
          name="Proven"
          value={messages === 0 ? '–' : `${Math.floor((100 * passed) / messages)} %`}
          note={`${number(passed)} of ${number(messages)}`}
        />
        <Figure name="Quarantined" value={number(sum(reports, (one) => one.quarantined))} />
        <Figure name="Rejected" value={number(sum(reports, (one) => one.rejected))} />
      </div>
      <div class="scroll">
        <Table
          caption={`Who sent in the name of ${domain}`}
          rows={merge(reports.flatMap((one) => one.sources)).slice(0, sourcesMax)}
          columns={columnsFor(domain)}
          keyOf={keyOf}
        />
      </div>
    </>
  );
}

const columnsFor = (domain: string): readonly Column<SourceSummary>[] => [
  {
    name: 'Source',
    kind: 'text',
    cell: ({ address, from }) => (
      <>
        {address}
        {from !== domain && <span class="sub">as {from}</span>}
      </>
    ),
  },
  {
    name: 'Proven by',
    cell: ({ dkim, spf }) => (
      <span class="badges">
        {dkim && <Badge tone="good">DKIM</Badge>}
        {spf && <Badge tone="good">SPF</Badge>}
        {!dkim && !spf && <Badge tone="bad">nothing</Badge>}
      </span>
    ),
  },
  {
    name: 'What was done',
    cell: ({ disposition, reason }) => (
      <>
        {disposition}
        {reason !== null && <span class="sub">{reason}</span>}
      </>
    ),
  },
  { name: 'Messages', kind: 'number', cell: ({ messages }) => number(messages) },
];

const keyOf = ({ address, from, dkim, spf, disposition, reason }: SourceSummary): string =>
  [address, from, dkim, spf, disposition, reason].join(' ');

/** Those that were not proven first. */
function merge(sources: readonly SourceSummary[]): readonly SourceSummary[] {
  const merged = new Map<string, SourceSummary>();
  for (const source of sources) {
    const key = keyOf(source);
    const messages = source.messages + (merged.get(key)?.messages ?? 0);
    merged.set(key, { ...source, messages });
  }
  const isProven = ({ dkim, spf }: SourceSummary) => Number(dkim || spf);
  return [...merged.values()].sort((a, b) => isProven(a) - isProven(b) || b.messages - a.messages);
}
