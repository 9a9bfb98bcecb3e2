// Relays in a thread of their own: with their own resolver, dialer and connections, made from plain
// settings. The thread ends when the server ends it; whatever it had under way then is due in the queue.

import type { MessagePort } from 'node:worker_threads';
import { systemClock } from '../../../base/clock.ts';
import { keepThreadMemory } from '../../../base/memory-keeper.ts';
import { Counter } from '../../../base/metrics.ts';
import { systemRandom } from '../../../base/random.ts';
import { createDialer } from '../../../net/dialer.ts';
import { createResolvers } from '../../../net/resolver.ts';
import { createRelay } from '../create-relay.ts';
import type { StepTable } from '../steps/outbound-steps.ts';
import { outboundSteps } from '../steps/outbound-steps.ts';
import { logThrough, RelayDesk } from './desk.ts';
import type { FromRelay, ToRelay } from './wire.ts';

export function serveRelays(port: MessagePort, table: StepTable = outboundSteps): void {
  const say = (message: FromRelay) => port.postMessage(message);
  const log = logThrough(say);
  const clock = systemClock();
  keepThreadMemory({ clock });
  const random = systemRandom;
  const queries = new Counter();
  const resolverFor = createResolvers({ clock, random, log, queries });
  const parts = { dialer: createDialer(), clock, random, log };
  const desk: RelayDesk = new RelayDesk({
    open: (settings) => {
      const resolver = resolverFor(settings.dns);
      return createRelay({ ...settings, ...parts, resolver, policies: desk.policies }, table);
    },
    ...{ say, queries },
    gather: setImmediate,
  });
  port.on('message', (message: ToRelay) => desk.take(message));
}
