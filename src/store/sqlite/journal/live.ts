// Messages that are in the journal and nowhere else, and how an operator sees them among those of the store.

import { memoryContent, storedSize } from '../../content.ts';
import { messageKey } from '../../message-key.ts';
import { stateOf } from '../../queue-filter.ts';
import type { QueueTotals } from '../../queue-search.ts';
import { sharesMax } from '../../queue-search.ts';
import type { NewMessage, QueuedMessage, QueueEntry, QueueFound } from '../../queue-store.ts';
import type { JournaledMessage } from './record.ts';
import type { RecoveredMessage } from './recovery.ts';
import type { Segment } from './segments.ts';

/** A message that is in the journal and nowhere else. */
export interface Live {
  readonly message: JournaledMessage;
  readonly fence: number;
  readonly since: number;
  readonly expires: number;
  readonly segment: Segment;
  /** Recipients that are not done with. */
  left: ReadonlySet<number>;
  /** The store is taking it over. */
  saving: Promise<void> | undefined;
  /** Whether somebody has its lease; so it is, unless this is false. */
  readonly isUnderWay?: boolean;
}

/** The process that had it is gone: nobody attempts it, and it is due. */
export const leftBehind = ({ message, indexes }: RecoveredMessage): Live => ({
  ...{ message, fence: 0, since: message.received, segment: { live: 1 } },
  ...{ expires: message.received, left: indexes, saving: undefined, isUnderWay: false },
});

/** As an operator sees it. */
export function entryOf({ message, left, isUnderWay = true }: Live): QueueEntry {
  const { prefix: _, content, recipients, held: _held, ...rest } = message;
  const stage = isUnderWay
    ? ({ state: 'active', nextAttempt: undefined } as const)
    : ({ state: 'queued', nextAttempt: message.received } as const);
  return {
    ...rest,
    size: storedSize(content),
    recipients: [...left].map((index) => ({
      ...recipients[index]!,
      ...{ index, ...stage, attempts: 1, lastReply: undefined },
    })),
  };
}

/** As a delivery gets it. */
export function queuedOf({ message }: Live): QueuedMessage {
  const { id, received, sender, params, prefix, content, origin, messageId } = message;
  return {
    ...{ id, received, sender, params, prefix, origin, messageId },
    content: memoryContent(content.bytes),
  };
}

/** Undefined where there is none. */
export function greatestId(ids: Iterable<string>): string | undefined {
  let greatest: string | undefined;
  for (const id of ids)
    if (greatest === undefined || messageKey(id) > messageKey(greatest)) greatest = id;
  return greatest;
}

/** A page of the store, with those of the journal's that belong into it. What is in both is there once. */
export function withinPage(
  { entries, next }: QueueFound,
  here: readonly QueueEntry[],
  page: { readonly after?: string | undefined; readonly limit: number },
): QueueFound {
  const after = page.after === undefined ? -1 : messageKey(page.after);
  const end = next === null ? Number.POSITIVE_INFINITY : messageKey(next);
  const known = new Set(entries.map(({ id }) => id));
  const added = here.filter(({ id }) => {
    const key = messageKey(id);
    return key > after && key < end && !known.has(id);
  });
  const all = [...entries, ...added].sort((a, b) => messageKey(a.id) - messageKey(b.id));
  const shown = all.slice(0, page.limit);
  return { entries: shown, next: all.length > page.limit ? shown.at(-1)!.id : next };
}

export function withEntries(stored: QueueTotals, entries: readonly QueueEntry[]): QueueTotals {
  if (entries.length === 0) return stored;
  const added = entries.flatMap(({ recipients }) => recipients);
  const oldest = entries.reduce(
    (least, { received }) => Math.min(least, received),
    entries[0]!.received,
  );
  const states = { ...stored.states };
  const destinations = new Map(stored.destinations.map((one) => [one.name, one.recipients]));
  for (const recipient of added) {
    const { destination } = recipient;
    states[stateOf(recipient)] += 1;
    destinations.set(destination, (destinations.get(destination) ?? 0) + 1);
  }
  return {
    ...stored,
    messages: stored.messages + entries.length,
    recipients: stored.recipients + added.length,
    oldest: Math.min(stored.oldest ?? oldest, oldest),
    states,
    destinations: [...destinations]
      .map(([name, recipients]) => ({ name, recipients }))
      .sort((a, b) => b.recipients - a.recipients)
      .slice(0, sharesMax),
  };
}

const only: ReadonlySet<number> = new Set([0]);

/** Positions of its recipients. */
export const allOf = ({ recipients }: NewMessage): ReadonlySet<number> =>
  recipients.length === 1 ? only : new Set(recipients.keys());
