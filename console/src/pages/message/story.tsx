// The story of one message as a timeline: how it came in, what was found out of it, every attempt in the remote's words,
// and what comes next.

import type { Finding } from '../../../../src/mail/finding.ts';
import { findingText } from '../../../../src/mail/finding.ts';
import type { Origin } from '../../../../src/store/queue-store.ts';
import type { AnswerOf } from '../../api.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Icon, type IconName } from '../../components/icon.tsx';
import { Ago, When } from '../../components/time.tsx';
import { bytes, duration } from '../../format.ts';
import { Attempt } from './attempt.tsx';

export type Story = AnswerOf<'why'>['stories'][number];
type StoryEvent = Story['events'][number];
type EventOf<K extends StoryEvent['kind']> = Extract<StoryEvent, { kind: K }>;

export function Timeline({ story }: { readonly story: Story }) {
  const { queued } = story;
  return (
    <ol class="timeline">
      {story.events.map((event, i) => (
        <Event key={i} event={event} />
      ))}
      {queued !== null && <Now queued={queued} />}
    </ol>
  );
}

function Event({ event }: { readonly event: StoryEvent }) {
  switch (event.kind) {
    case 'received':
      return <Received event={event} />;
    case 'attempt':
      return <Attempt event={event} />;
    case 'refused':
      return <Refused event={event} />;
    case 'cancelled':
      return (
        <Step icon="trash" tone="bad" title="Cancelled by an administrator" at={event.at}>
          <p>
            For {event.recipients.join(', ')};{' '}
            {event.silent ? 'the sender was not told.' : 'the sender was told.'}
          </p>
        </Step>
      );
    case 'report':
      return (
        <Step icon="reply" tone="calm" title={`The sender is told: ${event.action}`} at={event.at}>
          <p>
            By message <a href={`/messages/${encodeURIComponent(event.report)}`}>{event.report}</a>.
          </p>
        </Step>
      );
    case 'derived':
      return (
        <Step
          icon="out"
          tone="calm"
          title={`Another message followed: ${event.reason}`}
          at={event.at}
        >
          <p>
            <a href={`/messages/${encodeURIComponent(event.message)}`}>{event.message}</a> to{' '}
            {event.recipients.join(', ')}
          </p>
        </Step>
      );
    case 'untold':
      return (
        <Step icon="info" tone="calm" title="Nobody is told of the failure" at={event.at}>
          <p>{untold[event.reason]}</p>
        </Step>
      );
  }
}

const untold: Readonly<Record<EventOf<'untold'>['reason'], string>> = {
  'null-sender':
    'It has the null sender: it is itself a notification, and those are never answered.',
  'not-wanted': 'Its sender did not want to be told (NOTIFY=NEVER).',
  'no-mailbox': 'The sender’s address is one of ours, and leads nowhere.',
};

interface StepProps {
  readonly icon: IconName;
  readonly tone: Tone | 'now';
  readonly title: preact.ComponentChildren;
  readonly at?: number;
  readonly children?: preact.ComponentChildren;
}

export function Step({ icon, tone, title, at, children }: StepProps) {
  return (
    <li class={tone}>
      <span class="dot">
        <Icon name={icon} size={15} />
      </span>
      <div class="event">
        <header>
          <h2>{title}</h2>
          {at !== undefined && <When at={at} full />}
        </header>
        {children}
      </div>
    </li>
  );
}

