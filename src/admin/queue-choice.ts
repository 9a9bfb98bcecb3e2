// Which messages of the queue an operation is about: those with these ids, or all that a filter holds for.

import { z } from 'zod';
import { destinationNamed, destinationText } from '../queue/destination-text.ts';
import { replyText } from '../queue/reply-text.ts';
import type { QueueFilter, QueueTotals } from '../store/queue-search.ts';
import { queueStates } from '../store/queue-search.ts';
import type { QueueEntry } from '../store/queue-store.ts';
import { between, isoOrNull, sought, timesOf } from './asking.ts';
import { count, OperationError, text, texts } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';

/** All of it is to hold, for a recipient that is in the queue. */
export const queueFilter = {
  /** An address, or `@example.org` for all of a domain. */
  sender: z.string().max(320).optional(),
  recipient: sought.optional(),
  /** As `queueCount` and `destinationList` name it, in words or by its key, or its domain: `mx:example.net`. */
  destination: sought.optional(),
  state: z.enum(queueStates).optional(),
  /** Part of an address, of the Message-ID or of the last reply. */
  text: sought.optional(),
  /** Taken in then. */
  ...between,
};
const filter = z.strictObject(queueFilter);

/** `dryRun` changes nothing, and says how many recipients the messages have. */
export const chosen = {
  ids: texts.optional(),
  filter: filter.optional(),
  dryRun: z.boolean().optional(),
};
export const named = z.strictObject(chosen);

const shares = z.array(z.object({ name: text, destination: text, recipients: count })).readonly();

export const totals = z.object({
  messages: count,
  recipients: count,
  /** When the oldest of them was taken in. */
  oldest: z.string().nullable(),
  /** Recipients, by state; by destination and last reply the largest first. */
  states: z.object({ queued: count, deferred: count, active: count, held: count }),
  destinations: shares,
  replies: z.array(z.object({ reply: text, recipients: count })).readonly(),
  /** False: counting took too long, and there are at least as many. Of everything and of a state it is always true. */
  complete: z.boolean(),
});

/** Limit: messages that one step of a change is about. */
const stepMax = 200;

export const filterOf = ({ destination, ...asked }: z.infer<typeof filter>): QueueFilter => ({
  ...asked,
  destination: destination && destinationNamed(destination),
  ...timesOf(asked),
});

type Change = (ids: readonly string[]) => Promise<number>;

/** Changes what was chosen, step by step; how many recipients that were. */
export async function eachChosen(
  parts: OperationParts,
  asked: z.infer<typeof named>,
  change: Change,
): Promise<number> {
  try {
    return await ofChosen(parts, asked, change);
  } finally {
    // Also when it failed half way: what waited in memory may be due in the store by then.
    if (!asked.dryRun) parts.wake();
  }
}

async function ofChosen(
  parts: OperationParts,
  asked: z.infer<typeof named>,
  change: Change,
): Promise<number> {
  const { ids, filter: given = {}, dryRun } = asked;
  if (ids === undefined && asked.filter === undefined && !dryRun)
    throw new OperationError('say which: `ids`, or a `filter`');
  if (ids !== undefined && asked.filter !== undefined)
    throw new OperationError('either `ids` or a `filter`');
  if (ids !== undefined) return ofIds(parts, ids, dryRun ? undefined : change);
  if (dryRun && asked.filter === undefined) return (await parts.queue.totals({})).recipients;
  let recipients = 0;
  let after: string | undefined;
  do {
    const page = await parts.queue.search(filterOf(given), { after, limit: stepMax });
    const found = page.entries.map(({ id }) => id);
    if (dryRun) recipients += recipientsOf(page.entries);
    else if (found.length > 0) recipients += await change(found);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return recipients;
}

/** Of whole messages, as changes are: a filter need hold for one of theirs. */
const recipientsOf = (entries: readonly QueueEntry[]): number =>
  entries.reduce((sum, { recipients }) => sum + recipients.length, 0);

/** All are in the queue, or nothing is done. */
async function ofIds(
  { queue }: OperationParts,
  ids: readonly string[],
  change: Change | undefined,
): Promise<number> {
  let recipients = 0;
  for (const id of ids) {
    const entry = await queue.get(id);
    if (entry === undefined) throw new OperationError(notQueued(id));
    recipients += entry.recipients.length;
  }
  return change === undefined ? recipients : change(ids);
}

export const notQueued = (id: string): string =>
  `there is no message ${id} in the queue; \`postrider why ${id}\` may know where it went`;

export function asTotals({ oldest, destinations, replies, ...counted }: QueueTotals) {
  const byText = new Map<string, number>();
  for (const { reply, recipients } of replies) {
    const said = replyText(reply);
    byText.set(said, (byText.get(said) ?? 0) + recipients);
  }
  return {
    ...counted,
    oldest: isoOrNull(oldest),
    destinations: destinations.map(({ name, recipients }) => ({
      ...{ name: destinationText(name), destination: name, recipients },
    })),
    replies: [...byText].map(([reply, recipients]) => ({ reply, recipients })),
  } satisfies z.infer<typeof totals>;
}
