// Nodes that wake each other, and nodes that do not: what one of them gives back or takes in for the queue is the
// other's to attempt.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import { at, delivered, message, settlement } from '../conformance/harness.ts';
import { due, everything, idsOf } from '../conformance/queue-harness.ts';
import { startTestServer, withoutPostgres } from './test-cluster.ts';
import { openNode } from './test-stores.ts';
import { eventually, openTwo } from './test-two-nodes.ts';

describe('waking', { skip: withoutPostgres() }, () => {
  it('what comes into the queue at one node, and is given back there, the other hears of without looking', async () => {
    // Only the clock of whoever tells moves: whatever is noticed was told.
    await using test = await openTwo();
    const { one, two, clock } = test;
    const now = clock.now();
    assert.deepEqual(await two.queue.claim({ ...everything, now }), []);
    let woken = 0;
    two.queue.watch(() => {
      woken += 1;
    });
    // It listens as soon as it is connected.
    const ids: string[] = [];
    await eventually(async () => {
      ids.push(`m${100 + ids.length}`);
      await one.queue.enqueue(message(ids.at(-1)!), due);
      await test.clockOfOne.advance(50);
      return woken > 0;
    });
    const taken = await two.queue.claim({ ...everything, now });
    assert.deepEqual(idsOf(taken).toSorted(), ids);
    let heard = 0;
    one.queue.watch(() => {
      heard += 1;
    });
    await two.queue.release(taken);
    await eventually(async () => {
      await clock.advance(50);
      return heard > 0;
    });
    const again = await one.queue.claim({ ...everything, now: clock.now() });
    assert.deepEqual(idsOf(again).toSorted(), ids);
  });

  it('so it is of what an operator retries, releases and sends another way', async () => {
    await using test = await openTwo();
    const { one, two, clock } = test;
    const recipients = [at('x@a.test', 'mx:a')];
    await one.queue.enqueue(message('m1', { recipients }), due);
    const now = clock.now();
    await two.queue.claim({ ...everything, now: -1 });
    let woken = 0;
    two.queue.watch(() => {
      woken += 1;
    });
    // It listens as soon as it is connected.
    let tries = 100;
    await eventually(async () => {
      await one.queue.enqueue(message(`m${tries++}`, { recipients }), due);
      await test.clockOfOne.advance(50);
      return woken > 0;
    });
    const wakes = async (work: () => Promise<unknown>) => {
      await test.clockOfOne.advance(100);
      woken = 0;
      await work();
      await eventually(async () => {
        await test.clockOfOne.advance(50);
        return woken > 0;
      });
    };
    await one.queue.hold(['m1']);
    await wakes(() => one.queue.unhold(['m1'], now));
    await wakes(() => one.queue.reroute(() => ({ delivery: 'relay', destination: 'mx:b' })));
    // What woke it last may have been said before that; it looks again whenever it hears something.
    await eventually(async () => {
      await test.clockOfOne.advance(50);
      const [lease] = await two.queue.claim({ ...everything, now });
      return lease?.destination === 'mx:b';
    });
  });

  it('a database that was away and is back wakes who waited for it, whatever is due', async () => {
    await using server = {
      at: await startTestServer(),
      [Symbol.asyncDispose]: () => server.at.crash(),
    };
    const clock = new FakeClock();
    // Without signals, whose new connection would wake him, too.
    await using stores = await openNode(server.at.url, 'one', clock, { notify: false });
    let woken = 0;
    stores.queue.watch(() => {
      woken += 1;
    });
    const asked = () => stores.queue.newest();
    assert.equal(await asked(), undefined);
    await server.at.crash();
    await assert.rejects(asked(), StorageError);
    // Within the time in which the node is believed to be there, which would wake him, too.
    for (let looks = 0; looks < 2; looks += 1) {
      await clock.advance(2000);
      await assert.rejects(asked(), StorageError);
    }
    assert.equal(woken, 0);
    await server.at.start();
    await clock.advance(2000);
    await eventually(async () => woken > 0);
    await stores[Symbol.asyncDispose]();
  });

  it('`notify: false`: everything works, a look later', async () => {
    await using test = await openTwo({ notify: false });
    const { one, two } = test;
    let woken = 0;
    two.queue.watch(() => {
      woken += 1;
    });
    const told: string[] = [];
    two.records.watch('account-rules', () => told.push('rules'));
    await two.queue.claim({ ...everything, now: test.clock.now() });
    await one.queue.enqueue(message('m1'), due);
    await test.eventually(async () => woken > 0);
    const [lease] = await two.queue.claim({ ...everything, now: test.clock.now() });
    assert.equal(await two.queue.settle(settlement(lease!, delivered)), true);
    await test.eventually(async () => {
      await one.records.put([{ kind: 'account-rules', key: 'x', value: '' }]);
      return told.length > 0;
    });
    await one.accounts.add('ann@example.org', undefined, 0);
    await test.eventually(async () => (await two.accounts.find('ann@example.org')) !== undefined);
  });
});