function Received({ event }: { readonly event: EventOf<'received'> }) {
  const { origin, sender, recipients, recipientCount, size, asked = [] } = event;
  const more = recipientCount - recipients.length;
  return (
    <Step icon="in" tone="good" title="Received" at={event.at}>
      <dl class="facts">
        <dt>From</dt>
        <dd>{sender === '' ? 'the null sender (a notification)' : sender}</dd>
        <dt>To</dt>
        <dd>
          {recipients.join(', ')}
          {more > 0 && ` and ${more} more`}
        </dd>
        <dt>Session</dt>
        <dd>
          <SessionText origin={origin} />
        </dd>
        <dt>Size</dt>
        <dd>{bytes(size)}</dd>
        {asked.length > 0 && (
          <>
            <dt>Asked for</dt>
            <dd>{asked.join('; ')}</dd>
          </>
        )}
        {origin.parent !== undefined && (
          <>
            <dt>Follows from</dt>
            <dd>
              <a href={`/messages/${encodeURIComponent(origin.parent)}`}>{origin.parent}</a>
            </dd>
          </>
        )}
      </dl>
      <Findings findings={origin.findings ?? []} />
    </Step>
  );
}

function SessionText({ origin }: { readonly origin: Origin }) {
  const { protocol, service, clientAddress, hello, account, tls } = origin;
  if (protocol === 'local') return <>made by this server</>;
  return (
    <>
      {protocol} on {service}
      {clientAddress && ` from ${clientAddress}`}
      {hello && hello !== clientAddress && ` (called itself ${hello})`}
      {account && `, logged in as ${account}`}
      {', '}
      {tls ?? 'in the clear'}
    </>
  );
}

const tones: ReadonlyMap<string, Tone> = new Map([
  ['pass', 'good'],
  ['fail', 'bad'],
  ['permerror', 'bad'],
  ['softfail', 'wait'],
  ['temperror', 'wait'],
]);

/** What was found out, and how much it speaks for the message. */
export function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  if (findings.length === 0) return null;
  return (
    <ul class="badges" aria-label="What was found out of it">
      {findings.map((finding) => (
        <li key={findingText(finding)}>
          <Badge tone={'result' in finding ? (tones.get(finding.result) ?? 'calm') : 'calm'}>
            <span class="wraps">{findingText(finding)}</span>
          </Badge>
        </li>
      ))}
    </ul>
  );
}

function Refused({ event }: { readonly event: EventOf<'refused'> }) {
  const { refusal } = event;
  const forNow = refusal.reply?.startsWith('4') === true;
  return (
    <Step
      icon="stop"
      tone={forNow ? 'wait' : 'bad'}
      title={`Refused${forNow ? ' for now' : ''} at ${refusal.stage}`}
      at={event.at}
    >
      <p class={`said ${forNow ? 'wait' : 'bad'}`}>{refusal.reply ?? 'nothing could be said'}</p>
      <dl class="facts">
        <dt>Why</dt>
        <dd>{refusal.reason}</dd>
        <dt>Client</dt>
        <dd>
          {refusal.client || 'a program of this machine'}
          {refusal.hello && ` (called itself ${refusal.hello})`}
        </dd>
        {refusal.from !== undefined && (
          <>
            <dt>From</dt>
            <dd>{refusal.from || 'the null sender'}</dd>
          </>
        )}
        {refusal.to !== undefined && (
          <>
            <dt>To</dt>
            <dd>{refusal.to}</dd>
          </>
        )}
      </dl>
      <Findings findings={refusal.findings ?? []} />
    </Step>
  );
}

/** What is left to do. */
function Now({ queued }: { readonly queued: NonNullable<Story['queued']> }) {
  const states = new Set(queued.recipients.map(({ state }) => state));
  const next = queued.recipients
    .map(({ nextAttempt }) => nextAttempt)
    .filter((at) => at !== null)
    .sort()[0];
  const waits = queued.recipients.length;
  const title = states.has('active')
    ? 'An attempt is under way'
    : states.size === 1 && states.has('held')
      ? 'Held: nothing is tried until it is released'
      : 'Waiting for the next attempt';
  return (
    <Step icon={states.has('held') ? 'pause' : 'clock'} tone="now" title={title}>
      <p>
        {waits === 1 ? 'One recipient is' : `${waits} recipients are`} in the queue
        {next !== undefined && !states.has('active') && (
          <>
            , next attempt <Ago at={next} />
          </>
        )}
        . It has waited for {duration(Date.now() - Date.parse(queued.received))}.
      </p>
    </Step>
  );
}
