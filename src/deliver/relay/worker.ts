// The relay's thread: its own resolver, dialer and connections, made from plain settings. It ends
// when the server ends it; whatever it had under way then is due in the queue.

import { isMainThread, parentPort } from 'node:worker_threads';
import { systemClock } from '../../base/clock.ts';
import { keepThreadMemory } from '../../base/memory-keeper.ts';
import { systemRandom } from '../../base/random.ts';
import { createDialer } from '../../net/dialer.ts';
import { createResolvers } from '../../net/resolver.ts';
import { createRelay } from './create-relay.ts';
import { logThrough, RelayDesk } from './desk.ts';
import type { FromRelay, ToRelay } from './wire.ts';

if (!isMainThread && parentPort !== null) serve(parentPort);

function serve(port: NonNullable<typeof parentPort>): void {
  const say = (message: FromRelay) => port.postMessage(message);
  const log = logThrough(say);
  const clock = systemClock();
  keepThreadMemory({ clock });
  const random = systemRandom;
  const resolverFor = createResolvers({ clock, random, log });
  const parts = { dialer: createDialer(), clock, random, log };
  const desk = new RelayDesk({
    open: (settings) => createRelay({ ...settings, ...parts, resolver: resolverFor(settings.dns) }),
    say,
    gather: setImmediate,
  });
  port.on('message', (message: ToRelay) => desk.take(message));
}
