// A thread that was busy gives back what that left behind once it rests. V8 collects the whole heap
// when it has grown enough, not when there is time for it: without this, what one large listing left
// lies there for hours while the server waits for mail.

import { getHeapStatistics } from 'node:v8';
import type { Clock } from './clock.ts';

// Looked at so often. A thread rests that was busy for no more than this share of that time.
const everyMs = 1_000;
const restingShare = 0.1;
// What comes while a heap is collected waits for some tens of milliseconds.
const againMs = 5_000;
/** Limit: octets that must have gathered since the last collection to be some, and to be much. */
const someBytes = 8 * 2 ** 20;
const muchBytes = 32 * 2 ** 20;

/** How long a thread rests, in milliseconds, before what has gathered is collected. */
export interface RestBeforeCollecting {
  readonly muchMs: number;
  readonly someMs: number;
}

/**
 * With the garbage much compiled code goes, too: for the next thousands of messages a thread takes half as
 * long again. What some thousand messages leave is not worth that before mail is scarce.
 */
const restDefault: RestBeforeCollecting = { muchMs: 30_000, someMs: 300_000 };

export interface MemoryKeeperParts {
  readonly clock: Clock;
  /** The share of time, from 0 to 1, that the thread was busy since this was last asked. */
  readonly busyShare: () => number;
  /** What the thread uses now. */
  readonly usedBytes: () => number;
  /** It begins to rest: what costs little to give back, and to have again. */
  readonly rest?: (() => void) | undefined;
  /** It has rested for long enough. */
  readonly collect: () => void;
  /** Default: 30 seconds where 32 MiB have gathered, 5 minutes where it is 8. */
  readonly restBefore?: RestBeforeCollecting | undefined;
  /** What the start has left is collected at once, when nobody waits and no code is worth keeping. */
  readonly collectsFirst?: boolean | undefined;
}

/** Returns what ends it. */
export function keepMemory(parts: MemoryKeeperParts): () => void {
  const { clock, busyShare, usedBytes, restBefore = restDefault, collectsFirst = false } = parts;
  if (collectsFirst) parts.collect();
  let collectedAt = clock.now();
  let leftBytes = collectsFirst ? usedBytes() : 0;
  let busyAt = collectedAt;
  let isResting = true;
  const look = () => {
    cancel = clock.after(everyMs, look);
    const now = clock.now();
    const wasResting = isResting;
    isResting = busyShare() <= restingShare;
    if (!isResting) busyAt = now;
    else if (!wasResting) parts.rest?.();
    if (now - busyAt < restBefore.muchMs || now - collectedAt < againMs) return;
    const gathered = usedBytes() - leftBytes;
    if (gathered < someBytes) return;
    if (gathered < muchBytes && now - busyAt < restBefore.someMs) return;
    parts.collect();
    collectedAt = clock.now();
    leftBytes = usedBytes();
  };
  busyShare();
  let cancel = clock.after(everyMs, look);
  return () => cancel();
}

/**
 * For the thread it is called in. Nothing is collected without the flag --expose-gc, which
 * bin/postrider sets. Returns what ends it.
 */
export function keepThreadMemory(
  parts: Pick<MemoryKeeperParts, 'clock' | 'rest' | 'restBefore' | 'collectsFirst'>,
): () => void {
  let last = performance.eventLoopUtilization();
  return keepMemory({
    ...parts,
    busyShare() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    },
    usedBytes() {
      const { total_heap_size, external_memory } = getHeapStatistics();
      return total_heap_size + external_memory;
    },
    // Unlike a regular collection, this one gives the heap's pages back to the system, too.
    collect: () => globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
  });
}
