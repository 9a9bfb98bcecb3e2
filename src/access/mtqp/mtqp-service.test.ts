import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import type { TrackedMessage } from '../../mail/status/tracking-status.ts';
import { MemoryPeer } from '../../net/memory-peer.ts';
import { createConnectionLimits } from '../../policy/connection-limits.ts';
import { createMtqpService } from './mtqp-service.ts';

function open({ connections = 10 } = {}) {
  const noted: unknown[] = [];
  const asked = Promise.withResolvers<void>();
  const found = Promise.withResolvers<readonly TrackedMessage[]>();
  const service = createMtqpService({
    connections: createConnectionLimits({ connections, connectionsPerClient: 10 }),
    settings: () => ({ hostname: 'mx.example.net', startTls: false, isCertified: () => false }),
    startTls: (peer) => Promise.resolve(peer),
    find() {
      asked.resolve();
      return found.promise;
    },
    refusals: { note: (refusal) => void noted.push(refusal) },
    ...{ clock: new FakeClock(), random: systemRandom, log: silentLog },
  });
  const connect = async () => {
    const peer = new MemoryPeer();
    service.accept(peer);
    return { peer, greeting: await peer.hear() };
  };
  return { service, connect, asked: asked.promise, found, noted };
}

const goodbye = '-TEMP/unavailable Shutting down\r\n';

it('says that it stops, at once to who waits, and after the answer to who asked', async () => {
  const { service, connect, asked, found } = open();
  const { peer: idle, greeting } = await connect();
  assert.match(greeting, /^\+OK\/MTQP mx\.example\.net /);
  const { peer: asking } = await connect();
  const answer = asking.say('TRACK 1@isp.example c2VjcmV0\r\n');
  await asked;
  const over = service.shutdown();
  assert.equal(await idle.hear(), goodbye);
  found.resolve([]);
  assert.equal(await answer, `-ERR/noinfo Nothing is known of it here\r\n${goodbye}`);
  await over;
  assert.ok(idle.destroyed && asking.destroyed);
});

it('whom there is no room for is told so, and is on record', async () => {
  const { service, connect, noted } = open({ connections: 1 });
  await connect();
  const { greeting } = await connect();
  assert.equal(greeting, '-TEMP/MTQP/unavailable Try again later\r\n');
  assert.deepEqual(noted, [
    {
      ...{ service: 'mtqp', client: '198.51.100.7', stage: 'connect' },
      reason: 'Too many connections, try again later',
    },
  ]);
  service.destroy();
});
