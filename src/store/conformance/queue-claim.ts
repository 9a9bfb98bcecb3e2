// What every QueueStore must give to whoever asks for work. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { OpenTestStores } from './harness.ts';
import { at, deferred, delivered, message, settlement } from './harness.ts';
import { addresses, due, everything, idsOf, mail, nobody } from './queue-harness.ts';

export function testClaim(open: OpenTestStores): void {
  it('leases a due recipient to one caller only, however many ask at once', async () => {
    await using test = await open();
    const { queue } = test.stores;
    for (let i = 0; i < 20; i += 1) await queue.enqueue(message(`m${i + 10}`), due);
    const claims = await Promise.all(
      Array.from({ length: 8 }, () => queue.claim({ ...everything, limit: 3 })),
    );
    const ids = claims.flatMap(idsOf);
    assert.equal(ids.length, 20);
    assert.equal(new Set(ids).size, 20);
  });

  it('takes what a message has due for one destination as one lease', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const recipients = ['a', 'b', 'c'].map((who) => at(`${who}@example.net`, 'mx:example.net'));
    const given = message('m1', { recipients: [...recipients, at('d@x.test', 'mx:x.test')] });
    await queue.enqueue(given, due);
    const leases = await queue.claim(everything);
    assert.deepEqual(leases.map((lease) => [lease.destination, addresses([lease])]).sort(), [
      ['mx:example.net', ['a@example.net', 'b@example.net', 'c@example.net']],
      ['mx:x.test', ['d@x.test']],
    ]);
  });

  it('obeys limit, perDestination and skip', async () => {
    await using test = await open();
    const { queue } = test.stores;
    for (const host of ['a', 'b', 'c'])
      for (let i = 0; i < 5; i += 1)
        await queue.enqueue(
          message(`${host}${i}`, { recipients: [at(`x@${host}.test`, `mx:${host}`)] }),
          due,
        );
    const two = await queue.claim({ ...everything, perDestination: 2, skip: new Set(['mx:b']) });
    assert.deepEqual(idsOf(two).sort(), ['a0', 'a1', 'c0', 'c1']);
    assert.equal((await queue.claim({ ...everything, limit: 4 })).length, 4);
    const rest = await queue.claim({ ...everything, skip: new Set(['mx:a', 'mx:b', 'mx:c']) });
    assert.deepEqual(rest, []);
    assert.equal((await queue.claim(everything)).length, 7);
  });

  it('a destination with 20,000 due recipients does not keep others out', async () => {
    await using test = await open();
    const { queue } = test.stores;
    for (let i = 0; i < 20; i += 1) {
      const recipients = Array.from({ length: 1000 }, (_, k) => at(`r${k}@slow.test`, 'mx:slow'));
      await queue.enqueue(message(`a${i + 10}`, { recipients }), due);
    }
    for (const host of ['x', 'y'])
      await queue.enqueue(message(`z${host}`, { recipients: [at('b@c.test', host)] }), due);
    const first = await queue.claim({ ...everything, limit: 3, perDestination: 1 });
    assert.deepEqual(first.map(({ destination }) => destination).sort(), ['mx:slow', 'x', 'y']);
    const skip = new Set(['mx:slow']);
    assert.deepEqual(await queue.claim({ ...everything, skip }), []);
    assert.equal(await queue.nextDue(new Set(['mx:slow', 'x', 'y'])), 1_060_000);
  });

  it('destinations take turns', async () => {
    await using test = await open();
    const { queue } = test.stores;
    for (let i = 0; i < 4; i += 1)
      for (const host of ['a', 'b', 'c'])
        await queue.enqueue(message(`${host}${i}`, { recipients: [at('x@y.test', host)] }), due);
    const turns: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      const [lease] = await queue.claim({ ...everything, limit: 1 });
      turns.push(lease!.destination);
    }
    assert.deepEqual(turns, [...turns.slice(0, 3), ...turns.slice(0, 3)]);
    assert.equal(new Set(turns).size, 3);
  });

  it('passes an expired lease on, and refuses its late answer', async () => {
    await using test = await open();
    const { queue, folders } = test.stores;
    await queue.enqueue(message('m1'), due);
    const [lost] = await queue.claim({ ...everything, now: 1000, leaseMs: 1000 });
    assert.deepEqual(await queue.claim({ ...everything, now: 1999 }), []);
    const [held] = await queue.claim({ ...everything, now: 2000, leaseMs: 1000 });
    assert.equal(held?.recipients[0]?.attempt, 2);
    const late = settlement(lost!, delivered, {
      enqueue: [message('m2')],
      append: [mail('ann@example.org', 'm1')],
    });
    assert.equal(await queue.settle(late), false);
    assert.equal(await queue.get('m2'), undefined);
    assert.deepEqual(await folders.folders('ann@example.org'), []);
    assert.equal(await queue.settle(settlement(held!, delivered)), true);
    assert.equal(await queue.nextDue(nobody), undefined);
  });

  it('tells when the next recipient outside `skip` falls due', async () => {
    await using test = await open();
    const { queue } = test.stores;
    assert.equal(await queue.nextDue(nobody), undefined);
    for (const [id, destination, until] of [
      ['m1', 'mx:a', 5000],
      ['m2', 'mx:b', 3000],
    ] as const) {
      const given = message(id, { recipients: [at('x@y.test', destination)] });
      const [lease] = await queue.enqueue(given, { leaseUntil: 2000 });
      await queue.settle(settlement(lease!, deferred(until)));
    }
    assert.equal(await queue.nextDue(nobody), 3000);
    assert.equal(await queue.nextDue(new Set(['mx:b'])), 5000);
    assert.equal(await queue.nextDue(new Set(['mx:a', 'mx:b'])), undefined);
    assert.deepEqual(idsOf(await queue.claim({ ...everything, now: 4000 })), ['m2']);
  });
}
