// A history in memory, for tests of what records into one.

import type { HistoryEvent, HistoryStore } from './history.ts';
import { historyEventsMax, refusalMatcher, refusalsMax, sameMessageId } from './history.ts';

/** The last events only. */
export function memoryHistory(eventsMax = historyEventsMax): HistoryStore {
  let events: HistoryEvent[] = [];
  return {
    record(event) {
      events.push(event);
      if (events.length > 2 * eventsMax) events = events.slice(-eventsMax);
    },
    find: async (idOrMessageId) => matchingEvents(events, idOrMessageId),
    findRefused: async (text) => events.filter(refusalMatcher(text)).slice(-refusalsMax),
    flush: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Those that `find` is asked for, oldest first. */
function matchingEvents(events: Iterable<HistoryEvent>, idOrMessageId: string): HistoryEvent[] {
  const all = [...events];
  const ids = new Set([idOrMessageId]);
  for (const event of all)
    if (event.kind === 'received' && sameMessageId(event.messageId, idOrMessageId))
      ids.add(event.id);
  return all
    .filter((event) => event.kind !== 'refused' && ids.has(event.id))
    .slice(0, historyEventsMax);
}
