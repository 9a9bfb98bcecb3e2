// One attempt: where it went, what the other side said, how the connection was secured.

import { Badge, type Tone } from '../../components/badge.tsx';
import type { IconName } from '../../components/icon.tsx';
import { Ago } from '../../components/time.tsx';
import { duration } from '../../format.ts';
import { Step } from './step.tsx';
import type { Story } from './story.ts';

type AttemptEvent = Extract<Story['events'][number], { kind: 'attempt' }>;
type Result = AttemptEvent['results'][number];

const results: Readonly<
  Record<Result['result'], { readonly tone: Tone; readonly icon: IconName; readonly word: string }>
> = {
  delivered: { tone: 'good', icon: 'check', word: 'Delivered' },
  relayed: { tone: 'good', icon: 'check', word: 'Handed on' },
  deferred: { tone: 'wait', icon: 'clock', word: 'Deferred' },
  skipped: { tone: 'wait', icon: 'clock', word: 'Not tried' },
  failed: { tone: 'bad', icon: 'cross', word: 'Failed' },
  expired: { tone: 'bad', icon: 'cross', word: 'Given up' },
};

/** The worst first: it is what somebody looks for. */
const order = ['expired', 'failed', 'deferred', 'skipped', 'relayed', 'delivered'] as const;

export function Attempt({ event }: { readonly event: AttemptEvent }) {
  const { destination, durationMs } = event;
  const found = new Set(event.results.map(({ result }) => result));
  const worst = order.find((result) => found.has(result)) ?? 'delivered';
  const { tone, icon, word } = results[worst];
  const title = durationMs === undefined ? `Not tried: ${destination}` : `${word}: ${destination}`;
  return (
    <Step icon={icon} tone={tone} title={title} at={event.at}>
      {durationMs !== undefined && <p class="faint">took {duration(durationMs)}</p>}
      {event.results.map((result) => (
        <Said key={result.address} result={result} isSeveral={event.results.length > 1} />
      ))}
    </Step>
  );
}

function Said({ result, isSeveral }: { readonly result: Result; readonly isSeveral: boolean }) {
  const { tone, word } = results[result.result];
  const { address, reply, host, tls, tried = [], until, note, sender } = result;
  return (
    <div class="stack tight">
      <p class="row">
        <strong class="break">{address}</strong>
        {isSeveral && <Badge tone={tone}>{word}</Badge>}
        {result.result === 'deferred' && <span class="faint">attempt {result.attempt}</span>}
      </p>
      <blockquote class={`said ${tone}`}>{reply}</blockquote>
      <p class="faint break">
        {host !== undefined && `said by ${host}`}
        {host !== undefined && tls !== undefined && ' · '}
        {tls}
        {tried.length > 0 && ` · before that: ${tried.join('; ')}`}
        {sender !== undefined && ` · sent as ${sender || 'the null sender'}`}
        {note !== undefined && ` · ${note}`}
        {until !== undefined && (
          <>
            {host !== undefined || tls !== undefined ? ' · ' : ''}tried again <Ago at={until} />
          </>
        )}
      </p>
    </div>
  );
}
