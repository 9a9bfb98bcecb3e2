// Counts of a stretch of time: messages, recipients, how long they took. They add up to those of longer ones.

import type { HistoryEvent } from '../store/history.ts';

/** Plain data: it is kept as a record. */
export interface Tally {
  received: number;
  refused: number;
  delivered: number;
  deferred: number;
  bounced: number;
  /** Recipients in the queue at its end. */
  queued: number | null;
  /** Deliveries, by how long they took: each place is for about a third longer than the one before. */
  took: number[];
}

/** Limit: places; the last begins at some ten days. */
const places = 60;
const firstMs = 10;
const growth = 4 / 3;

export const emptyTally = (): Tally => ({
  ...{ received: 0, refused: 0, delivered: 0, deferred: 0, bounced: 0 },
  ...{ queued: null, took: [] },
});

/** `sinceMs`: when the message came in. */
export function countEvent(tally: Tally, event: HistoryEvent, sinceMs: number | undefined): void {
  if (event.kind === 'received') tally.received += 1;
  if (event.kind !== 'attempt') return;
  for (const { result } of event.results) {
    if (result === 'delivered' || result === 'relayed') {
      tally.delivered += 1;
      if (sinceMs !== undefined) addTook(tally.took, event.at - sinceMs);
    } else if (result === 'failed' || result === 'expired') tally.bounced += 1;
    else tally.deferred += 1;
  }
}

export function addTally(to: Tally, one: Tally): void {
  for (const name of ['received', 'refused', 'delivered', 'deferred', 'bounced'] as const)
    to[name] += one[name];
  to.queued = one.queued ?? to.queued;
  for (const [place, count] of one.took.entries()) to.took[place] = (to.took[place] ?? 0) + count;
}

/** In seconds; null where nothing was delivered. `share` from 0 to 1. */
export function percentile({ took }: Tally, share: number): number | null {
  const all = took.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  let seen = 0;
  for (const [place, count] of took.entries()) {
    seen += count;
    if (seen >= all * share) return Math.round(firstMs * growth ** place) / 1000;
  }
  return null;
}

function addTook(took: number[], ms: number): void {
  const place = ms <= firstMs ? 0 : Math.ceil(Math.log(ms / firstMs) / Math.log(growth));
  const at = Math.min(places - 1, place);
  while (took.length <= at) took.push(0);
  took[at]! += 1;
}
