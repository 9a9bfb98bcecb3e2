// DMARC aggregate reports: how much of the mail in a domain's name was proven to be its own, and who sent the rest.

import type { DmarcSummary, SourceSummary } from '../../../../src/report/summary.ts';
import { Badge } from '../../components/badge.tsx';
import { Panel } from '../../components/page.tsx';
import { number } from '../../format.ts';

export function DmarcReports({ reports }: { readonly reports: readonly DmarcSummary[] }) {
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
  readonly reports: readonly DmarcSummary[];
}

function Domain({ domain, reports }: DomainProps) {
  const total = (of: (report: DmarcSummary) => number) =>
    reports.reduce((sum, report) => sum + of(report), 0);
  const messages = total((one) => one.messages);
  const passed = total((one) => one.passed);
  const policy = reports.at(-1)?.policy ?? 'none';
  const by = new Set(reports.map((one) => one.by));
  return (
    <Panel
      title={domain}
      about={`${reports.length} reports by ${[...by].join(', ')}; the policy is ${policy}`}
      bare
    >
      <div class="stats flat">
        <Figure name="Messages" value={number(messages)} />
        <Figure
          name="Proven"
          value={messages === 0 ? '–' : `${Math.floor((100 * passed) / messages)} %`}
          note={number(passed)}
        />
        <Figure name="Quarantined" value={number(total((one) => one.quarantined))} />
        <Figure name="Rejected" value={number(total((one) => one.rejected))} />
      </div>
      <div class="scroll">
        <Sources sources={reports.flatMap((one) => one.sources)} domain={domain} />
      </div>
    </Panel>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
}

export function Figure({ name, value, note }: FigureProps) {
  return (
    <div class="stat">
      <span class="name">{name}</span>
      <span class="value">{value}</span>
      {note !== undefined && <span class="extra">{note}</span>}
    </div>
  );
}

const sourcesMax = 25;

function Sources({
  sources,
  domain,
}: {
  readonly sources: readonly SourceSummary[];
  readonly domain: string;
}) {
  const merged = merge(sources).slice(0, sourcesMax);
  return (
    <table class="table stacks">
      <caption class="visually-hidden">Who sent in the name of {domain}</caption>
      <thead>
        <tr>
          <th scope="col">Source</th>
          <th scope="col">Proven by</th>
          <th scope="col">What was done</th>
          <th scope="col" class="number">
            Messages
          </th>
        </tr>
      </thead>
      <tbody>
        {merged.map((source) => (
          <tr key={keyOf(source)}>
            <td class="lead break">
              {source.address}
              {source.from !== domain && <span class="sub">as {source.from}</span>}
            </td>
            <td data-label="Proven by">
              <span class="badges">
                {source.dkim && <Badge tone="good">DKIM</Badge>}
                {source.spf && <Badge tone="good">SPF</Badge>}
                {!source.dkim && !source.spf && <Badge tone="bad">nothing</Badge>}
              </span>
            </td>
            <td data-label="What was done">
              {source.disposition}
              {source.reason !== null && <span class="sub">{source.reason}</span>}
            </td>
            <td data-label="Messages" class="number">
              {number(source.messages)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

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
