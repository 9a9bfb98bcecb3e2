// What this node may do of what all nodes together may do to a destination: connections, and messages in a time.
// What is delivered here, or by this machine alone, is not divided.

import type { Rate } from '../../base/token-buckets.ts';
import type { Shares } from '../../store/nodes.ts';
import { alone } from '../../store/nodes.ts';
import type { DestinationTable } from './destination.ts';
import type { LineupLimits } from './lineup.ts';
import type { RateOf } from './pace.ts';

export interface PartsOfLimits {
  /** Undefined where nobody else is. */
  readonly shares?: Shares | undefined;
  /** Read anew each time. */
  readonly settings: Pick<LineupLimits, 'memory' | 'deliveries' | 'connectionsPerDestination'>;
  readonly rateOf?: RateOf | undefined;
}

/** `mx:example.net`, `host:mail.example.net:25#…`: other servers. */
const isRemote = (destination: string): boolean => /^(?:mx|host):/.test(destination);

export class Parts {
  readonly #given: PartsOfLimits;
  readonly #shares: Shares;
  readonly #of: Shares['of'] = (key, limit) => this.#shares.of(key, limit);
  readonly #connectionsOf = (destination: string) => this.#connections(destination, this.#of);

  constructor(given: PartsOfLimits) {
    this.#given = given;
    this.#shares = given.shares ?? alone.shares;
  }

  /** As the configuration has them, and this node's part of them. */
  readonly limits = (): LineupLimits => {
    const { memory, deliveries, connectionsPerDestination } = this.#given.settings;
    const connectionsOf = this.#shares.count > 1 ? this.#connectionsOf : undefined;
    return { memory, deliveries, connectionsPerDestination, connectionsOf };
  };

  /** Whether another node has all that may be done there; undefined where nobody else is. */
  readonly isOthers = (): ((destination: string) => boolean) | undefined =>
    this.#shares.count > 1 ? (destination) => this.#connectionsOf(destination) === 0 : undefined;

  /** Where this node has no part nothing is started. */
  readonly rateOf = (destination: string): Rate | undefined => {
    const rate = this.#given.rateOf?.(destination);
    if (rate === undefined || this.#shares.count === 1 || !isRemote(destination)) return rate;
    return { ...rate, count: Math.max(1, this.#of(destination, rate.count)) };
  };

  /** Told when parts have changed; others are told where more is under way than is ours by now. */
  watch(destinations: Pick<DestinationTable, 'values'>, changed: () => void): () => void {
    this.#shares.measure((partOf) =>
      [...destinations.values()]
        .filter(({ name, active }) => active > 0 && active > this.#connections(name, partOf))
        .map(({ name }) => name),
    );
    return this.#shares.watch(changed);
  }

  #connections(destination: string, partOf: Shares['of']): number {
    const { connectionsPerDestination } = this.#given.settings;
    if (!isRemote(destination)) return connectionsPerDestination;
    const rate = this.#given.rateOf?.(destination);
    if (rate !== undefined && partOf(destination, rate.count) === 0) return 0;
    return partOf(destination, connectionsPerDestination);
  }
}
