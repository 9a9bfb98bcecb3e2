// The story of a message for people: where it came from, what was tried, what was said, what comes
// next. `why` prints it.

import { unreachable } from '../../base/assert.ts';
import { findingText } from '../../mail/finding.ts';
import type { AttemptResult, HistoryEvent, RefusedEvent, Untold } from '../../store/history.ts';
import type { Origin, QueueEntry } from '../../store/queue-store.ts';
import { destinationText } from '../destination-text.ts';
import { replyText } from '../reply-text.ts';
import { requestsText } from '../requests-text.ts';
import type { MessageStory } from './story.ts';

/** Lines ending in LF. */
export function formatWhy(stories: readonly MessageStory[]): string {
  return stories.map(formatStory).join('\n');
}

function formatStory({ id, queued, events }: MessageStory): string {
  const [first] = events;
  if (first?.kind === 'refused') return `${eventLines(first).join('\n')}\n`;
  const lines = [`Message ${id}`];
  if (queued !== undefined && !events.some(({ kind }) => kind === 'received')) {
    const { received, origin } = queued;
    lines.push(`${isoTime(received)}  received`, ...receivedLines(queued, origin));
    lines.push(...askedLines(requestsText(queued)));
    lines.push(...parentLines(origin, undefined));
  }
  for (const event of events) lines.push(...eventLines(event));
  lines.push(...nowLines(queued), ...untoldLines(events));
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
        ...askedLines(event.asked),
        ...parentLines(event.origin, reportsOn),
      ];
    }
    case 'attempt': {
      const { destination, durationMs, results } = event;
      const where = destinationText(destination);
      if (durationMs !== undefined)
        return [`${when}  tried ${where}, took ${durationMs} ms`, ...results.flatMap(resultLines)];
      // The words of another attempt: nothing was said to this message.
      const because = results[0] === undefined ? '' : ` (${withoutCode(results[0].reply)})`;
      const found = `not tried: ${where} had just been found unreachable${because}`;
      return [`${when}  ${found}`, ...results.flatMap(skippedLines)];
    }
    case 'cancelled': {
      const told = event.silent
        ? 'the sender was not told'
        : event.untold === undefined
          ? 'the sender was told'
          : `nobody was told, because ${untoldTexts[event.untold]}`;
      const of = event.recipients.map((address) => `<${address}>`).join(', ');
      return [`${when}  cancelled by the administrator for ${of}; ${told}`];
    }
    case 'report':
      return [`${when}  the sender is told (${event.action}) by message ${event.report}`];
    case 'derived': {
      const of = event.recipients.map((address) => `<${address}>`).join(', ');
      return [`${when}  ${event.reason}: message ${event.message} to ${of}`];
    }
    case 'suppressed':
      return [
        `${when}  <${event.address}> gets nothing that is submitted here until ${isoTime(event.until)}`,
      ];
    case 'untold':
      return []; // at the end
    case 'refused':
      return [`Refused ${when}`, ...refusedLines(event)];
    default:
      return unreachable(event);
  }
}

function parentLines({ parent }: Origin, reportsOn: string | undefined): string[] {
  if (reportsOn !== undefined) return [`    it is a report on message ${reportsOn}`];
  return parent === undefined ? [] : [`    it follows from message ${parent}`];
}

function refusedLines({ id, refusal }: RefusedEvent): string[] {
  const { client, hello, from, to, recipients = 1, messageId, account, service } = refusal;
  const { stage, reply, reason, findings = [] } = refusal;
  const who = `${hello === undefined || hello === '' ? '' : `${hello} `}[${client || 'local'}]`;
  const where = [service, id === '' ? undefined : `session ${id}`].filter(Boolean).join(', ');
  const more = recipients > 1 ? ` and ${recipients - 1} more` : '';
  return [
    `    client ${who}${where === '' ? '' : `, ${where}`}${account === undefined ? '' : `, as ${account}`}`,
    ...(from === undefined ? [] : [`    from <${from}>`]),
    ...(to === undefined ? [] : [`    to <${to}>${more}`]),
    ...(messageId === undefined ? [] : [`    Message-ID ${messageId}`]),
    ...findings.map((finding) => `    ${findingText(finding)}`),
    `    at ${stage}: ${reply ?? reason}`,
    ...(reply === undefined || reply.endsWith(reason) ? [] : [`        because ${reason}`]),
  ];
}

