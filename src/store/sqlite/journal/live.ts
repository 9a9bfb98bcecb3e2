// Messages that are in the journal and nowhere else, and how an operator sees them among those of the store.

import { storedSize } from '../../content.ts';
import type { QueueTotals } from '../../queue-search.ts';
import { sharesMax } from '../../queue-search.ts';
import type { QueueEntry } from '../../queue-store.ts';
import type { JournaledMessage } from './record.ts';
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
}

/** As an operator sees it. */
export function entryOf({ message, left }: Live): QueueEntry {
  const { prefix: _, content, recipients, held: _held, ...rest } = message;
  return {
    ...rest,
    size: storedSize(content),
    recipients: [...left].map((index) => ({
      ...recipients[index]!,
      ...{ index, state: 'active', attempts: 1, nextAttempt: undefined, lastReply: undefined },
    })),
  };
}

export function withEntries(stored: QueueTotals, entries: readonly QueueEntry[]): QueueTotals {
  const added = entries.flatMap(({ recipients }) => recipients);
  const destinations = new Map(stored.destinations.map((one) => [one.name, one.recipients]));
  for (const { destination } of added)
    destinations.set(destination, (destinations.get(destination) ?? 0) + 1);
  return {
    ...stored,
    messages: stored.messages + entries.length,
    recipients: stored.recipients + added.length,
    oldest: stored.oldest ?? entries[0]?.received,
    states: { ...stored.states, active: stored.states.active + added.length },
    destinations: [...destinations]
      .map(([name, recipients]) => ({ name, recipients }))
      .sort((a, b) => b.recipients - a.recipients)
      .slice(0, sharesMax),
  };
}
