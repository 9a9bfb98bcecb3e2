// Operations on mail that waits, and the story of a message wherever it went.

import { z } from 'zod';
import { findHeaderEnd } from '../mail/header/header.ts';
import { destinationText } from '../queue/destination-text.ts';
import { waitingText } from '../queue/line/waiting.ts';
import { replyText } from '../queue/reply-text.ts';
import { requestsText } from '../queue/requests-text.ts';
import type { WaitingEntry } from '../queue/story/story.ts';
import { formatWhy } from '../queue/story/story-text.ts';
import { rerouteMessages } from '../queue/taking-out.ts';
import { ContentError } from '../store/content.ts';
import type { HistoryEvent } from '../store/history.ts';
import { queueEntries } from '../store/queue-entries.ts';
import type { Origin, QueuedMessage, QueueEntry, QueueStore } from '../store/queue-store.ts';
import { isoDate, next, paged, pageSize, sought } from './asking.ts';
import { asKept, count, list, nothing, OperationError, text, texts, value } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';
import { changeChosen } from './queue-changes.ts';
import {
  asTotals,
  chosen,
  eachChosen,
  filterOf,
  named,
  notQueued,
  queueFilter,
  totals,
} from './queue-choice.ts';

const recipient = z.object({
  address: text,
  /** The address it was sent to, when an alias led to this one. */
  original: z.string().nullable(),
  /** How it is delivered, and where to in words. */
  delivery: z.enum(['local', 'relay', 'discard']),
  destination: text,
  state: z.enum(['queued', 'active', 'held']),
  /** Why nothing is attempted though its time has come, in words. */
  waits: z.string().nullable(),
  attempts: count,
  nextAttempt: z.string().nullable(),
  /** `451 4.3.0 Try again later` */
  lastReply: z.string().nullable(),
});

const queued = z.object({
  id: text,
  sender: text,
  received: text,
  size: count,
  messageId: z.string().nullable(),
  /** What its sender asked for, in words: when it is to leave, by when to arrive, its priority. */
  asked: texts,
  recipients: z.array(recipient).readonly(),
});
export type QueueLine = z.infer<typeof queued>;

/** What the list says, how it came in, and its header as it would leave. */
const detail = queued.extend({ params: texts, origin: asKept<Origin>(), header: text });

/** Limit: how long somebody waits for a count. */
const countedWithinMs = 60;

/** Everything known of the messages with one id: as data, and told to people. */
const why = z.object({
  stories: z
    .array(
      z.object({
        id: text,
        /** What is left of it in the queue. */
        queued: queued.nullable(),
        /** Oldest first. */
        events: z.array(asKept<HistoryEvent>()).readonly(),
      }),
    )
    .readonly(),
  text,
});

export const queueOperations = {
  queueList: list({
    about: 'The queue, oldest first.',
    changes: false,
    input: nothing,
    output: queued,
    run: (parts) => listQueue(parts),
  }),
  queueSearch: value({
    about: 'Messages in the queue that a filter holds for, oldest first.',
    changes: false,
    input: z.strictObject({ ...queueFilter, ...paged }),
    output: z.object({ messages: z.array(queued).readonly(), next }),
    run: async (parts, { after, ...asked }) => {
      const found = await parts.queue.search(filterOf(asked), { after, limit: pageSize(asked) });
      return {
        messages: found.entries.map((entry) => queueLine(withWaits(parts, entry))),
        next: found.next,
      };
    },
  }),
  queueCount: value({
    about: 'How much is in the queue, or how much of it a filter holds for.',
    changes: false,
    input: z.strictObject(queueFilter),
    output: totals,
    run: async ({ queue }, asked) =>
      asTotals(await queue.totals(filterOf(asked), { withinMs: countedWithinMs })),
  }),
  queueShow: value({
    about: 'One message of the queue: recipients, origin, header.',
    changes: false,
    input: z.strictObject({ id: text }),
    output: detail,
    run: async (parts, { id }) => {
      const { queue } = parts;
      const entry = await queue.get(id);
      if (entry === undefined) throw new OperationError(notQueued(id));
      const { params, origin } = entry;
      return {
        ...queueLine(withWaits(parts, entry)),
        params,
        origin,
        header: await headerOf(queue, id),
      };
    },
  }),
  queueRetry: value({
    about: 'Tries again now; without ids or a filter everything. Gives the number of recipients.',
    changes: true,
    input: named,
    output: count,
    run: async (parts, asked) => {
      const { queue, clock, wake } = parts;
      const isAll = asked.ids === undefined && asked.filter === undefined;
      if (isAll && !asked.dryRun) {
        const recipients = await queue.retry(undefined, clock.now());
        wake();
        return recipients;
      }
      return eachChosen(parts, asked, (ids) => queue.retry(ids, clock.now()));
    },
  }),
  queueHold: value({
    about: 'Keeps messages from being delivered until they are released.',
    changes: true,
    input: named,
    output: count,
    run: (parts, asked) => changeChosen(parts, asked, { kind: 'hold' }),
  }),
  queueRelease: value({
    about: 'Ends a hold.',
    changes: true,
    input: named,
    output: count,
    run: (parts, asked) =>
      eachChosen(parts, asked, (ids) => parts.queue.unhold(ids, parts.clock.now())),
  }),
  queueCancel: value({
    about: 'Takes messages from the queue and tells their senders, unless `silent`.',
    changes: true,
    input: z.strictObject({ ...chosen, silent: z.boolean() }),
    output: count,
    run: (parts, { silent, ...asked }) => changeChosen(parts, asked, { kind: 'cancel', silent }),
  }),
  queueReroute: value({
    about:
      'Sends messages another way from now on: to a host (`192.0.2.1:25`), by the MX of a domain (`mx:example.net`), or, with `to` left out, by the routes of the configuration again.',
    changes: true,
    input: z.strictObject({ ...chosen, to: sought.optional() }),
    output: count,
    run: async (parts, { to, ...asked }) => {
      const way = parts.wayTo(to);
      return eachChosen(parts, asked, (ids) => rerouteMessages(parts, ids, way));
    },
  }),
  why: value({
    about:
      'Everything known of a message, by queue id or Message-ID; what was refused also by address. A refusal is a story of one event, whose id is the session’s.',
    changes: false,
    input: z.strictObject({ id: text }),
    output: why,
    run: explain,
  }),
};

