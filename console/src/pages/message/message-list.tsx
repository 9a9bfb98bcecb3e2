// Messages that were taken in, newest first.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { List } from '../../components/list.tsx';
import { Empty } from '../../components/states.tsx';
import { type Column, RowLink } from '../../components/table.tsx';
import { When } from '../../components/time.tsx';
import { bytes } from '../../format.ts';
import { query } from '../../router.ts';
import { useNews } from '../../use-news.ts';
import { usePages } from '../../use-pages.ts';

type Found = AnswerOf<'messageSearch'>['messages'][number];
type State = Found['state'];

const lookMs = 10_000;

export const stateTones: Readonly<Record<State, Tone>> = {
  queued: 'accent',
  deferred: 'wait',
  delivered: 'good',
  bounced: 'bad',
  cancelled: 'calm',
};

export function MessageList({ text }: { readonly text: string }) {
  const state = (query.value.get('state') ?? '') as State | '';
  const pages = usePages(
    `messages ${state} ${text}`,
    async (after, signal) => {
      const asked = {
        ...(text !== '' && { text }),
        ...(state !== '' && { state }),
        ...(after !== undefined && { after }),
      };
      const { messages, next } = await call('messageSearch', asked, signal);
      return { items: messages, next };
    },
    { everyMs: lookMs },
  );
  useNews('messages', pages.reload);
  return (
    <List
      pages={pages}
      waiting="Looking through the history"
      caption="Messages, newest first"
      columns={columns}
      keyOf={({ id }) => id}
      empty={<NoMessages isFiltered={text !== '' || state !== ''} text={text} />}
    />
  );
}

const columns: readonly Column<Found>[] = [
  { name: 'From and to', kind: 'text', cell: (message) => <FromAndTo {...message} /> },
  { name: 'State', cell: ({ state }) => <Badge tone={stateTones[state]}>{state}</Badge> },
  {
    name: 'Last said of it',
    label: 'Last said',
    kind: 'text',
    class: 'soft',
    cell: ({ lastReply }) => lastReply ?? <span class="faint">nothing yet</span>,
  },
  { name: 'Size', kind: 'number', cell: ({ size }) => bytes(size) },
  { name: 'Received', kind: 'number', cell: ({ received }) => <When at={received} /> },
];

function FromAndTo({ id, sender, recipients, recipientCount }: Found) {
  const more = recipientCount - recipients.length;
  return (
    <>
      <RowLink to={`/messages/${encodeURIComponent(id)}`}>{sender || 'Notification'}</RowLink>
      <span class="sub">
        to {recipients.join(', ')}
        {more > 0 && ` and ${more} more`}
      </span>
    </>
  );
}

function NoMessages({ isFiltered, text }: { readonly isFiltered: boolean; readonly text: string }) {
  if (!isFiltered)
    return (
      <Empty icon="mail" title="No message has come in yet">
        <p>
          Send one to the SMTP or submission port of this server. It appears here with its whole
          story: who sent it, what was found out of it, and every attempt to deliver it.
        </p>
      </Empty>
    );
  return (
    <Empty icon="search" title="No message like this">
      <p>
        Nothing that was taken in fits. It may have been refused at the door, which is listed by
        itself; if it is not there either, it was never offered.
      </p>
      <div class="actions">
        <a class="button primary" href={`/messages?kind=refused&q=${encodeURIComponent(text)}`}>
          Look among what was refused
        </a>
        <a class="button" href="/messages">
          Show all
        </a>
      </div>
    </Empty>
  );
}
