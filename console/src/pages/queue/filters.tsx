// Which part of the queue is shown. It lies in the address bar, so that it can be kept and sent to others.

import type { AnswerOf, InputOf } from '../../api.ts';
import { Filter, Filters } from '../../components/filters.tsx';
import { Button } from '../../components/page.tsx';
import { number } from '../../format.ts';
import { navigate, query } from '../../router.ts';

type QueueFilter = NonNullable<InputOf<'queueHold'>['filter']>;
type State = NonNullable<QueueFilter['state']>;

const states: readonly (readonly [State, string])[] = [
  ['deferred', 'deferred'],
  ['queued', 'not tried yet'],
  ['active', 'under way, or about to be'],
  ['held', 'held'],
];

const ages: readonly (readonly [ms: number, name: string])[] = [
  [60 * 60_000, '1 hour'],
  [4 * 60 * 60_000, '4 hours'],
  [24 * 60 * 60_000, '1 day'],
  [3 * 24 * 60 * 60_000, '3 days'],
];

/** What is asked for, from the address bar; ages are counted from the full minute, so that it stays the same for one. */
export function filterFrom(asked: URLSearchParams): QueueFilter {
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
  const isFiltered = [...query.value.keys()].length > 0;
  return (
    <Filters label="Search the queue" hint="Address, Message-ID or words of the last reply">
      <Filter
        label="State"
        name="state"
        options={[
          ['', 'any state'],
          ...states.map(([state, name]) => [state, counting(name, totals?.states[state])] as const),
        ]}
      />
      <Filter
        label="Destination"
        name="destination"
        options={[['', 'any destination'], ...destinationsOf(totals)]}
      />
      <Filter
        label="Age"
        name="age"
        options={[
          ['', 'any age'],
          ...ages.map(([ms, name]) => [String(ms), `older than ${name}`] as const),
        ]}
      />
      {isFiltered && (
        <Button kind="plain" icon="cross" onClick={() => navigate('/queue', { replace: true })}>
          Clear
        </Button>
      )}
    </Filters>
  );
}

const counting = (name: string, count: number | undefined): string =>
  count === undefined ? name : `${name} (${number(count)})`;

/** And the one that was asked for, though nothing waits for it. */
function destinationsOf(totals: AnswerOf<'queueCount'> | undefined) {
  const known = totals?.destinations ?? [];
  const asked = query.value.get('destination') ?? '';
  const isKnown = asked === '' || known.some(({ destination }) => destination === asked);
  return [
    ...(isKnown ? [] : [[asked, asked] as const]),
    ...known.map(
      ({ destination, name, recipients }) => [destination, counting(name, recipients)] as const,
    ),
  ];
}
