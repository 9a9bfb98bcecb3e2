// Connections that are open now.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Badge } from '../../components/badge.tsx';
import { holds } from '../../components/filter-text.ts';
import { Button, Panel } from '../../components/page.tsx';
import { SearchField } from '../../components/search-field.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
import { bytes, duration } from '../../format.ts';
import { query, setQuery } from '../../router.ts';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';

type Session = AnswerOf<'sessionList'>[number];

const lookMs = 2000;
/** Limit: rows; who has more looks for the one. */
const shownMax = 300;

export function Sessions() {
  const text = query.value.get('q') ?? '';
  const { data, error, loading, reload } = useAnswer(
    'sessions',
    (signal) => call('sessionList', {}, signal),
    { everyMs: lookMs },
  );
  const fitting = (data ?? []).filter(({ id, service, client, account, phase }) =>
    holds(text, id, service, client, account, phase),
  );
  return (
    <>
      <div class="filters">
        <SearchField
          label="Filter the sessions"
          hint="Service, client, account"
          value={text}
          onSearch={(q) => setQuery({ q })}
        />
      </div>
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading && <Waiting what="Asking for sessions" />}
      {data !== undefined && (
        <Panel bare>
          {fitting.length === 0 ? (
            <Empty
              icon="server"
              title={data.length === 0 ? 'Nobody is connected' : 'No session fits'}
            >
              <p>
                Whoever connects by SMTP, IMAP or POP3 appears here as long as the connection is
                open.
              </p>
            </Empty>
          ) : (
            <SessionTable sessions={fitting.slice(0, shownMax)} onDone={reload} />
          )}
        </Panel>
      )}
    </>
  );
}

interface TableProps {
  readonly sessions: readonly Session[];
  readonly onDone: () => void;
}

function SessionTable({ sessions, onDone }: TableProps) {
  const end = (id: string) =>
    void attempt(async () => {
      await call('sessionEnd', { id });
      return 'The connection is dropped';
    }).then(onDone);
  return (
    <table class="table stacks">
      <caption class="visually-hidden">Open sessions, oldest first</caption>
      <thead>
        <tr>
          <th scope="col">Client</th>
          <th scope="col">Service</th>
          <th scope="col">At</th>
          <th scope="col" class="number">
            In
          </th>
          <th scope="col" class="number">
            Out
          </th>
          <th scope="col" class="number">
            Open for
          </th>
          <th scope="col">
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {sessions.map((one) => (
          <tr key={one.id}>
            <td class="lead break">
              {one.client || 'this machine'}
              {one.account !== null && <span class="sub">{one.account}</span>}
            </td>
            <td data-label="Service">
              {one.service}{' '}
              <Badge tone={one.secure ? 'good' : 'calm'} icon={undefined}>
                {one.secure ? 'TLS' : 'in the clear'}
              </Badge>
            </td>
            <td data-label="At">{one.phase ?? '–'}</td>
            <td data-label="In" class="number">
              {bytes(one.bytesIn)}
            </td>
            <td data-label="Out" class="number">
              {bytes(one.bytesOut)}
            </td>
            <td data-label="Open for" class="number">
              {duration(Math.max(Date.now() - Date.parse(one.since), 0))}
            </td>
            <td class="act">
              <div class="actions end">
                <Button small kind="danger" onClick={() => end(one.id)}>
                  Drop<span class="visually-hidden"> the connection of {one.client}</span>
                </Button>
              </div>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
