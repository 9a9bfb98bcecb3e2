// Messages that were taken in, newest first.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { More } from '../../components/more.tsx';
import { Panel } from '../../components/page.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
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
  if (pages.error !== undefined && pages.items.length === 0)
    return <Problem text={pages.error} retry={pages.reload} />;
  if (pages.loading) return <Waiting what="Looking through the history" />;
  if (pages.items.length === 0)
    return <NoMessages isFiltered={text !== '' || state !== ''} text={text} />;
  return (
    <Panel bare>
      <table class="table stacks">
        <caption class="visually-hidden">Messages, newest first</caption>
        <thead>
          <tr>
            <th scope="col">From and to</th>
            <th scope="col">State</th>
            <th scope="col">Last said of it</th>
            <th scope="col" class="number">
              Size
            </th>
            <th scope="col" class="number">
              Received
            </th>
          </tr>
        </thead>
        <tbody>
          {pages.items.map((message) => (
            <Row key={message.id} message={message} />
          ))}
        </tbody>
      </table>
      <More pages={pages} />
    </Panel>
  );
}

function Row({ message }: { readonly message: Found }) {
  const { id, sender, recipients, recipientCount, state, lastReply, size, received } = message;
  const more = recipientCount - recipients.length;
  return (
    <tr>
      <td class="lead break">
        <a class="main-link" data-row href={`/messages/${encodeURIComponent(id)}`}>
          {sender || 'Notification'}
        </a>
        <span class="sub">
          to {recipients.join(', ')}
          {more > 0 && ` and ${more} more`}
        </span>
      </td>
      <td data-label="State">
        <Badge tone={stateTones[state]}>{state}</Badge>
      </td>
      <td data-label="Last said" class="break soft">
        {lastReply ?? <span class="faint">nothing yet</span>}
      </td>
      <td data-label="Size" class="number">
        {bytes(size)}
      </td>
      <td data-label="Received" class="number">
        <When at={received} />
      </td>
    </tr>
  );
}

function NoMessages({ isFiltered, text }: { readonly isFiltered: boolean; readonly text: string }) {
  if (!isFiltered)
    return (
      <Panel>
        <Empty icon="mail" title="No message has come in yet">
          <p>
            Send one to the SMTP or submission port of this server. It appears here with its whole
            story: who sent it, what was found out of it, and every attempt to deliver it.
          </p>
        </Empty>
      </Panel>
    );
  return (
    <Panel>
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
    </Panel>
  );
}
