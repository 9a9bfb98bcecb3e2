// Where is my mail? Everything that came in, and everything that was refused, found by whatever is known of it.

import { PageHead } from '../components/page.tsx';
import { SearchField } from '../components/search-field.tsx';
import { Segments } from '../components/segments.tsx';
import { parts, query, setQuery } from '../router.ts';
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
  const text = query.value.get('q') ?? '';
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
      <div class="filters">
        <SearchField
          label="Search messages"
          hint="Address, @domain, id, Message-ID, client, reply"
          value={text}
          onSearch={(q) => setQuery({ q })}
        />
        {kind === 'messages' && <StateFilter />}
      </div>
      {kind === 'messages' ? <MessageList text={text} /> : <RefusalList text={text} />}
    </>
  );
}

const states = ['queued', 'deferred', 'delivered', 'bounced', 'cancelled'] as const;

function StateFilter() {
  return (
    <select
      class="select"
      aria-label="State"
      value={query.value.get('state') ?? ''}
      onChange={(event) => setQuery({ state: event.currentTarget.value })}
    >
      <option value="">any state</option>
      {states.map((state) => (
        <option key={state} value={state}>
          {state}
        </option>
      ))}
    </select>
  );
}
