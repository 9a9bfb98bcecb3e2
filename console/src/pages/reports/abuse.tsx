// Complaints about single messages.

import type { AbuseSummary } from '../../../../src/report/summary.ts';
import { Badge } from '../../components/badge.tsx';
import { Panel } from '../../components/page.tsx';
import { When } from '../../components/time.tsx';

export function AbuseReports({ reports }: { readonly reports: readonly AbuseSummary[] }) {
  if (reports.length === 0) return null;
  return (
    <Panel bare>
      <table class="table stacks">
        <caption class="visually-hidden">Complaints, oldest first</caption>
        <thead>
          <tr>
            <th scope="col">Message</th>
            <th scope="col">Kind</th>
            <th scope="col">By</th>
            <th scope="col" class="number">
              Received
            </th>
          </tr>
        </thead>
        <tbody>
          {reports.map((report, i) => (
            <Row key={i} report={report} />
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function Row({ report }: { readonly report: AbuseSummary }) {
  const { message, type, failure, by, sourceIp, received, incidents } = report;
  return (
    <tr>
      <td class="lead break">
        {message.id === null ? (
          (message.subject ?? 'a message that is not named')
        ) : (
          <a class="main-link" data-row href={`/messages?q=${encodeURIComponent(message.id)}`}>
            {message.subject ?? message.id}
          </a>
        )}
        {message.from !== null && <span class="sub">from {message.from}</span>}
      </td>
      <td data-label="Kind">
        <Badge tone={type === 'abuse' ? 'bad' : 'wait'} icon="warn">
          {type}
        </Badge>
        {failure !== null && <span class="sub">{failure}</span>}
        {incidents > 1 && <span class="sub">{incidents} times</span>}
      </td>
      <td data-label="By" class="break">
        {by}
        {sourceIp !== null && <span class="sub">about {sourceIp}</span>}
      </td>
      <td data-label="Received" class="number">
        <When at={received} />
      </td>
    </tr>
  );
}
