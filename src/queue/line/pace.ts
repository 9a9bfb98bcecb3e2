// How often messages may go to one destination. What is more waits in its line until there is a token again:
// a rate delays, it fails nothing. Costs nothing where no destination has a rate.

import type { Clock } from '../../base/clock.ts';
import type { Exceeded, Rate } from '../../base/token-buckets.ts';
import { TokenBuckets } from '../../base/token-buckets.ts';
import type { Destination } from './destination.ts';

/** Undefined: as many as come. Read anew each time. */
export type RateOf = (destination: string) => Rate | undefined;

export interface PaceParts {
  readonly clock: Clock;
  readonly rateOf: RateOf;
  /** It may start something again. */
  readonly onReady: (destination: Destination) => void;
}

/** Limit: destinations that are counted; as many as are remembered. */
const destinationsMax = 10_000;

export class Pace {
  readonly #parts: PaceParts;
  readonly #buckets: TokenBuckets;
  /** Those that a timer is set for. */
  readonly #waiting = new Set<Destination>();

  constructor(parts: PaceParts) {
    this.#parts = parts;
    this.#buckets = new TokenBuckets(parts.clock, destinationsMax);
  }

  /** What is exceeded there, and for how long. */
  exceeded(destination: string): Exceeded | undefined {
    const rate = this.#parts.rateOf(destination);
    return rate && this.#buckets.look(destination, [rate]);
  }

  /** Whether something may start there now; if not, `onReady` is called when it may. */
  allows(destination: Destination): boolean {
    const exceeded = this.exceeded(destination.name);
    if (exceeded === undefined) return true;
    if (this.#waiting.has(destination)) return false;
    this.#waiting.add(destination);
    this.#parts.clock.after(exceeded.waitMs, () => {
      this.#waiting.delete(destination);
      this.#parts.onReady(destination);
    });
    return false;
  }

  /** Something starts there. */
  started({ name }: Destination): void {
    const rate = this.#parts.rateOf(name);
    if (rate !== undefined) this.#buckets.take(name, [rate]);
  }

  isLimited(destination: string): boolean {
    return this.#parts.rateOf(destination) !== undefined;
  }
}
