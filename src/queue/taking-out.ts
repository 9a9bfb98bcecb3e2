// What an operator does to messages of which something may wait in the memory of a runner for its turn: that is taken
// out of its line first, since the store takes it for under way. What is under way with a next hop is left alone.

import type { Lease, QueueStore, Way } from '../store/queue-store.ts';

/** What waits in the memory of a runner. */
export interface WaitingLine {
  /** What waits of these messages: the caller's from now on, who settles it or gives it back. */
  takeOut(ids: readonly string[]): readonly Lease[];
  /** Resolves when it is anybody's, or when that has failed and was logged. */
  giveBack(leases: readonly Lease[]): Promise<void>;
}

/** Where none runs nothing waits. */
export const noLine: WaitingLine = { takeOut: () => [], giveBack: async () => {} };

export interface TakingOutParts {
  readonly queue: Pick<QueueStore, 'hold' | 'release' | 'rerouteSome'>;
  readonly line: WaitingLine;
}

/** How many recipients; what is under way is held if it fails. */
export async function holdMessages(
  { queue, line }: TakingOutParts,
  ids: readonly string[],
): Promise<number> {
  const waiting = [...line.takeOut(ids)];
  try {
    const recipients = await queue.hold(ids);
    // A claim that was under way may have brought some meanwhile.
    waiting.push(...line.takeOut(ids));
    return recipients;
  } finally {
    await line.giveBack(waiting);
  }
}

/** How many recipients; what is under way is left as it is. */
export async function rerouteMessages(
  { queue, line }: TakingOutParts,
  ids: readonly string[],
  wayOf: (address: string) => Way,
): Promise<number> {
  const waiting = line.takeOut(ids);
  try {
    // Not by way of the line, which would claim it again at once, for where it went before.
    if (waiting.length > 0) await queue.release(waiting);
  } catch (error) {
    await line.giveBack(waiting);
    throw error;
  }
  return queue.rerouteSome(ids, wayOf);
}
