// The queue from its beginning to its end, in pages: it is never held in memory.

import type { QueueFilter } from './queue-search.ts';
import type { QueueEntry, QueueStore } from './queue-store.ts';

/** Limit: messages that one page brings into memory. */
const pageMax = 100;

/** All that the filter holds for, oldest first. What comes or goes meanwhile may be among it. */
export async function* queueEntries(
  queue: Pick<QueueStore, 'search'>,
  filter: QueueFilter = {},
): AsyncIterable<QueueEntry> {
  for (let after: string | undefined; ; ) {
    const { entries, next } = await queue.search(filter, { after, limit: pageMax });
    yield* entries;
    if (next === null) return;
    after = next;
  }
}
