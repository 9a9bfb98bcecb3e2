// What may happen to the queue's journal in a simulation, from what may happen to its database.

import type { Random } from '../../src/base/random.ts';
import type { WriteFault } from '../../src/store/sqlite/journal/memory-directory.ts';
import type { Fault } from '../../src/store/sqlite/transport.ts';

/** So small that its files are used again and again. */
export const journalSegmentBytes = 256 * 1024;

/** Word of what is done waits for a moment: the power may fail before it is written down. */
export const doneAfterMs = 50;

export function journalFault(
  fault: Fault | undefined,
  random: Pick<Random, 'fraction'>,
): WriteFault | undefined {
  switch (fault) {
    case undefined:
      return undefined;
    case 'full':
      return { kind: 'failed' };
    case 'crash-after':
      return { kind: 'crash-after' };
    case 'crash-before': {
      const share = random.fraction();
      return { kind: 'torn', keeps: () => random.fraction() < share };
    }
  }
}
