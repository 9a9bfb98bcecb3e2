// The story of one message as a timeline: how it came in, what was found out of it, every attempt in the remote's words,
// and what comes next.

import type { Finding } from '../../../../src/mail/finding.ts';
import { findingText } from '../../../../src/mail/finding.ts';
import type { Origin } from '../../../../src/store/queue-store.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Facts } from '../../components/facts.tsx';
import { Ago } from '../../components/time.tsx';
import { bytes, duration, fullDate } from '../../format.ts';
import { isUnderWay, nextAttempt, waitsOf } from '../queue/queue-columns.tsx';
import { Attempt } from './attempt.tsx';
import { Step } from './step.tsx';
import type { Story } from './story.ts';

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
            By message <MessageLink id={event.report} />.
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
            <MessageLink id={event.message} /> to {event.recipients.join(', ')}
          </p>
        </Step>
      );
    case 'suppressed':
      return (
        <Step icon="info" tone="bad" title={`${event.address} is suppressed`} at={event.at}>
          <p>
            There is no such mailbox: whoever logs in here is refused for it until{' '}
            {fullDate(event.until)}. <a href="/settings/suppressions">Suppressed addresses</a>
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

const MessageLink = ({ id }: { readonly id: string }) => (
  <a href={`/messages/${encodeURIComponent(id)}`}>{id}</a>
);

const untold: Readonly<Record<EventOf<'untold'>['reason'], string>> = {
  'null-sender':
    'It has the null sender: it is itself a notification, and those are never answered.',
  'not-wanted': 'Its sender did not want to be told (NOTIFY=NEVER).',
  'no-mailbox': 'The sender’s address is one of ours, and leads nowhere.',
};

function Received({ event }: { readonly event: EventOf<'received'> }) {
  const { origin, sender, recipients, recipientCount, size, asked = [] } = event;
  const more = recipientCount - recipients.length;
  return (
    <Step icon="in" tone="good" title="Received" at={event.at}>
      <Facts
        of={[
          ['From', sender === '' ? 'the null sender (a notification)' : sender],
          ['To', `${recipients.join(', ')}${more > 0 ? ` and ${more} more` : ''}`],
          ['Session', <SessionText key="session" origin={origin} />],
          ['Size', bytes(size)],
          asked.length > 0 && ['Asked for', asked.join('; ')],
          origin.parent !== undefined && [
            'Follows from',
            <MessageLink key="parent" id={origin.parent} />,
          ],
        ]}
      />
      <Findings findings={origin.findings ?? []} />
    </Step>
  );
}

function SessionText({ origin }: { readonly origin: Origin }) {
  const { protocol, service, clientAddress, hello, account, device, tls } = origin;
  if (protocol === 'local') return <>made by this server</>;
  return (
    <>
      {protocol} on {service}
      {clientAddress && ` from ${clientAddress}`}
      {hello && hello !== clientAddress && ` (called itself ${hello})`}
      {account && `, logged in as ${account}`}
      {device && `, by the phone ${device}`}
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
  const { reply, stage, reason, client, hello, from, to, findings = [] } = event.refusal;
  const forNow = reply?.startsWith('4') === true;
  return (
    <Step
      icon="stop"
      tone={forNow ? 'wait' : 'bad'}
      title={`Refused${forNow ? ' for now' : ''} at ${stage}`}
      at={event.at}
    >
      <p class={`said ${forNow ? 'wait' : 'bad'}`}>{reply ?? 'nothing could be said'}</p>
      <Facts
        of={[
          ['Why', reason],
          [
            'Client',
            (client || 'a program of this machine') + (hello ? ` (called itself ${hello})` : ''),
          ],
          from !== undefined && ['From', from || 'the null sender'],
          to !== undefined && ['To', to],
        ]}
      />
      <Findings findings={findings} />
    </Step>
  );
}

/** What is left to do. */
function Now({ queued }: { readonly queued: NonNullable<Story['queued']> }) {
  const states = new Set(queued.recipients.map(({ state }) => state));
  const next = nextAttempt(queued.recipients);
  const count = queued.recipients.length;
  const waits = waitsOf(queued.recipients);
  const underWay = isUnderWay(queued.recipients);
  const title = underWay
    ? 'An attempt is under way'
    : waits !== undefined
      ? 'Waiting for its turn'
      : states.size === 1 && states.has('held')
        ? 'Held: nothing is tried until it is released'
        : 'Waiting for the next attempt';
  return (
    <Step icon={states.has('held') ? 'pause' : 'clock'} tone="now" title={title}>
      <p>
        {count === 1 ? 'One recipient is' : `${count} recipients are`} in the queue
        {next !== undefined && !underWay && waits === undefined && (
          <>
            , next attempt <Ago at={next} />
          </>
        )}
        . It has waited for {duration(Date.now() - Date.parse(queued.received))}.
      </p>
      {waits !== undefined && <p>{waits}</p>}
    </Step>
  );
}
