// Where relays run: in a thread of their own, so that two processors share the work, or in the
// server's. A thread has its own clock, chance and resolver, and reads content from its file: whoever
// brings any of these along, such as a test, keeps everything in one thread.

import { availableParallelism } from 'node:os';
import type { Clock } from './base/clock.ts';
import type { Log } from './base/log.ts';
import type { Random } from './base/random.ts';
import type { OpenRelay } from './deliver/relay.ts';
import { RelayThread } from './deliver/relay-thread.ts';
import { createRelay } from './deliver/remote.ts';
import type { Resolver } from './dns/resolver.ts';
import { createDialer } from './net/dialer.ts';
import { createResolvers } from './net/resolver.ts';
import type { Stores } from './store/stores.ts';

export interface Relays extends AsyncDisposable {
  readonly open: OpenRelay;
}

interface RelayParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What the server was started with. */
export interface RelayWishes {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly resolver?: Resolver;
  readonly stores?: Stores;
  readonly relayIn?: 'own-thread' | 'same-thread';
}

export function createRelays(wishes: RelayWishes, { clock, random, log }: RelayParts): Relays {
  if ((wishes.relayIn ?? usualPlace(wishes)) === 'own-thread') {
    const thread = new RelayThread({ clock, log });
    return {
      open: (settings) => thread.open(settings),
      [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
    };
  }
  const resolverFor = createResolvers({ random, log });
  const parts = { dialer: createDialer(), clock, random, log };
  return {
    open: (settings) => {
      const resolver = wishes.resolver ?? resolverFor(settings.dns);
      return createRelay({ ...settings, ...parts, resolver });
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

// What a second thread takes off the event loop costs more in all; below this the load, the flushes and
// V8's helpers need the other processors. docs/decisions/0012-relay-thread.md
const processorsForThread = 4;

function usualPlace({
  clock,
  random,
  resolver,
  stores,
}: RelayWishes): 'own-thread' | 'same-thread' {
  const brought = [clock, random, resolver, stores].some((part) => part !== undefined);
  return brought || availableParallelism() < processorsForThread ? 'same-thread' : 'own-thread';
}
