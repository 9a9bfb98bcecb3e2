// Who changed what, by whatever way: console, programs, command line.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Badge } from '../../components/badge.tsx';
import { List } from '../../components/list.tsx';
import { Empty } from '../../components/states.tsx';
import type { Column } from '../../components/table.tsx';
import { When } from '../../components/time.tsx';
import { usePages } from '../../use-pages.ts';

type Change = AnswerOf<'auditList'>['entries'][number];

export function Audit() {
  const pages = usePages('audit', async (after, signal) => {
    const asked = { limit: 100, ...(after !== undefined && { after }) };
    const { entries, next } = await call('auditList', asked, signal);
    return { items: entries, next };
  });
  return (
    <List
      pages={pages}
      waiting="Reading the record"
      head={{ title: 'Audit log', about: 'Who changed what, the latest first' }}
      caption="Changes, the latest first"
      columns={columns}
      empty={
        <Empty icon="shield" title="Nothing was changed yet">
          <p>
            Whatever anybody changes in the console, by a token or on the command line is written
            down here.
          </p>
        </Empty>
      }
    />
  );
}

/** `{"address":"ann@example.org","to":["a","b"]}` as `address ann@example.org, to a b`; what was cut is shown as it is. */
function plainly(input: string): string {
  let given: unknown;
  try {
    given = JSON.parse(input);
  } catch {
    return input;
  }
  if (typeof given !== 'object' || given === null) return input;
  return Object.entries(given)
    .map(([name, value]) => `${name} ${wordsOf(value)}`)
    .join(' · ');
}

const wordsOf = (value: unknown): string =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')
    ? value.join(', ')
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);

const columns: readonly Column<Change>[] = [
  {
    name: 'What',
    kind: 'text',
    cell: ({ what, input }) => (
      <>
        <strong>{what}</strong>
        {input !== '{}' && <span class="sub">{plainly(input)}</span>}
      </>
    ),
  },
  {
    name: 'Who',
    kind: 'text',
    cell: ({ who, client }) => (
      <>
        {who}
        {client !== '' && <span class="sub">{client}</span>}
      </>
    ),
  },
  {
    name: 'Outcome',
    kind: 'text',
    cell: ({ outcome }) => <Badge tone={outcome === 'done' ? 'good' : 'bad'}>{outcome}</Badge>,
  },
  { name: 'When', kind: 'number', cell: ({ at }) => <When at={at} /> },
];
