// Which part of the queue is shown. It lies in the address bar, so that it can be kept and sent to others.

import type { AnswerOf, InputOf } from '../../api.ts';
import { Button } from '../../components/page.tsx';
import { SearchField } from '../../components/search-field.tsx';
import { number } from '../../format.ts';
import { navigate, query, setQuery } from '../../router.ts';

type Filter = NonNullable<InputOf<'queueHold'>['filter']>;
type State = NonNullable<Filter['state']>;

const states: readonly (readonly [State, string])[] = [
  ['deferred', 'deferred'],
  ['queued', 'not tried yet'],
  ['active', 'under way'],
  ['held', 'held'],
];

const ages: readonly (readonly [ms: number, name: string])[] = [
  [60 * 60_000, '1 hour'],
  [4 * 60 * 60_000, '4 hours'],
  [24 * 60 * 60_000, '1 day'],
  [3 * 24 * 60 * 60_000, '3 days'],
];

/** What is asked for, from the address bar; ages are counted from the full minute, so that it stays the same for one. */
export function filterFrom(asked: URLSearchParams): Filter {
  const given = (name: string) => asked.get(name) || undefined;
  const state = states.find(([one]) => one === given('state'))?.[0];
  const age = Number(given('age') ?? 0);
  const minute = Math.floor(Date.now() / 60_000) * 60_000;
  return {
    ...(given('q') && { text: given('q') }),
    ...(given('sender') && { sender: given('sender') }),
    ...(given('recipient') && { recipient: given('recipient') }),
    ...(given('destination') && { destination: given('destination') }),
    ...(state && { state }),
    ...(age > 0 && { until: new Date(minute - age).toISOString() }),
  };
}

export function QueueFilters({ totals }: { readonly totals: AnswerOf<'queueCount'> | undefined }) {
  const asked = query.value;
  const destination = asked.get('destination') ?? '';
  const isFiltered = [...asked.keys()].length > 0;
  const known = totals?.destinations ?? [];
  return (
    <div class="filters">
      <SearchField
        label="Search the queue"
        hint="Address, Message-ID or words of the last reply"
        value={asked.get('q') ?? ''}
        onSearch={(q) => setQuery({ q })}
      />
      <select
        class="select"
        aria-label="State"
        value={asked.get('state') ?? ''}
        onChange={(event) => setQuery({ state: event.currentTarget.value })}
      >
        <option value="">any state</option>
        {states.map(([state, name]) => (
          <option key={state} value={state}>
            {name}
            {totals !== undefined && ` (${number(totals.states[state])})`}
          </option>
        ))}
      </select>
      <select
        class="select"
        aria-label="Destination"
        value={destination}
        onChange={(event) => setQuery({ destination: event.currentTarget.value })}
      >
        <option value="">any destination</option>
        {destination !== '' && !known.some((one) => one.destination === destination) && (
          <option value={destination}>{destination}</option>
        )}
        {known.map((one) => (
          <option key={one.destination} value={one.destination}>
            {one.name} ({number(one.recipients)})
          </option>
        ))}
      </select>
      <select
        class="select"
        aria-label="Age"
        value={asked.get('age') ?? ''}
        onChange={(event) => setQuery({ age: event.currentTarget.value })}
      >
        <option value="">any age</option>
        {ages.map(([ms, name]) => (
          <option key={ms} value={String(ms)}>
            older than {name}
          </option>
        ))}
      </select>
      {isFiltered && (
        <Button kind="plain" icon="cross" onClick={() => navigate('/queue', { replace: true })}>
          Clear
        </Button>
      )}
    </div>
  );
}
