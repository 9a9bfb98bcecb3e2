// A thread that was busy gives back what that left behind once it rests. V8 collects the whole heap
// when it has grown enough, not when there is time for it: without this, what one large listing left
// lies there for hours while the server waits for mail.

import { getHeapStatistics } from 'node:v8';
import type { Clock } from './clock.ts';

// Looked at so often. A thread rests that was busy for no more than this share of that time.
const everyMs = 1_000;
const restingShare = 0.1;
// What must have gathered since the last time, and how long ago that must be: what comes while memory
// is given back waits for some tens of milliseconds.
const gatheredBytesMin = 8 * 2 ** 20;
const againMs = 5_000;

export interface MemoryKeeperParts {
  readonly clock: Clock;
  /** What the thread uses now. */
  readonly usedBytes: () => number;
  /** The share of time, from 0 to 1, that the thread was busy since this was last asked. */
  readonly busyShare: () => number;
  readonly release: () => void;
}

/** Returns what ends it. */
export function keepMemory(parts: MemoryKeeperParts): () => void {
  const { clock, usedBytes, busyShare, release } = parts;
  let releasedAt = clock.now();
  let leftBytes = 0;
  const look = () => {
    cancel = clock.after(everyMs, look);
    if (busyShare() > restingShare || clock.now() - releasedAt < againMs) return;
    if (usedBytes() - leftBytes < gatheredBytesMin) return;
    release();
    releasedAt = clock.now();
    leftBytes = usedBytes();
  };
  busyShare();
  let cancel = clock.after(everyMs, look);
  return () => cancel();
}

/**
 * For the thread it is called in. `release` gives back what V8 does not know of. Nothing happens
 * without the flag --expose-gc, which bin/postrider sets. Returns what ends it.
 */
export function keepThreadMemory(clock: Clock, release?: () => void): () => void {
  const { gc } = globalThis;
  if (gc === undefined) return () => {};
  let last = performance.eventLoopUtilization();
  return keepMemory({
    clock,
    usedBytes() {
      const { total_heap_size, external_memory } = getHeapStatistics();
      return total_heap_size + external_memory;
    },
    busyShare() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    },
    release() {
      release?.();
      // Unlike a regular collection, this one gives the heap's pages back to the system, too.
      gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    },
  });
}
