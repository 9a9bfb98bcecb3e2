// What is in force, from the configuration that was read last: all that a reload can change, and replaces whole. And
// where relays run, which is decided once: in this thread or in one of their own.

import { availableParallelism } from 'node:os';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import { createRelay } from '../deliver/relay/create-relay.ts';
import type { OpenRelay } from '../deliver/relay/relay.ts';
import { StsPolicies } from '../deliver/relay/security/sts-policies.ts';
import { RelayThread } from '../deliver/relay/thread/thread.ts';
import type { Resolver } from '../dns/resolver.ts';
import { createDialer } from '../net/dialer.ts';
import type { ResolverSettings } from '../net/resolver.ts';
import { createResolvers } from '../net/resolver.ts';
import type { Stores } from '../store/stores.ts';
import type { Basics } from './basics.ts';
import type { Addresses, InForce } from './in-force.ts';
import { putInForce } from './in-force.ts';
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
function resolversOf(
  { resolver }: StateOptions,
  { clock, random, log, metrics }: Basics,
): ResolverFor {
  const queries = metrics.dnsQueries;
  return resolver === undefined ? createResolvers({ clock, random, log, queries }) : () => resolver;
}

/**
 * Where relays run. A thread has its own clock, chance and resolver, and reads content from its file:
 * whoever brings any of these along, such as a test, keeps everything in one thread.
 */
interface Relays extends AsyncDisposable {
  readonly open: OpenRelay;
}

/** What the server was started with. */
export interface RelayWishes {
  readonly config: Pick<Config, 'store'>;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly resolver?: Resolver;
  readonly stores?: Stores;
  readonly relayIn?: 'own-thread' | 'same-thread';
}

/** The resolver for settings, with what it has learnt. */
type ResolverFor = (settings?: ResolverSettings) => Resolver;

interface RelaysParts extends Basics {
  readonly resolverFor: ResolverFor;
  /** There is one by the time mail leaves. */
  readonly inForce: () => Addresses;
  readonly stores: Pick<Stores, 'records' | 'nodes'>;
}

function createRelays(wishes: RelayWishes, parts: RelaysParts): Relays {
  const { clock, random, log, resolverFor, inForce, stores, metrics } = parts;
  const { records, nodes } = stores;
  const policies = new StsPolicies({
    ...{ records, clock, log, inTurn: nodes.inTurn, fetches: metrics.stsFetches },
    verify: () => inForce().config.mtaSts.verify,
    resolver: {
      resolve: (...asked) => resolverFor(inForce().config.dns).resolve(...asked),
    },
  });
  policies.start();
  if ((wishes.relayIn ?? usualPlace(wishes)) === 'own-thread') {
    const thread = new RelayThread({ clock, log, policies, queries: metrics.dnsQueries });
    return {
      open: (settings) => thread.open(settings),
      [Symbol.asyncDispose]: () => {
        policies.close();
        return thread[Symbol.asyncDispose]();
      },
    };
  }
  const shared = { dialer: createDialer(), clock, random, log, policies };
  return {
    open: (settings) =>
      createRelay({ ...settings, ...shared, resolver: resolverFor(settings.dns) }),
    [Symbol.asyncDispose]: async () => policies.close(),
  };
}

// What a second thread takes off the event loop costs more in all; below this the load, the flushes and
// V8's helpers need the other processors. docs/decisions/0012-relay-thread.md
const processorsForThread = 4;

function usualPlace({
  config,
  clock,
  random,
  resolver,
  stores,
}: RelayWishes): 'own-thread' | 'same-thread' {
  const brought = [clock, random, resolver, stores].some((part) => part !== undefined);
  // Large content that lies in a database is read in this thread alone.
  const isHere = brought || config.store.kind === 'postgres';
  return isHere || availableParallelism() < processorsForThread ? 'same-thread' : 'own-thread';
}
