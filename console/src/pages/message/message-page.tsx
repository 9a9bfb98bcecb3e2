// Everything known of one message, and what can be done about it.

import { call } from '../../api.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Code } from '../../components/code.tsx';
import { PageHead, Panel } from '../../components/page.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
import { useAnswer } from '../../use-answer.ts';
import { useNews } from '../../use-news.ts';
import { QueueActions } from '../queue/actions.tsx';
import { isUnderWay, waitsOf } from '../queue/queue-columns.tsx';
import type { Story } from './story.ts';
import { Timeline } from './timeline.tsx';

/** How often it is looked at again while it is in the queue. */
const lookMs = 3000;

export function MessagePage({ id }: { readonly id: string }) {
  const answer = useAnswer(`why ${id}`, (signal) => call('why', { id }, signal), {
    everyMs: lookMs,
  });
  const { data, error, loading, reload } = answer;
  useNews('queue', reload);
  if (loading) return <Waiting what="Looking through the history" />;
  if (data === undefined)
    return (
      <>
        <PageHead title="Message" about={<code>{id}</code>} />
        <NotKnown id={id} error={error ?? ''} retry={reload} />
      </>
    );
  return (
    <>
      {data.stories.map((story) => (
        <OneStory key={story.id} story={story} onChanged={reload} />
      ))}
      <details>
        <summary>As text</summary>
        <Code text={data.text} what="the story" wraps />
      </details>
    </>
  );
}

function NotKnown({
  id,
  error,
  retry,
}: {
  readonly id: string;
  readonly error: string;
  readonly retry: () => void;
}) {
  if (!error.startsWith('nothing is known')) return <Problem text={error} retry={retry} />;
  return (
    <Panel>
      <Empty icon="search" title="Nothing is known of it">
        <p>
          <code>{id}</code> is no queue id and no Message-ID seen lately, and nothing of it was
          refused: it may never have been offered, or history no longer reaches back that far (
          <code>history</code> in the configuration).
        </p>
        <a class="button" href={`/messages?q=${encodeURIComponent(id)}`}>
          Search for it
        </a>
      </Empty>
    </Panel>
  );
}

/** Where some are held and some are not, both are offered. */
function heldFacts({ recipients }: NonNullable<Story['queued']>): { readonly isHeld?: boolean } {
  const held = recipients.filter(({ state }) => state === 'held').length;
  if (held > 0 && held < recipients.length) return {};
  return { isHeld: held > 0 };
}

function OneStory({ story, onChanged }: { readonly story: Story; readonly onChanged: () => void }) {
  const { tone, word } = stateOf(story);
  const received = story.events.find((event) => event.kind === 'received');
  return (
    <article class="stack">
      <PageHead
        title={
          <>
            {received === undefined ? 'Message' : received.sender || 'Notification'}{' '}
            <Badge tone={tone}>{word}</Badge>
          </>
        }
        about={
          <>
            <code>{story.id}</code>
            {received?.messageId !== undefined && <> · {received.messageId}</>}
          </>
        }
      >
        {story.queued !== null && (
          <QueueActions of={{ ids: [story.id] }} {...heldFacts(story.queued)} onDone={onChanged} />
        )}
      </PageHead>
      <Panel>
        <Timeline story={story} />
      </Panel>
    </article>
  );
}

function stateOf({ queued, events }: Story): { readonly tone: Tone; readonly word: string } {
  if (queued !== null) {
    const states = queued.recipients.map(({ state }) => state);
    if (isUnderWay(queued.recipients)) return { tone: 'accent', word: 'under way' };
    if (waitsOf(queued.recipients) !== undefined) return { tone: 'wait', word: 'waits' };
    if (states.every((state) => state === 'held')) return { tone: 'calm', word: 'held' };
    const isDeferred = queued.recipients.some(({ attempts }) => attempts > 0);
    return isDeferred ? { tone: 'wait', word: 'deferred' } : { tone: 'accent', word: 'queued' };
  }
  const last = events.at(-1);
  if (last?.kind === 'refused') return { tone: 'bad', word: 'refused' };
  if (events.some(({ kind }) => kind === 'cancelled')) return { tone: 'bad', word: 'cancelled' };
  const results = events.flatMap((event) => (event.kind === 'attempt' ? event.results : []));
  if (results.some(({ result }) => result === 'failed' || result === 'expired'))
    return { tone: 'bad', word: 'failed' };
  return results.length > 0 ? { tone: 'good', word: 'delivered' } : { tone: 'calm', word: 'gone' };
}
