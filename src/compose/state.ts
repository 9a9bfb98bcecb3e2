// What is in force, from the configuration that was read last: all that a reload can change, and replaces whole.

import type { Config } from '../config/config.ts';
import type { Resolver } from '../dns/resolver.ts';
import { createResolvers } from '../net/resolver.ts';
import type { Basics } from './basics.ts';
import type { InForce } from './in-force.ts';
import { putInForce } from './in-force.ts';
import type { Relays, RelayWishes, ResolverFor } from './relays.ts';
import { createRelays } from './relays.ts';
import type { Storage } from './storage.ts';

export interface StateOptions extends RelayWishes {
  readonly config: Config;
}

export class State implements AsyncDisposable {
  /** What the server was started with. */
  readonly started: Config;
  /** By the configuration in force. */
  readonly resolver: Resolver;
  readonly #relays: Relays;
  readonly #parts: Basics & Pick<Storage, 'stores'>;
  #current: InForce;

  constructor(options: StateOptions, parts: Basics & Pick<Storage, 'stores'>) {
    this.started = options.config;
    this.#parts = parts;
    const resolverFor = resolversOf(options, parts);
    this.resolver = {
      resolve: (...asked) => resolverFor(this.#current.config.dns).resolve(...asked),
    };
    this.#relays = createRelays(options, { ...parts, resolverFor, inForce: this.inForce });
    this.#current = this.prepare(options.config);
  }

  readonly inForce = (): InForce => this.#current;

  /** Nothing of it is in force before `change`. */
  prepare(config: Config): InForce {
    const { stores, clock, log } = this.#parts;
    return putInForce(config, { openRelay: this.#relays.open, stores, clock, log });
  }

  /** From now on this is in force; the relay before it ends what it is about in peace. */
  change(next: InForce): void {
    const before = this.#current;
    this.#current = next;
    void before.relay.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current.relay.close();
    await this.#relays[Symbol.asyncDispose]();
  }
}

/** As this thread asks the DNS: policies, and relays where they run here, share what it has learnt. */
function resolversOf({ resolver }: StateOptions, { random, log, metrics }: Basics): ResolverFor {
  const queries = metrics.dnsQueries;
  return resolver === undefined ? createResolvers({ random, log, queries }) : () => resolver;
}
