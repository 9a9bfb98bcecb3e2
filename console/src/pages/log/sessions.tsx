// Connections that are open now.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { ActButton } from '../../components/act-button.tsx';
import { Badge } from '../../components/badge.tsx';
import { holds } from '../../components/filter-text.ts';
import { Filters } from '../../components/filters.tsx';
import { List } from '../../components/list.tsx';
import { SilentNodes } from '../../components/silent-nodes.tsx';
import { Empty } from '../../components/states.tsx';
import type { Column } from '../../components/table.tsx';
import { bytes, duration } from '../../format.ts';
import { words } from '../../router.ts';
import { useAnswer } from '../../use-answer.ts';
import { atOnce } from '../../use-pages.ts';

type Session = AnswerOf<'sessionList'>['sessions'][number];

const lookMs = 2000;
/** Limit: rows; who has more looks for the one. */
const shownMax = 300;

export function Sessions() {
  const text = words.value;
  const answer = useAnswer('sessions', (signal) => call('sessionList', {}, signal), {
    everyMs: lookMs,
  });
  const { sessions: open = [], silent = [] } = answer.data ?? {};
  const fitting = open.filter(({ id, node, service, client, account, phase }) =>
    holds(text, id, node, service, client, account, phase),
  );
  const isShared = silent.length > 0 || open.some(({ node }) => node !== null);
  return (
    <>
      <Filters label="Filter the sessions" hint="Service, client, account, node" />
      <SilentNodes of={silent} />
      <List
        pages={{ ...answer, ...atOnce, items: fitting.slice(0, shownMax) }}
        waiting="Asking for sessions"
        caption="Open sessions, oldest first"
        columns={isShared ? [...columns, nodeColumn] : columns}
        keyOf={({ id }) => id}
        actions={({ id, client }) => (
          <ActButton
            kind="danger"
            act={() => call('sessionEnd', { id })}
            done="The connection is dropped"
            then={answer.reload}
            of={`the connection of ${client}`}
          >
            Drop
          </ActButton>
        )}
        empty={
          <Empty
            icon="server"
            title={open.length === 0 ? 'Nobody is connected' : 'No session fits'}
          >
            <p>
              Whoever connects by SMTP, IMAP or POP3 appears here as long as the connection is open.
            </p>
          </Empty>
        }
      />
    </>
  );
}

const nodeColumn: Column<Session> = { name: 'Node', cell: ({ node }) => node ?? '–' };

const columns: readonly Column<Session>[] = [
  {
    name: 'Client',
    kind: 'text',
    cell: ({ client, account }) => (
      <>
        {client || 'this machine'}
        {account !== null && <span class="sub">{account}</span>}
      </>
    ),
  },
  {
    name: 'Service',
    cell: ({ service, secure }) => (
      <>
        {service}{' '}
        <Badge tone={secure ? 'good' : 'calm'} icon={undefined}>
          {secure ? 'TLS' : 'in the clear'}
        </Badge>
      </>
    ),
  },
  { name: 'At', cell: ({ phase }) => phase ?? '–' },
  { name: 'In', kind: 'number', cell: ({ bytesIn }) => bytes(bytesIn) },
  { name: 'Out', kind: 'number', cell: ({ bytesOut }) => bytes(bytesOut) },
  {
    name: 'Open for',
    kind: 'number',
    cell: ({ since }) => duration(Math.max(Date.now() - Date.parse(since), 0)),
  },
];
