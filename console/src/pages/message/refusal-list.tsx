// What clients were refused, newest first, with the reply they heard.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Badge } from '../../components/badge.tsx';
import { List } from '../../components/list.tsx';
import { Empty } from '../../components/states.tsx';
import type { Column } from '../../components/table.tsx';
import { When } from '../../components/time.tsx';
import { usePages } from '../../use-pages.ts';

type Refusal = AnswerOf<'refusalSearch'>['refusals'][number];

const lookMs = 10_000;

export function RefusalList({ text }: { readonly text: string }) {
  const pages = usePages(
    `refused ${text}`,
    async (after, signal) => {
      const asked = { ...(text !== '' && { text }), ...(after !== undefined && { after }) };
      const { refusals, next } = await call('refusalSearch', asked, signal);
      return { items: refusals, next };
    },
    { everyMs: lookMs },
  );
  return (
    <List
      pages={pages}
      waiting="Looking through the history"
      caption="Refusals, newest first"
      columns={columns}
      empty={<NoRefusals isFiltered={text !== ''} />}
    />
  );
}

const columns: readonly Column<Refusal>[] = [
  { name: 'Reply', kind: 'text', cell: (refusal) => <Reply {...refusal} /> },
  {
    name: 'From and to',
    kind: 'text',
    cell: ({ sender, recipient, recipientCount }) => (
      <>
        {sender === null ? <span class="faint">not said</span> : sender || 'null sender'}
        {recipient !== null && (
          <span class="sub">
            to {recipient}
            {recipientCount > 1 && ` and ${recipientCount - 1} more`}
          </span>
        )}
      </>
    ),
  },
  {
    name: 'Client',
    kind: 'text',
    cell: ({ client, hello }) => (
      <>
        {client || 'this machine'}
        {hello !== null && <span class="sub">{hello}</span>}
      </>
    ),
  },
  { name: 'When', kind: 'number', cell: ({ at }) => <When at={at} /> },
];

function Reply({ reply, reason, stage }: Refusal) {
  const forNow = reply?.startsWith('4') === true;
  return (
    <>
      <span class="mono">{reply ?? 'nothing could be said'}</span>
      <span class="sub">
        <Badge tone={forNow ? 'wait' : 'bad'}>
          {stage}
          {forNow && ', for now'}
        </Badge>{' '}
        {reply?.includes(reason) === true ? '' : reason}
      </span>
    </>
  );
}

function NoRefusals({ isFiltered }: { readonly isFiltered: boolean }) {
  return (
    <Empty
      icon="shield"
      title={isFiltered ? 'Nothing like this was refused' : 'Nothing was refused'}
    >
      <p>
        {isFiltered
          ? 'If it is not among the messages that were taken in either, it was never offered to this server: ask the sender’s side for the reply they got.'
          : 'Whatever clients are told by 4yz or 5yz appears here: wrong recipients, failed logins, what policies object to.'}
      </p>
    </Empty>
  );
}
