// The numbers one looks at first, each leading to what it counts.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { duration, number, relative } from '../../format.ts';
import { useAnswer } from '../../use-answer.ts';

const lookMs = 5000;

export function Numbers({
  statistics,
}: {
  readonly statistics: AnswerOf<'statistics'> | undefined;
}) {
  const queue = useAnswer('queue', (signal) => call('queueCount', {}, signal), { everyMs: lookMs });
  const destinations = useAnswer('destinations', (signal) => call('destinationList', {}, signal), {
    everyMs: lookMs,
  });
  const sessions = useAnswer('sessions', (signal) => call('sessionList', {}, signal), {
    everyMs: lookMs,
  });
  const { data } = queue;
  const dead = destinations.data?.destinations.filter(({ deadUntil }) => deadUntil !== null).length;
  return (
    <div class="stats six">
      <Stat
        to="/queue"
        name="In the queue"
        value={data?.recipients}
        note={
          data === undefined
            ? ''
            : data.oldest === null
              ? 'nothing waits'
              : `oldest ${relative(Date.parse(data.oldest))}`
        }
      />
      <Stat
        to="/queue?state=deferred"
        name="Deferred"
        value={data?.states.deferred}
        note={data === undefined ? '' : `${number(data.states.held)} held`}
      />
      <Stat
        to="/destinations"
        name="Destinations found dead"
        value={dead}
        note={dead === undefined ? '' : dead === 0 ? 'all answer' : 'left alone for now'}
      />
      <Stat
        to="/messages"
        name="Received in this period"
        value={statistics === undefined ? undefined : sum(statistics.received)}
        note={statistics === undefined ? '' : deliveredOf(statistics)}
      />
      <Stat
        to="/messages?kind=refused"
        name="Refused in this period"
        value={statistics === undefined ? undefined : sum(statistics.refused)}
        note="by 4yz and 5yz"
      />
      <Stat
        to="/log?show=sessions"
        name="Sessions open now"
        value={sessions.data?.sessions.length}
        note={sessions.data === undefined ? '' : sessionsText(sessions.data)}
      />
    </div>
  );
}

interface StatProps {
  readonly to: string;
  readonly name: string;
  readonly value: number | undefined;
  readonly note: string;
}

function Stat({ to, name, value, note }: StatProps) {
  return (
    <a class="stat" href={to}>
      <span class="name">{name}</span>
      <span class="value">{value === undefined ? '–' : number(value)}</span>
      <span class="extra">{note || '\u00a0'}</span>
    </a>
  );
}

/** Who did not say is named before what the others said. */
function sessionsText({ sessions, silent }: AnswerOf<'sessionList'>): string {
  const names = silent.filter(({ state }) => state === 'silent').map(({ node }) => node);
  return names.length === 0 ? servicesOf(sessions) : `without ${names.join(', ')}: no answer`;
}

function deliveredOf({ delivered, latency }: AnswerOf<'statistics'>): string {
  const median = latency.p50.findLast((value) => value !== null);
  const half = median == null ? '' : `, half within ${duration(median * 1000)}`;
  return `${number(sum(delivered))} delivered${half}`;
}

function servicesOf(sessions: readonly { readonly service: string }[]): string {
  const services = Map.groupBy(sessions, ({ service }) => service);
  return [...services].map(([service, { length }]) => `${number(length)} ${service}`).join(', ');
}

const sum = (values: readonly (number | null)[]): number =>
  values.reduce<number>((all, one) => all + (one ?? 0), 0);
