// What every QueueStore must do for an operator. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { queueEntries } from '../queue-entries.ts';
import type { OpenTestStores } from './harness.ts';
import { at, collected, countOf, deferred, message, settlement } from './harness.ts';
import { due, everything, idsOf, nobody, waiting } from './queue-harness.ts';

export function testOperations(open: OpenTestStores): void {
  it('lists ids of several nodes oldest first, and knows each by its whole text', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const ids = ['06tq1vkzd2a', '06tq1vkzd33-67', '06tq1vkzdaa-10', '06tq1vkzf2a'];
    for (const id of [...ids].reverse()) await queue.enqueue(message(id), due);
    assert.deepEqual(
      (await collected(queueEntries(queue))).map(({ id }) => id),
      ids,
    );
    assert.equal(await queue.newest(), ids.at(-1));
    assert.equal((await queue.get(ids[1]!))?.id, ids[1]);
    for (const id of ['06tq1vkzd33', '06tq1vkzd33-66', '06tq1vkzd33-067'])
      assert.equal(await queue.get(id), undefined);
  });

  it('lists the queue oldest first, page by page', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const ids = Array.from({ length: 250 }, (_, i) => `m${1000 + i}`);
    await Promise.all(ids.map((id) => queue.enqueue(message(id), due)));
    const entries = await collected(queueEntries(queue));
    assert.deepEqual(
      entries.map(({ id }) => id),
      ids,
    );
    assert.deepEqual(await countOf(queue), { messages: 250, recipients: 250 });
    assert.deepEqual(entries[0], {
      ...{ id: 'm1000', sender: 'ann@example.org', received: 1000, size: 25, params: [] },
      origin: { session: 'session-1', service: 'smtp', protocol: 'ESMTP' },
      messageId: undefined,
      recipients: [
        {
          ...{ index: 0, address: 'bob@example.net', params: [] },
          ...{ delivery: 'relay', destination: 'mx:example.net' },
          ...{ state: 'queued', attempts: 0, nextAttempt: 1000, lastReply: undefined },
        },
      ],
    });
    assert.equal((await queue.open('m1001'))?.content.bytes?.length, 25);
    for (const id of ['', 'no such', '__proto__', 'zzzzzzzzzzz', 'm'.repeat(300)]) {
      assert.equal(await queue.get(id), undefined);
      assert.equal(await queue.hold([id]), 0);
    }
  });

  it('retry makes due now what waits, not what is held', async () => {
    await using test = await open();
    const { queue } = test.stores;
    for (const id of ['m1', 'm2', 'm3']) await waiting(test.stores, id, 900_000);
    assert.equal(await queue.hold(['m3']), 1);
    assert.equal(await queue.retry(['m1', 'm1', 'm3'], 5000), 1);
    assert.deepEqual(idsOf(await queue.claim({ ...everything, now: 5000 })), ['m1']);
    assert.equal(await queue.retry(undefined, 6000), 1);
    assert.equal(await queue.nextDue(nobody), 6000);
    assert.deepEqual(idsOf(await queue.claim({ ...everything, now: 6000 })), ['m2']);
  });

  it('holds and releases, also what is under way', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await queue.enqueue(message('m1'), due);
    assert.equal(await queue.hold(['m1']), 1);
    assert.equal(await queue.hold(['m1']), 0);
    assert.equal(await queue.nextDue(nobody), undefined);
    assert.deepEqual(await queue.claim(everything), []);
    assert.equal((await queue.get('m1'))?.recipients[0]?.state, 'held');
    assert.equal(await queue.unhold(['m1'], 7000), 1);
    assert.equal(await queue.nextDue(nobody), 7000);
    const [lease] = await queue.claim({ ...everything, now: 7000 });
    assert.equal(await queue.hold(['m1']), 1);
    assert.equal((await queue.get('m1'))?.recipients[0]?.state, 'active');
    assert.equal(await queue.settle(settlement(lease!, deferred(8000))), true);
    assert.deepEqual(await queue.claim({ ...everything, now: 9000 }), []);
    assert.equal((await queue.get('m1'))?.recipients[0]?.state, 'held');
  });

  it('what is held from the beginning waits until it is released', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await queue.enqueue({ ...message('m1'), held: true }, due);
    await queue.enqueue(message('m2'), due);
    assert.equal((await queue.get('m1'))?.recipients[0]?.state, 'held');
    assert.deepEqual(idsOf(await queue.claim(everything)), ['m2']);
    assert.equal(await queue.unhold(['m1'], 7000), 1);
    assert.deepEqual(idsOf(await queue.claim({ ...everything, now: 7000 })), ['m1']);
  });

  it('take leases whatever is not under way, held recipients too', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const recipients = ['a', 'b', 'c'].map((who) => at(`${who}@${who}.test`, `mx:${who}`));
    await queue.enqueue(message('m1', { recipients }), due);
    const [active] = await queue.claim({ ...everything, limit: 1 });
    await queue.hold(['m1']);
    const taken = await queue.take('m1', { now: 2000, leaseMs: 60_000 });
    assert.equal(taken.length, 2);
    assert.deepEqual(await queue.take('m1', { now: 2000, leaseMs: 60_000 }), []);
    for (const lease of [...taken, active!])
      assert.equal(await queue.settle(settlement(lease, { kind: 'failed' })), true);
    assert.deepEqual(await countOf(queue), { messages: 0, recipients: 0 });
  });

  it('reroute gives recipients new ways', async () => {
    await using test = await open();
    const { queue } = test.stores;
    for (const host of ['a', 'b'])
      await queue.enqueue(message(host, { recipients: [at(`x@${host}.test`, host)] }), due);
    const moved = await queue.reroute((address, destination) =>
      address === 'x@a.test'
        ? { delivery: 'local', destination: 'new' }
        : { delivery: 'relay', destination },
    );
    assert.equal(moved, 1);
    const leases = await queue.claim({ ...everything, skip: new Set(['b']) });
    assert.deepEqual(
      leases.map(({ destination, recipients: [one] }) => [
        ...[destination, one?.destination, one?.delivery],
      ]),
      [['new', 'new', 'local']],
    );
  });
}
