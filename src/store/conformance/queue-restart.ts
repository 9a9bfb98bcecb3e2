// What every QueueStore must have after a restart. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { queueEntries } from '../queue-entries.ts';
import type { OpenTestStores } from './harness.ts';
import { collected, delivered, message, settlement } from './harness.ts';
import { due, everything, nobody, readAll, stored, waiting } from './queue-harness.ts';

export function testRestart(open: OpenTestStores): void {
  it('what was accepted is there, what was settled is not', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await queue.enqueue(message('m1'), due);
    const [gone] = await queue.enqueue(message('m2'), { leaseUntil: 5_000_000 });
    await queue.settle(settlement(gone!, delivered));
    await waiting(test.stores, 'm3', test.clock.now() + 60_000);
    await test.restart();
    const ids = (await collected(queueEntries(test.stores.queue))).map(({ id }) => id);
    assert.deepEqual(ids, ['m1', 'm3']);
  });

  it('what was leased falls due again; leases of before are worth nothing', async () => {
    await using test = await open();
    const now = test.clock.now();
    const [lease] = await test.stores.queue.enqueue(message('m1'), { leaseUntil: now + 60_000 });
    await test.restart();
    const { queue } = test.stores;
    const [again] = await queue.claim({ ...everything, now: test.clock.now() });
    assert.equal(again?.recipients[0]?.attempt, 2);
    assert.equal(await queue.settle(settlement(lease!, delivered)), false);
    assert.equal(await queue.settle(settlement(again!, delivered)), true);
  });

  it('a clock that was set back keeps nothing waiting for more than four hours', async () => {
    await using test = await open();
    await waiting(test.stores, 'm1', test.clock.now() + 400 * 24 * 3_600_000);
    await test.restart();
    const next = await test.stores.queue.nextDue(nobody);
    assert.ok(next !== undefined && next <= test.clock.now() + 4 * 3_600_000);
  });

  it('large content of queued messages stays, leftovers of receptions go', async () => {
    await using test = await open();
    const body = 'x'.repeat(300_000);
    const content = await stored(test.stores, body);
    await test.stores.queue.enqueue(message('m1', { content }), due);
    await test.restart();
    const opened = await test.stores.queue.open('m1');
    assert.equal(await readAll(opened!.content), body);
  });
}
