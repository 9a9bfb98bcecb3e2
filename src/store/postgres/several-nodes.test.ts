// Two nodes and one database: nothing is claimed twice, nothing is lost with a node, and one that wakes up too late
// changes nothing.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { at, deferred, delivered, message, settlement } from '../conformance/harness.ts';
import { due, everything, idsOf } from '../conformance/queue-harness.ts';
import type { Lease } from '../queue-store.ts';
import type { Stores } from '../stores.ts';
import { openPostgresStores } from './stores.ts';
import { ask, testCluster, withoutPostgres } from './test-cluster.ts';
import { openNode } from './test-stores.ts';
import { eventually, openTwo } from './test-two-nodes.ts';

const states = async ({ nodes }: Stores) =>
  (await nodes.list()).map(({ name, number, state }) => [name, number, state]);

/** One that is frozen hears nothing, either. */
const deaf = { notify: false };

describe('several nodes', { skip: withoutPostgres() }, () => {
  it('no claim is given twice, however many claim at once', async () => {
    await using test = await openTwo(deaf);
    const { one, two } = test;
    const recipients = ['a', 'b', 'c'].map((host) => at(`x@${host}.test`, `mx:${host}`));
    for (let i = 0; i < 60; i += 1)
      await one.queue.enqueue(message(`m${100 + i}`, { recipients }), due);
    const claimed = new Set<string>();
    const ids: string[][] = [[], []];
    await Promise.all(
      [one, two, one, two].map(async ({ queue }, i) => {
        for (;;) {
          // By the node's clock: a lease that had ended by it would rightly be given to the other.
          const now = test.clock.now();
          const leases = await queue.claim({ ...everything, now, limit: 7, perDestination: 3 });
          if (leases.length === 0 && (await queue.totals({})).recipients === 0) return;
          for (const lease of leases) {
            for (const { address } of lease.recipients) {
              const unit = `${lease.message.id} ${address}`;
              assert.ok(!claimed.has(unit), `${unit} is claimed once`);
              claimed.add(unit);
            }
            ids[i % 2]!.push(lease.message.id);
            assert.equal(await queue.settle(settlement(lease, delivered)), true);
          }
        }
      }),
    );
    assert.equal(claimed.size, 180);
    assert.ok(ids[0]!.length > 0 && ids[1]!.length > 0, 'both had some');
    assert.equal((await two.queue.totals({})).messages, 0);
  });

  it('what a node defers, another one sees and attempts', async () => {
    await using test = await openTwo(deaf);
    const { one, two } = test;
    const [lease] = await one.queue.enqueue(message('m1'), { leaseUntil: 5000 });
    await one.queue.settle(settlement(lease!, deferred(9000)));
    let woken = 0;
    two.queue.watch(() => {
      woken += 1;
    });
    await test.clock.advance(3000);
    await eventually(async () => woken > 0);
    assert.equal(await two.queue.nextDue(new Set()), 9000);
    const [again] = await two.queue.claim({ ...everything, now: 9000 });
    assert.equal(again?.recipients[0]?.attempt, 2);
  });

  it('what a dead node had claimed goes out from another; the fence holds when it wakes up', async () => {
    await using test = await openTwo(deaf);
    const { one, two } = test;
    await one.queue.enqueue(message('m1'), due);
    const [lost] = await one.queue.claim({ ...everything, now: test.clock.now() });
    assert.deepEqual(await two.queue.claim({ ...everything, now: test.clock.now() }), []);
    await test.bury();
    assert.equal(await one.queue.settle(settlement(lost!, delivered)), false, 'nobody’s yet');
    let taken: readonly Lease[] = [];
    // Node two may hear of its own commit after everybody else.
    await eventually(async () => {
      taken = await two.queue.claim({ ...everything, now: test.clock.now() });
      return taken.length > 0;
    });
    assert.deepEqual(idsOf(taken), ['m1']);
    assert.equal(await one.queue.settle(settlement(lost!, delivered)), false);
    await one.queue.release([lost!]);
    assert.deepEqual(await one.queue.claim({ ...everything, now: test.clock.now() }), []);
    assert.equal(await two.queue.settle(settlement(taken[0]!, delivered)), true);
    assert.equal((await one.queue.totals({})).messages, 0);
  });

  it('a node that others took for dead begins anew, and claims again', async () => {
    await using test = await openTwo(deaf);
    const { one, two } = test;
    const [lost] = await one.queue.enqueue(message('m0'), { leaseUntil: 60_000 });
    await test.bury();
    assert.equal((await states(two))[0]?.[2], 'gone');
    await test.clockOfOne.advance(4000);
    await eventually(async () => (await states(two))[0]?.[2] === 'active');
    await eventually(async () => one.queue.isLost(lost!)); // it has the answer
    await one.queue.enqueue(message('m1'), due);
    const [lease] = await one.queue.claim({ ...everything, now: test.clock.now() });
    assert.equal(await one.queue.settle(settlement(lease!, delivered)), true);
  });

  it('a lease that ends is given to another node', async () => {
    await using test = await openTwo(deaf);
    const { one, two } = test;
    await one.queue.enqueue(message('m1'), due);
    const [lost] = await one.queue.claim({ ...everything, now: 1000, leaseMs: 1000 });
    await test.clock.advance(3000); // by now it has ended long ago
    await eventually(
      async () => (await two.queue.claim({ ...everything, now: test.clock.now() })).length === 1,
    );
    assert.equal(await one.queue.settle(settlement(lost!, delivered)), false);
  });

  it('nodes have numbers of their own, and keep them; who comes back takes its place', async () => {
    await using test = await openTwo(deaf);
    const { one, two } = test;
    assert.deepEqual([one.nodes.number, two.nodes.number], [1, 2]);
    await one.queue.enqueue(message('m1'), due);
    const [lost] = await one.queue.claim({ ...everything, now: test.clock.now() });
    const again = await test.open('one');
    assert.equal(again.nodes.number, 1);
    assert.deepEqual(idsOf(await again.queue.claim({ ...everything, now: test.clock.now() })), [
      'm1',
    ]);
    assert.equal(await one.queue.settle(settlement(lost!, delivered)), false);
  });

  it('a node joins with the patience of a start, however soon one is taken for dead', async () => {
    const url = await (await testCluster()).database();
    const clock = new FakeClock();
    // No connection is made in the quarter of it that a beat has.
    const timeoutMs = 4;
    await using stores = await openPostgresStores({
      ...{ url, node: 'one', clock, log: silentLog, timeoutMs },
    });
    assert.equal(stores.nodes.number, 1);
  });

  it('a node is drained and removed by name', async () => {
    await using test = await openTwo(deaf);
    const { one, two } = test;
    let told = 0;
    one.nodes.whenDrained(() => {
      told += 1;
    });
    assert.equal(await two.nodes.drain('nobody'), false);
    assert.equal(await two.nodes.drain('one'), true);
    await test.clockOfOne.advance(4000);
    await eventually(async () => told === 1);
    assert.deepEqual(await states(two), [
      ['one', 1, 'draining'],
      ['two', 2, 'active'],
    ]);
    await one.queue.enqueue(message('m1'), due);
    await one.queue.claim({ ...everything, now: test.clock.now() });
    assert.equal(await two.nodes.remove('one'), true);
    assert.deepEqual(await states(two), [['two', 2, 'active']]);
    assert.deepEqual(idsOf(await two.queue.claim({ ...everything, now: test.clock.now() })), [
      'm1',
    ]);
  });

  it('two that take away the last two recipients leave nothing behind', async () => {
    await using test = await openTwo(deaf);
    const { one, two } = test;
    for (let i = 0; i < 20; i += 1) {
      const recipients = [at('x@a.test', 'mx:a'), at('x@b.test', 'mx:b')];
      await one.queue.enqueue(message(`m${i}`, { recipients }), due);
      const options = { ...everything, now: test.clock.now() };
      const [first] = await one.queue.claim({ ...options, limit: 1 });
      const [second] = await two.queue.take(`m${i}`, options);
      await Promise.all([
        one.queue.settle(settlement(first!, delivered)),
        two.queue.settle(settlement(second!, delivered)),
      ]);
    }
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    const { rows } = await ask(test.url, 'SELECT count(*) AS n FROM message');
    assert.equal(Number(rows[0].n), 0);
  });

  it('one that cannot begin leaves no place among the nodes', async () => {
    const url = await (await testCluster()).database();
    await ask(
      url,
      `INSERT INTO recipient (message, idx, address, params, delivery, destination, at, attempts)
         VALUES (1, 0, 'x@a.test', '', 'relay', 'mx:a', 9000000000000000, 0);
       CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''broken''; END';
       CREATE TRIGGER broken BEFORE UPDATE ON recipient FOR EACH ROW EXECUTE FUNCTION broken()`,
    );
    await assert.rejects(openNode(url, 'one'), /broken/);
    const { rows } = await ask(url, 'SELECT session FROM node');
    assert.deepEqual(rows, [{ session: null }]);
  });
});
