// A history in memory, for tests of what records into one.

import type { HistoryEvent, HistoryStore } from './history.ts';
import { historyEventsMax, matchingEvents, refusalMatcher, refusalsMax } from './history.ts';

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