const askedLines = (asked: readonly string[] = []): string[] =>
  asked.map((text) => `    asked ${text.startsWith('to ') ? '' : 'for '}${text}`);

const untoldTexts: Readonly<Record<Untold, string>> = {
  'null-sender': 'the sender is null',
  'not-wanted': 'the sender asked not to be told',
  'no-mailbox': "the sender's address is one of ours and leads to no mailbox",
};

function untoldLines(events: readonly HistoryEvent[]): string[] {
  const reasons = new Set(events.map((event) => (event.kind === 'untold' ? event.reason : '')));
  return [...reasons].flatMap((reason) =>
    reason === '' ? [] : [`Of the failure nobody was told, because ${untoldTexts[reason]}.`],
  );
}

function receivedLines(
  facts: Pick<QueueEntry, 'sender' | 'size' | 'messageId'>,
  origin: Origin,
): string[] {
  const { clientAddress, hello, account, protocol, tls, session, service, findings = [] } = origin;
  const { device } = origin;
  const client =
    clientAddress === undefined ? '' : ` from ${hello ?? 'unknown'} [${clientAddress}]`;
  return [
    `    from <${facts.sender}>, ${facts.size} octets, Message-ID ${facts.messageId ?? 'none'}`,
    `    by ${protocol} (${service})${client}, session ${session}`,
    ...(account === undefined ? [] : [`    logged in as ${account}`]),
    ...(device === undefined ? [] : [`    by the phone ${device}`]),
    ...(tls === undefined ? [] : [`    encrypted with ${tls}`]),
    ...findings.map((finding) => `    ${findingText(finding)}`),
  ];
}

function resultLines(one: AttemptResult): string[] {
  const next = one.until === undefined ? '' : `; next attempt ${isoTime(one.until)}`;
  const went = one.result === 'relayed' || one.result === 'delivered';
  const where = one.host === undefined ? '' : ` ${went ? 'to' : 'at'} ${one.host}`;
  const words = one.result === 'expired' ? 'given up, as it had been tried for long' : one.result;
  const tls = one.tls ?? (went && one.host !== undefined ? 'not encrypted' : undefined);
  return [
    `    <${one.address}> attempt ${one.attempt}: ${words}${where}${next}`,
    `        ${one.reply}`,
    ...(tls === undefined ? [] : [`        ${tls}`]),
    ...(one.sender === undefined ? [] : [`        sent on as ${one.sender}`]),
    ...(one.note === undefined ? [] : [`        ${one.note}`]),
    ...(one.tried ?? []).map((tried) => `        before that: ${tried}`),
  ];
}

function skippedLines({ address, result, until }: AttemptResult): string[] {
  if (result === 'expired') return [`    <${address}> given up, as it had waited for long`];
  return [`    <${address}> waits${until === undefined ? '' : `, next attempt ${isoTime(until)}`}`];
}

/** `451 4.4.1 No connection` without its numbers. */
const withoutCode = (text: string): string =>
  text.replace(/^\d{3} (?:\d\.\d{1,3}\.\d{1,3} ?)?/, '');

function nowLines(queued: MessageStory['queued']): string[] {
  if (queued === undefined) return ['Now: it has left the queue.'];
  return [
    'Now in the queue:',
    ...queued.recipients.flatMap(({ address, state, attempts, nextAttempt, lastReply, waits }) => [
      `    <${address}> ${waits === undefined ? state : 'waits'}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}` +
        (nextAttempt === undefined || state !== 'queued' || waits !== undefined
          ? ''
          : `, next ${isoTime(nextAttempt)}`),
      ...(waits === undefined ? [] : [`        ${waits}`]),
      ...(lastReply === undefined ? [] : [`        last reply: ${replyText(lastReply)}`]),
    ]),
  ];
}

const isoTime = (ms: number): string => new Date(ms).toISOString();
