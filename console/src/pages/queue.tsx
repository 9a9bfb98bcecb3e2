// The queue: what waits, since when, and what the other side said last; filters, and what can be done with all they hold.

import { call } from '../api.ts';
import { More } from '../components/more.tsx';
import { PageHead, Panel } from '../components/page.tsx';
import { useSelection } from '../components/selection.ts';
import { Empty, Problem, Waiting } from '../components/states.tsx';
import { Ago } from '../components/time.tsx';
import { counted } from '../format.ts';
import { query } from '../router.ts';
import { useAnswer } from '../use-answer.ts';
import { useNews } from '../use-news.ts';
import { usePages } from '../use-pages.ts';
import { QueueActions } from './queue/actions.tsx';
import { filterFrom, QueueFilters } from './queue/filters.tsx';
import { QueueTable } from './queue/table.tsx';

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
  const { data } = totals;
  return (
    <>
      <PageHead
        title="Queue"
        about={
          data === undefined ? (
            'Mail that waits to leave'
          ) : (
            <>
              {counted(data.messages, 'message')} for {counted(data.recipients, 'recipient')}
              {data.oldest !== null && (
                <>
                  , the oldest came <Ago at={data.oldest} />
                </>
              )}
            </>
          )
        }
      />
      <QueueFilters totals={data} />
      {pages.error !== undefined && <Problem text={pages.error} retry={pages.reload} />}
      {pages.loading ? (
        <Waiting what="Reading the queue" />
      ) : pages.items.length === 0 ? (
        pages.error === undefined && <NothingWaits isFiltered={isFiltered} />
      ) : (
        <Panel bare>
          <QueueTable messages={pages.items} selection={selection} />
          <More pages={pages} />
        </Panel>
      )}
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
              All {data === undefined ? 'that fit' : counted(data.messages, 'message')}
            </strong>
            <QueueActions of={{ filter }} onDone={onDone} />
          </section>
        )
      )}
    </>
  );
}

function NothingWaits({ isFiltered }: { readonly isFiltered: boolean }) {
  return (
    <Panel>
      {isFiltered ? (
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
      ) : (
        <Empty icon="check" title="The queue is empty">
          <p>
            Everything that was taken in has been delivered, handed on or bounced. What became of a
            message is told where all messages are.
          </p>
          <a class="button" href="/messages">
            Search messages
          </a>
        </Empty>
      )}
    </Panel>
  );
}