async function explain(
  parts: OperationParts,
  { id }: { readonly id: string },
): Promise<z.infer<typeof why>> {
  const found = await parts.storiesOf(id);
  if (found.length === 0)
    throw new OperationError(
      `nothing is known of ${id}: it is no queue id and no Message-ID seen lately, and nothing of it was refused`,
    );
  const known = found.map((story) => ({
    ...story,
    queued: story.queued && withWaits(parts, story.queued),
  }));
  const stories = known.map(({ queued, events, ...story }) => ({
    ...story,
    events: events.map(shownEvent),
    queued: queued === undefined ? null : queueLine(queued),
  }));
  return { stories, text: formatWhy(known) };
}

/** Destinations in the operator's words, and nothing that is there to be found by only. */
function shownEvent(event: HistoryEvent): HistoryEvent {
  if (event.kind === 'refused') return { ...event, keys: [] };
  if (event.kind !== 'attempt') return event;
  return { ...event, destination: destinationText(event.destination) };
}

async function* listQueue(parts: OperationParts): AsyncIterable<QueueLine> {
  for await (const entry of queueEntries(parts.queue)) yield queueLine(withWaits(parts, entry));
}

/** With why recipients wait whose time has come: what is active, but in memory, and what is due, but in the store. */
function withWaits({ server, clock }: OperationParts, entry: QueueEntry): WaitingEntry {
  const recipients = entry.recipients.map((recipient) => {
    const { destination, state, attempts, nextAttempt } = recipient;
    const isActive = state === 'active';
    if (!isActive && (state === 'held' || (nextAttempt ?? 0) > clock.now())) return recipient;
    const waiting = server?.destinations.waiting(destination, isActive ? entry.id : undefined);
    if (waiting === undefined) return recipient;
    // What is active counts as attempted.
    return { ...recipient, attempts: attempts - Number(isActive), waits: waitingText(waiting) };
  });
  return { ...entry, recipients };
}

function queueLine(entry: WaitingEntry): QueueLine {
  const { id, sender, received, size, messageId, recipients } = entry;
  return {
    id,
    sender,
    received: isoDate(received),
    size,
    messageId: messageId ?? null,
    asked: requestsText(entry),
    recipients: recipients.map((recipient) => ({
      address: recipient.address,
      original: recipient.original ?? null,
      delivery: recipient.delivery,
      destination: destinationText(recipient.destination),
      state: recipient.state,
      waits: recipient.waits ?? null,
      attempts: recipient.attempts,
      nextAttempt: recipient.nextAttempt === undefined ? null : isoDate(recipient.nextAttempt),
      lastReply: recipient.lastReply === undefined ? null : replyText(recipient.lastReply),
    })),
  };
}

/** Limit: header shown by `queue show`. */
const headerBytesShown = 64 * 1024;

async function headerOf(queue: QueueStore, id: string): Promise<string> {
  const message = await queue.open(id);
  if (message === undefined) return '';
  try {
    return await readHeader(message);
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    const advice = 'put it back from a backup, or cancel the message: its sender is told';
    return `${message.prefix}\r\n(the content cannot be read: ${error.message}; ${advice})\r\n`;
  }
}

async function readHeader(message: QueuedMessage): Promise<string> {
  for await (const chunk of message.content.read()) {
    const head = chunk.subarray(0, headerBytesShown);
    return message.prefix + Buffer.from(head.subarray(0, findHeaderEnd(head))).toString('utf8');
  }
  return message.prefix;
}
