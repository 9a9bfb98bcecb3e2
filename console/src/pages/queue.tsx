// The queue: what waits, since when, and what the other side said last; filters, and what can be done with all they hold.

import type { AnswerOf } from '../api.ts';
import { call } from '../api.ts';
import { List } from '../components/list.tsx';
import { PageHead } from '../components/page.tsx';
import { useSelection } from '../components/selection.ts';
import { Empty } from '../components/states.tsx';
import { Ago } from '../components/time.tsx';
import { counted } from '../format.ts';
import { query } from '../router.ts';
import { useAnswer } from '../use-answer.ts';
import { useNews } from '../use-news.ts';
import { usePages } from '../use-pages.ts';
import { QueueActions } from './queue/actions.tsx';
import { filterFrom, QueueFilters } from './queue/filters.tsx';
import { queueColumns } from './queue/queue-columns.tsx';

const lookMs = 5000;

export function Page() {
  const filter = filterFrom(query.value);
  const key = JSON.stringify(filter);
  const isFiltered = key !== '{}';
  const totals = useAnswer(`count ${key}`, (signal) => call('queueCount', filter, signal), {
    everyMs: lookMs,
  });
  const pages = usePages(
    key,
    async (after, signal) => {
      const asked = { ...filter, ...(after !== undefined && { after }) };
      const { messages, next } = await call('queueSearch', asked, signal);
      return { items: messages, next };
    },
    { everyMs: lookMs },
  );
  useNews('queue', pages.reload);
  useNews('queue', totals.reload);
  const ids = pages.items.map(({ id }) => id);
  const selection = useSelection(ids);
  const onDone = () => {
    selection.clear();
    pages.reload();
    totals.reload();
  };
  return (
    <>
      <PageHead title="Queue" about={<About totals={totals.data} />} />
      <QueueFilters totals={totals.data} />
      <List
        pages={pages}
        waiting="Reading the queue"
        caption="The queue, oldest first"
        columns={queueColumns}
        keyOf={({ id }) => id}
        choice={{
          selection,
          idOf: ({ id }) => id,
          label: ({ sender }) => `Choose the message from ${sender || 'the null sender'}`,
        }}
        empty={isFiltered ? <NothingFits /> : <NothingWaits />}
      />
      {selection.chosen.length > 0 ? (
        <section class="batch" aria-label="With the chosen messages">
          <strong>{counted(selection.chosen.length, 'message')} chosen</strong>
          <QueueActions of={{ ids: selection.chosen }} onDone={onDone} />
        </section>
      ) : (
        isFiltered &&
        pages.items.length > 0 && (
          <section class="batch" aria-label="With all that fit">
            <strong>
              All {totals.data?.complete ? counted(totals.data.messages, 'message') : 'that fit'}
            </strong>
            <QueueActions of={{ filter }} onDone={onDone} />
          </section>
        )
      )}
    </>
  );
}

function About({ totals }: { readonly totals: AnswerOf<'queueCount'> | undefined }) {
  if (totals === undefined) return <>Mail that waits to leave</>;
  const { messages, recipients, oldest, complete } = totals;
  return (
    <>
      {!complete && 'More than '}
      {counted(messages, 'message')} for {counted(recipients, 'recipient')}
      {oldest !== null && (
        <>
          , the oldest came <Ago at={oldest} />
        </>
      )}
    </>
  );
}

function NothingFits() {
  return (
    <Empty icon="search" title="Nothing that waits fits these filters">
      <p>Mail that has left is among the messages.</p>
      <div class="actions">
        <a class="button primary" href="/queue">
          Show the whole queue
        </a>
        <a class="button" href="/messages">
          Search all messages
        </a>
      </div>
    </Empty>
  );
}

function NothingWaits() {
  return (
    <Empty icon="check" title="The queue is empty">
      <p>
        Everything that was taken in has been delivered, handed on or bounced. What became of a
        message is told where all messages are.
      </p>
      <a class="button" href="/messages">
        Search messages
      </a>
    </Empty>
  );
}
