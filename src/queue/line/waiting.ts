// Why nothing is attempted for mail whose time has come, as an operator hears it.

import { formatDuration } from '../../base/duration-text.ts';
import type { Rate } from '../../base/token-buckets.ts';

export type Waiting =
  /** An operator keeps back what goes there. */
  | { readonly for: 'release' }
  /** Nothing more may go there until then, in milliseconds since 1970. */
  | { readonly for: 'rate'; readonly rate: Rate; readonly until: number }
  /** As much is under way there as may be at present. */
  | { readonly for: 'turn'; readonly active: number }
  /** All places are taken, or those for destinations that never took mail. */
  | { readonly for: 'place' };

export function waitingText(waiting: Waiting): string {
  switch (waiting.for) {
    case 'release':
      return 'its destination is held';
    case 'rate': {
      const { count, perMs } = waiting.rate;
      const until = new Date(waiting.until).toISOString();
      return `at most ${count} in ${formatDuration(perMs)} go there (rateLimits.perDestination), the next at ${until}`;
    }
    case 'turn':
      return `${waiting.active} under way there, no more at present`;
    case 'place':
      return 'as much is under way elsewhere as may be (queue.deliveries)';
  }
}
