// What every QueueStore must do about what senders ask for in MAIL: which mail goes first (RFC 6710), and
// not before when (RFC 4865).

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { priorityLevelMs } from '../queue-store.ts';
import type { OpenTestStores } from './harness.ts';
import { deferred, message, settlement } from './harness.ts';

const due = { leaseUntil: undefined };
const nobody: ReadonlySet<string> = new Set();
const hour = 3_600_000;
const claimAt = (now: number, limit = 1) => ({
  ...{ now, limit, perDestination: 1000, skip: nobody, leaseMs: 60_000 },
});

export function testRequests(open: OpenTestStores): void {
  it('RFC 6710 §5.1: of one destination higher priorities come first, also after a restart', async () => {
    await using test = await open();
    for (const [id, priority] of [
      ['m1', 0],
      ['m2', -9],
      ['m3', 9],
      ['m4', 3],
    ] as const)
      await test.stores.queue.enqueue(message(id, { params: [`MT-PRIORITY=${priority}`] }), due);
    await test.stores.queue.enqueue(message('m5'), due);
    await test.restart();
    const { queue } = test.stores;
    const order: string[] = [];
    for (let i = 0; i < 5; i += 1)
      for (const { message: claimed } of await queue.claim(claimAt(hour))) order.push(claimed.id);
    assert.deepEqual(order, ['m3', 'm4', 'm1', 'm5', 'm2']);
  });

  it('lets nothing wait for ever: a level counts like so much age', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await queue.enqueue(message('m1', { params: ['MT-PRIORITY=-1'] }), due);
    await queue.enqueue(message('m2', { received: 1000 + priorityLevelMs - 1 }), due);
    await queue.enqueue(message('m3', { received: 1000 + priorityLevelMs + 1 }), due);
    const leases = await queue.claim(claimAt(hour, 10));
    assert.deepEqual(
      leases.map((lease) => lease.message.id),
      ['m2', 'm1', 'm3'],
    );
  });

  it('what is urgent but not due does not keep back what is', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await queue.enqueue(message('m1', { params: ['MT-PRIORITY=9'] }), due);
    const [urgent] = await queue.claim(claimAt(2000));
    await queue.settle(settlement(urgent!, deferred(hour)));
    await queue.enqueue(message('m2', { params: ['MT-PRIORITY=-9'] }), due);
    assert.equal(await queue.nextDue(nobody), 1000);
    const [lease] = await queue.claim(claimAt(3000));
    assert.equal(lease?.message.id, 'm2');
  });

  it('RFC 4865 §4.2 (5), (6): nothing is due before its time, whatever becomes of it', async () => {
    await using test = await open();
    const received = test.clock.now();
    const until = received + 2 * hour;
    const held = message('m1', { received, params: ['HOLDFOR=7200'] });
    await test.stores.queue.enqueue(held, due);
    const is = async (what: string) => {
      assert.equal(await test.stores.queue.nextDue(nobody), until, what);
      assert.deepEqual(await test.stores.queue.claim(claimAt(until - 1)), [], what);
    };
    await is('at first');
    assert.equal(await test.stores.queue.retry(['m1'], received), 0);
    await is('after a retry');
    assert.equal(await test.stores.queue.retry(undefined, received), 0);
    await is('after a retry of everything');
    await test.stores.queue.hold(['m1']);
    await test.stores.queue.unhold(['m1'], received);
    await is('after a hold');
    const leases = await test.stores.queue.take('m1', { now: received, leaseMs: 1000 });
    await test.stores.queue.release(leases);
    await is('after somebody who wanted to cancel it gave it back');
    await test.restart();
    await is('after a restart');
    const [lease] = await test.stores.queue.claim(claimAt(until));
    assert.equal(lease?.message.id, 'm1');
    assert.deepEqual(lease?.message.params, ['HOLDFOR=7200']);
  });

  it('RFC 4865: a time that clocks set back cannot shorten survives opening the store', async () => {
    await using test = await open();
    const until = Date.parse('2040-01-01T00:00:00Z');
    const held = message('m1', { params: ['HOLDUNTIL=2040-01-01T00:00:00Z'] });
    await test.stores.queue.enqueue(held, due);
    await test.restart();
    assert.equal(await test.stores.queue.nextDue(nobody), until);
    const entry = await test.stores.queue.get('m1');
    assert.equal(entry?.recipients[0]?.nextAttempt, until);
  });
}
