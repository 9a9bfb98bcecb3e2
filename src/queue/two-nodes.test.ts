// Two runners on one queue: what goes to one destination at a time is the limit, of both together, and both do it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import { openPostgresStores } from '../store/postgres/stores.ts';
import { testCluster, withoutPostgres } from '../store/postgres/test-cluster.ts';
import { eventually } from '../store/postgres/test-two-nodes.ts';
import { memoryHistory } from '../store/test-history.ts';
import { createMessageIds } from './message-id.ts';
import { QueueRunner } from './runner.ts';
import { defaults, results, taken, to } from './test-world.ts';

const limit = 5;

async function openRunner(url: string, node: string, deliver: () => Promise<void>) {
  const clock = systemClock();
  const stores = await openPostgresStores({ url, node, clock, log: silentLog });
  const ids = createMessageIds({ clock, random: systemRandom, node: stores.nodes.number });
  let attempts = 0;
  const runner = new QueueRunner({
    ...{ store: stores.queue, shares: stores.nodes.shares, clock, random: systemRandom, ids },
    ...{ log: silentLog, history: memoryHistory(), hostname: 'mx.example.org' },
    resolve: async (address) => [to(address)],
    settings: { ...defaults, connectionsPerDestination: limit, deliveries: 100 },
    async deliver(lease) {
      attempts += 1;
      await deliver();
      return results(lease, taken);
    },
  });
  runner.start();
  return {
    ...{ stores, runner },
    attempts: () => attempts,
    submit: () =>
      runner.submit({
        ...{ id: ids(), received: clock.now(), sender: 'ann@example.org', params: [], prefix: '' },
        recipients: [to('bob@far.test')],
        content: { kind: 'inline', bytes: Buffer.from('Subject: x\r\n\r\nx\r\n') },
        origin: { session: 's', service: 'smtp', protocol: 'ESMTP' },
      }),
    async [Symbol.asyncDispose]() {
      await runner.stop({ graceMs: 1000 });
      await stores[Symbol.asyncDispose]();
    },
  };
}

describe('two nodes and one destination', { skip: withoutPostgres() }, () => {
  it('have its connections together, and mail that one took in goes out from both', async () => {
    const url = await (await testCluster()).database();
    let active = 0;
    let most = 0;
    let done = 0;
    const { promise: isOpen, resolve: open } = Promise.withResolvers<void>();
    const deliver = async () => {
      active += 1;
      most = Math.max(most, active);
      await isOpen;
      await new Promise((resolve) => setTimeout(resolve, 5));
      active -= 1;
      done += 1;
    };
    await using one = await openRunner(url, 'one', deliver);
    await using two = await openRunner(url, 'two', deliver);
    const parts = () =>
      [one, two].map(({ stores }) => stores.nodes.shares.of('mx:far.test', limit));
    await eventually(async () => parts()[0]! + parts()[1]! === limit && !parts().includes(0));
    for (let i = 0; i < 100; i += 1) await one.submit();
    await eventually(async () => active === limit);
    open();
    await eventually(async () => done >= 100);
    assert.ok(most <= limit, `${most} at a time`);
    assert.ok(one.attempts() > 0 && two.attempts() > 0, 'both had some');
    assert.equal(done, 100);
  });
});
