// The story of a message for people: where it came from, what was tried, what was said, what comes
// next. `why` prints it.

import { unreachable } from '../base/assert.ts';
import type { AttemptResult, HistoryEvent } from '../store/history.ts';
import type { Origin, QueueEntry } from '../store/queue-store.ts';
import type { MessageStory } from './operations.ts';
import { replyText } from './reply-text.ts';

/** Lines ending in LF. */
export function formatWhy(stories: readonly MessageStory[]): string {
  return stories.map(formatStory).join('\n');
}

function formatStory({ id, queued, events }: MessageStory): string {
  const lines = [`Message ${id}`];
  if (queued !== undefined && !events.some(({ kind }) => kind === 'received'))
    lines.push(`${isoTime(queued.received)}  received`, ...receivedLines(queued, queued.origin));
  for (const event of events) lines.push(...eventLines(event));
  lines.push(...nowLines(queued));
  return `${lines.join('\n')}\n`;
}

function eventLines(event: HistoryEvent): string[] {
  const when = isoTime(event.at);
  switch (event.kind) {
    case 'received': {
      const { recipients, recipientCount, reportsOn } = event;
      const more = recipientCount - recipients.length;
      const to = `${recipients.map((address) => `<${address}>`).join(', ')}`;
      return [
        `${when}  received`,
        ...receivedLines(event, event.origin),
        `    to ${to}${more > 0 ? ` and ${more} more` : ''}`,
        ...(reportsOn === undefined ? [] : [`    it is a report on message ${reportsOn}`]),
      ];
    }
    case 'attempt': {
      const how =
        event.durationMs === undefined
          ? `not tried: ${event.destination} had just been found dead`
          : `tried ${event.destination}, took ${event.durationMs} ms`;
      return [`${when}  ${how}`, ...event.results.flatMap(resultLines)];
    }
    case 'cancelled': {
      const told = event.silent ? 'the sender was not told' : 'the sender was told';
      const of = event.recipients.map((address) => `<${address}>`).join(', ');
      return [`${when}  cancelled by the administrator for ${of}; ${told}`];
    }
    case 'report':
      return [`${when}  the sender is told (${event.action}) by message ${event.report}`];
    default:
      return unreachable(event);
  }
}

function receivedLines(
  facts: Pick<QueueEntry, 'sender' | 'size' | 'messageId'>,
  origin: Origin,
): string[] {
  const { clientAddress, hello, account, protocol, tls, session, service, findings = [] } = origin;
  const client =
    clientAddress === undefined ? '' : ` from ${hello ?? 'unknown'} [${clientAddress}]`;
  return [
    `    from <${facts.sender}>, ${facts.size} octets, Message-ID ${facts.messageId ?? 'none'}`,
    `    by ${protocol} (${service})${client}, session ${session}`,
    ...(account === undefined ? [] : [`    logged in as ${account}`]),
    ...(tls === undefined ? [] : [`    encrypted with ${tls}`]),
    ...findings.map((finding) => `    ${finding}`),
  ];
}

function resultLines(one: AttemptResult): string[] {
  const next = one.until === undefined ? '' : `; next attempt ${isoTime(one.until)}`;
  const where = one.host === undefined ? '' : ` by ${one.host}`;
  const words = one.result === 'expired' ? 'given up, as it had been tried for long' : one.result;
  return [
    `    <${one.address}> attempt ${one.attempt}: ${words}${where}${next}`,
    `        ${one.reply}`,
    ...(one.host === undefined ? [] : [`        ${one.tls ?? 'not encrypted'}`]),
    ...(one.tried ?? []).map((tried) => `        before that: ${tried}`),
  ];
}

function nowLines(queued: QueueEntry | undefined): string[] {
  if (queued === undefined) return ['Now: it has left the queue.'];
  return [
    'Now in the queue:',
    ...queued.recipients.flatMap(({ address, state, attempts, nextAttempt, lastReply }) => [
      `    <${address}> ${state}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}` +
        (nextAttempt === undefined || state !== 'queued' ? '' : `, next ${isoTime(nextAttempt)}`),
      ...(lastReply === undefined ? [] : [`        last reply: ${replyText(lastReply)}`]),
    ]),
  ];
}

const isoTime = (ms: number): string => new Date(ms).toISOString();
