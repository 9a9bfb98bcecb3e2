// Complaints about single messages.

import type { AbuseSummary } from '../../../../src/report/summary.ts';
import { Badge } from '../../components/badge.tsx';
import { Panel } from '../../components/page.tsx';
import { type Column, RowLink, Table } from '../../components/table.tsx';
import { When } from '../../components/time.tsx';

export function AbuseReports({ reports }: { readonly reports: readonly AbuseSummary[] }) {
  if (reports.length === 0) return null;
  return (
    <Panel bare>
      <Table caption="Complaints, newest first" rows={latest(reports)} columns={columns} />
    </Panel>
  );
}

/** Limit: rows. */
const shownMax = 500;

const latest = (reports: readonly AbuseSummary[]): readonly AbuseSummary[] =>
  reports.slice(-shownMax).reverse();

const columns: readonly Column<AbuseSummary>[] = [
  { name: 'Message', kind: 'text', cell: ({ message }) => <Message {...message} /> },
  {
    name: 'Kind',
    cell: ({ type, failure, incidents }) => (
      <>
        <Badge tone={type === 'abuse' ? 'bad' : 'wait'} icon="warn">
          {type}
        </Badge>
        {failure !== null && <span class="sub">{failure}</span>}
        {incidents > 1 && <span class="sub">{incidents} times</span>}
      </>
    ),
  },
  {
    name: 'By',
    kind: 'text',
    cell: ({ by, sourceIp }) => (
      <>
        {by}
        {sourceIp !== null && <span class="sub">about {sourceIp}</span>}
      </>
    ),
  },
  { name: 'Received', kind: 'number', cell: ({ received }) => <When at={received} /> },
];

function Message({ id, subject, from }: AbuseSummary['message']) {
  return (
    <>
      {id === null ? (
        <bdi>{subject || 'a message that is not named'}</bdi>
      ) : (
        <RowLink to={`/messages?q=${encodeURIComponent(id)}`}>
          <bdi>{subject || id}</bdi>
        </RowLink>
      )}
      {from !== null && (
        <span class="sub">
          from <bdi>{from}</bdi>
        </span>
      )}
    </>
  );
}
