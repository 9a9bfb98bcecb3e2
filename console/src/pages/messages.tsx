// Where is my mail? Everything that came in, and everything that was refused, found by whatever is known of it.

import { Filter, Filters } from '../components/filters.tsx';
import { PageHead } from '../components/page.tsx';
import { Segments } from '../components/segments.tsx';
import { parts, query, setQuery, words } from '../router.ts';
import { MessageList } from './message/message-list.tsx';
import { MessagePage } from './message/message-page.tsx';
import { RefusalList } from './message/refusal-list.tsx';

const kinds = [
  ['messages', 'Taken in'],
  ['refused', 'Refused'],
] as const;

export function Page() {
  const [, id] = parts.value;
  if (id !== undefined) return <MessagePage id={id} key={id} />;
  const text = words.value;
  const kind = query.value.get('kind') === 'refused' ? 'refused' : 'messages';
  return (
    <>
      <PageHead
        title="Messages"
        about="Everything that came in or was offered, and what became of it"
      >
        <Segments
          label="Which"
          value={kind}
          options={kinds}
          onChange={(next) =>
            setQuery({ kind: next === 'refused' ? next : undefined, state: undefined })
          }
        />
      </PageHead>
      <Filters label="Search messages" hint="Address, @domain, id, Message-ID, client, reply">
        {kind === 'messages' && <Filter label="State" name="state" options={states} />}
      </Filters>
      {kind === 'messages' ? <MessageList text={text} /> : <RefusalList text={text} />}
    </>
  );
}

const states = [
  ['', 'any state'],
  ...['queued', 'deferred', 'delivered', 'bounced', 'cancelled'].map(
    (state) => [state, state] as const,
  ),
] as const;
