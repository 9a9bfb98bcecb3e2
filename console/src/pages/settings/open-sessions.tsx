// Who is logged in to the console, from where.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { ActButton } from '../../components/act-button.tsx';
import { Panel } from '../../components/page.tsx';
import { Problem } from '../../components/states.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { Ago } from '../../components/time.tsx';
import { useAnswer } from '../../use-answer.ts';

type OpenSession = AnswerOf<'webSessionList'>[number];

export function OpenSessions() {
  const { data, error, reload } = useAnswer('web sessions', (signal) =>
    call('webSessionList', {}, signal),
  );
  if (error !== undefined) return <Problem text={error} retry={reload} />;
  if (data === undefined || data.length === 0) return null;
  return (
    <Panel title="Logged in now" bare>
      <Table
        caption="Who is logged in"
        rows={data}
        columns={columns}
        keyOf={({ id }) => id}
        actions={({ id, name }) => (
          <ActButton
            act={() => call('webSessionEnd', { id })}
            done={`${name} is logged out there`}
            then={reload}
            of={name}
          >
            Log out
          </ActButton>
        )}
      />
    </Panel>
  );
}

const columns: readonly Column<OpenSession>[] = [
  {
    name: 'Who',
    kind: 'text',
    cell: ({ name, kind }) => (
      <>
        {name}
        <span class="sub">{kind}</span>
      </>
    ),
  },
  {
    name: 'From',
    kind: 'text',
    cell: ({ client, program }) => (
      <>
        {client}
        <span class="sub">{program}</span>
      </>
    ),
  },
  { name: 'Last seen', cell: ({ seen }) => <Ago at={seen} /> },
];
