// A node that the database does not hear: it begins nothing any more before others may take what it holds, finds out
// what it has lost, and nothing stays claimed by nobody.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { delivered, message, settlement } from '../conformance/harness.ts';
import { due, everything, idsOf } from '../conformance/queue-harness.ts';
import { Database } from './database.ts';
import { ask, testCluster, withoutPostgres } from './test-cluster.ts';
import { openNode } from './test-stores.ts';
import { eventually } from './test-two-nodes.ts';

async function openOne() {
  const url = await (await testCluster()).database();
  const clock = new FakeClock();
  const stores = await openNode(url, 'one', clock);
  return {
    ...{ url, clock, stores, queue: stores.queue },
    rows: async (sql: string) => (await ask(url, sql)).rows,
    /** That is what the node notices when an answer is lost: some claim failed. */
    async failClaim(id: string) {
      await ask(url, 'ALTER TABLE recipient RENAME TO away');
      await assert.rejects(async () => stores.queue.take(id, { now: clock.now(), leaseMs: 1000 }));
      await ask(url, 'ALTER TABLE away RENAME TO recipient');
    },
    async [Symbol.asyncDispose]() {
      await stores[Symbol.asyncDispose]();
    },
  };
}

const timeoutMs = 15_000;
const beatMs = timeoutMs / 4;

describe('a node that is cut off', { skip: withoutPostgres() }, () => {
  it('is sure of nothing when it was not heard for as long as others wait, until it is heard', async () => {
    await using test = await openOne();
    const { queue, clock } = test;
    const [lease] = await queue.enqueue(message('m1'), { leaseUntil: clock.now() + 60_000 });
    assert.deepEqual([queue.isSure, queue.isLost(lease!)], [true, false]);
    let woken = 0;
    queue.watch(() => {
      woken += 1;
    });
    // Nobody can write to the table of nodes; the process stands still meanwhile.
    const holder = new Database({ url: test.url, log: silentLog });
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let isHeld = false;
    const holding = holder.transaction(async (transaction) => {
      await transaction.run('LOCK TABLE node IN EXCLUSIVE MODE');
      isHeld = true;
      await held;
    });
    await eventually(() => isHeld);
    await clock.advance(timeoutMs);
    assert.equal(queue.isSure, false);
    letGo();
    await holding;
    await eventually(async () => {
      await clock.advance(beatMs);
      return queue.isSure;
    });
    assert.ok(woken > 0, 'whoever waited is told');
    assert.equal(queue.isLost(lease!), false, 'nobody took it');
    await holder[Symbol.asyncDispose]();
  });

  it('learns that what it held is lost, and what it claims from then on is its own', async () => {
    await using test = await openOne();
    const { queue, clock } = test;
    const leaseUntil = clock.now() + 60_000;
    const [lost] = await queue.enqueue(message('m1'), { leaseUntil });
    await ask(test.url, 'UPDATE node SET session = NULL');
    await clock.advance(beatMs);
    await eventually(() => queue.isLost(lost!));
    const [own] = await queue.enqueue(message('m2'), { leaseUntil });
    assert.equal(queue.isLost(own!), false);
    assert.equal(await queue.settle(settlement(lost!, delivered)), false);
    assert.equal(await queue.settle(settlement(own!, delivered)), true);
  });

  it('what ends late of what it lost says nothing of what it has claimed since', async () => {
    await using test = await openOne();
    const { queue, clock } = test;
    const leaseUntil = clock.now() + 1e9;
    const [settled] = await queue.enqueue(message('m1'), { leaseUntil });
    const [released] = await queue.enqueue(message('m2'), { leaseUntil });
    await ask(test.url, 'UPDATE node SET session = NULL');
    await ask(test.url, `UPDATE recipient SET owner = NULL, at = ${clock.now()}`);
    await clock.advance(beatMs);
    await eventually(() => queue.isLost(settled!));
    await test.failClaim('m1');
    const claim = { ...everything, now: clock.now() + beatMs, leaseMs: 1e9 };
    assert.deepEqual(idsOf(await queue.claim(claim)), ['m1', 'm2']);
    assert.equal(await queue.settle(settlement(settled!, delivered)), false);
    await queue.release([released!]);
    for (let look = 0; look < 4; look += 1) {
      await clock.advance(5000);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const owned = await test.rows('SELECT owner IS NOT NULL AS is FROM recipient');
    assert.deepEqual(owned, [{ is: true }, { is: true }], 'it is being attempted');
  });

  it('a claim that comes after its node was buried is given back by whoever is alive', async () => {
    await using test = await openOne();
    const { queue, clock } = test;
    await queue.enqueue(message('m1'), due);
    await ask(test.url, `UPDATE recipient SET owner = 4711, at = ${clock.now() + 1e9}`);
    await clock.advance(beatMs);
    await eventually(
      async () => (await queue.claim({ ...everything, now: clock.now() + beatMs })).length === 1,
    );
  });

  it('but not what a command has taken, which is no node', async () => {
    await using test = await openOne();
    const { queue, clock } = test;
    await queue.enqueue(message('m1'), due);
    await ask(test.url, `UPDATE recipient SET owner = -4711, at = ${clock.now() + 1e9}`);
    for (let i = 0; i < 3; i += 1) {
      const [before] = await test.rows('SELECT seen FROM node');
      // The next beat is set when all of this one is answered, which nobody sees from here.
      await eventually(async () => {
        await clock.advance(beatMs);
        return (await test.rows('SELECT seen FROM node'))[0].seen > before.seen;
      });
    }
    assert.deepEqual(await test.rows('SELECT owner FROM recipient'), [{ owner: '-4711' }]);
  });

  it('a claim whose answer was lost is given back, once it is certain', async () => {
    await using test = await openOne();
    const { queue, clock } = test;
    const leaseUntil = clock.now() + 1e9;
    const [own] = await queue.enqueue(message('m1'), { leaseUntil });
    await queue.enqueue(message('m2'), due);
    const [{ session }] = await test.rows('SELECT session FROM node');
    const claim = `UPDATE recipient SET owner = ${session}, fence = 9, at = ${leaseUntil} WHERE owner IS NULL`;
    await ask(test.url, claim);
    await test.failClaim('m2');
    const orphan = () => test.rows(`SELECT owner FROM recipient WHERE fence = 9`);
    await eventually(async () => {
      await clock.advance(5000);
      return (await orphan())[0].owner === null;
    });
    assert.equal(queue.isLost(own!), false);
    assert.equal(await queue.settle(settlement(own!, delivered)), true);
    assert.deepEqual(idsOf(await queue.claim({ ...everything, now: clock.now() })), ['m2']);
  });

  it('a node whose connections all wait for a lock is alive all the same', async () => {
    const url = await (await testCluster()).database();
    const clock = new FakeClock();
    await using stores = await openNode(url, 'one', clock);
    const holder = new Database({ url, log: silentLog });
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let isHeld = false;
    const holding = holder.transaction(async (transaction) => {
      await transaction.run('LOCK TABLE recipient IN ACCESS EXCLUSIVE MODE');
      isHeld = true;
      await held;
    });
    await eventually(() => isHeld);
    const stuck = Array.from({ length: 12 }, (_, i) => stores.queue.hold([`m${i}`]));
    const seen = async () => (await ask(url, 'SELECT seen FROM node')).rows[0].seen;
    const before = await seen();
    await eventually(async () => {
      await clock.advance(beatMs);
      return (await seen()) > before;
    });
    letGo();
    await Promise.all([...stuck, holding]);
    await holder[Symbol.asyncDispose]();
  });
});
