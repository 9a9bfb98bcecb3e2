// What an operator does with the queue, over any QueueStore, whether the server runs or not. Answers
// are plain data that can be printed or sent as JSON: times are ISO 8601, nothing is undefined.

import type { Log } from '../base/log.ts';
import { reply } from '../smtp/reply.ts';
import type { HistoryEvent, HistoryStore } from '../store/history.ts';
import { sameMessageId } from '../store/history.ts';
import type { Lease, NewMessage, Origin, QueueEntry, QueueStore } from '../store/queue-store.ts';
import type { ReportParts } from './bounce.ts';
import { deliveryReports, wantsReport } from './bounce.ts';
import { recordReport } from './diary.ts';
import { replyText } from './reply-text.ts';

export interface QueueListing {
  readonly id: string;
  readonly sender: string;
  readonly received: string;
  readonly size: number;
  readonly messageId: string | null;
  readonly recipients: readonly {
    readonly address: string;
    /** The address it was sent to, when an alias led to this one. */
    readonly original: string | null;
    readonly destination: string;
    readonly state: 'queued' | 'active' | 'held';
    readonly attempts: number;
    readonly nextAttempt: string | null;
    readonly lastReply: string | null;
  }[];
}

export interface QueueDetails extends QueueListing {
  readonly params: readonly string[];
  readonly origin: Origin;
}

/** Everything known of one message. */
export interface MessageStory {
  readonly id: string;
  /** What is left of it in the queue. */
  readonly queued: QueueDetails | null;
  /** Oldest first. */
  readonly events: readonly HistoryEvent[];
}

export interface QueueOperations {
  /** Oldest first; never more than a page of them in memory. */
  list(): AsyncIterable<QueueListing>;
  show(id: string): Promise<QueueDetails | undefined>;
  /** Makes them due now; all without ids. How many recipients. Held ones stay held. */
  retry(ids?: readonly string[]): Promise<number>;
  hold(ids: readonly string[]): Promise<number>;
  release(ids: readonly string[]): Promise<number>;
  /**
   * Removes from the queue whatever is not under way at this moment, and tells the senders unless
   * `silent`. How many recipients.
   */
  cancel(ids: readonly string[], options?: { readonly silent?: boolean }): Promise<number>;
  /** By queue id or Message-ID; [] when nothing is known. */
  why(id: string): Promise<readonly MessageStory[]>;
}

export interface QueueOperationParts extends ReportParts {
  readonly store: QueueStore;
  readonly history: Pick<HistoryStore, 'record' | 'find'>;
  readonly log: Log;
  /** Tells a runner in this process that something is due. */
  readonly wake?: (() => void) | undefined;
}

// RFC 3463 §3.8: X.7.0 would blame security; X.0.0 is what is left for a decision of a person.
const cancelled = reply(554, '0.0', 'Delivery was cancelled by the administrator');
const cancelLeaseMs = 60_000;
/** Limit: messages that share a Message-ID and are still queued. */
const storiesMax = 20;

export function createQueueOperations(parts: QueueOperationParts): QueueOperations {
  const { store, history, clock } = parts;
  const woken = async (count: Promise<number>): Promise<number> => {
    const recipients = await count;
    parts.wake?.();
    return recipients;
  };
  return {
    async *list() {
      for await (const entry of store.list()) yield listing(entry);
    },
    async show(id) {
      const entry = await store.get(id);
      return entry === undefined ? undefined : details(entry);
    },
    retry: (ids) => woken(store.retry(ids, clock.now())),
    hold: (ids) => store.hold(ids),
    release: (ids) => woken(store.unhold(ids, clock.now())),
    async cancel(ids, { silent = false } = {}) {
      let recipients = 0;
      for (const id of new Set(ids)) recipients += await cancelOne(parts, id, silent);
      parts.wake?.();
      return recipients;
    },
    async why(id) {
      const events = await history.find(id);
      const found = new Map<string, HistoryEvent[]>();
      for (const event of events) {
        const story = found.get(event.id) ?? [];
        story.push(event);
        found.set(event.id, story);
      }
      // History may have been lost or not kept: the queue knows what it holds.
      for (const queued of await queuedAs(store, id)) if (!found.has(queued)) found.set(queued, []);
      const stories: MessageStory[] = [];
      for (const [of, told] of found) {
        const entry = await store.get(of);
        stories.push({ id: of, queued: entry === undefined ? null : details(entry), events: told });
      }
      return stories;
    },
  };
}

async function cancelOne(parts: QueueOperationParts, id: string, silent: boolean): Promise<number> {
  const { store, clock, history } = parts;
  const leases = await store.take(id, { now: clock.now(), leaseMs: cancelLeaseMs });
  let recipients = 0;
  for (const lease of leases) {
    const enqueue = silent ? [] : await cancellationReports(lease, parts);
    const settled = await store.settle({
      message: id,
      outcomes: lease.recipients.map(({ index, fence }) => ({
        index,
        fence,
        outcome: { kind: 'failed' } as const,
      })),
      enqueue,
      append: [],
    });
    if (!settled) continue;
    recipients += lease.recipients.length;
    const addresses = lease.recipients.map(({ address }) => address);
    history.record({ id, at: clock.now(), kind: 'cancelled', recipients: addresses, silent });
    for (const report of enqueue) recordReport(history, id, 'failed', report);
    parts.log.warn('cancelled', { id, to: addresses, silent });
  }
  return recipients;
}

function cancellationReports(lease: Lease, parts: QueueOperationParts): Promise<NewMessage[]> {
  const recipients = lease.recipients
    .filter(({ params }) => wantsReport(params, 'failed'))
    .map((recipient) => ({ recipient, reply: cancelled, remote: false }));
  return deliveryReports(lease.message, { action: 'failed', recipients }, parts);
}

/** Queue ids of what is queued under this id or Message-ID. */
async function queuedAs(store: QueueStore, id: string): Promise<string[]> {
  if ((await store.get(id)) !== undefined) return [id];
  const found: string[] = [];
  if (!id.includes('@')) return found;
  for await (const entry of store.list()) {
    if (sameMessageId(entry.messageId, id)) found.push(entry.id);
    if (found.length >= storiesMax) break;
  }
  return found;
}

const isoTime = (ms: number): string => new Date(ms).toISOString();

function listing(entry: QueueEntry): QueueListing {
  const { id, sender, received, size, messageId, recipients } = entry;
  return {
    id,
    sender,
    received: isoTime(received),
    size,
    messageId: messageId ?? null,
    recipients: recipients.map((recipient) => ({
      address: recipient.address,
      original: recipient.original ?? null,
      destination: recipient.destination,
      state: recipient.state,
      attempts: recipient.attempts,
      nextAttempt: recipient.nextAttempt === undefined ? null : isoTime(recipient.nextAttempt),
      lastReply: recipient.lastReply === undefined ? null : replyText(recipient.lastReply),
    })),
  };
}

const details = (entry: QueueEntry): QueueDetails => ({
  ...listing(entry),
  params: entry.params,
  origin: entry.origin,
});
