// What an operator does to mail that waits in memory for its turn, on each store: it is done at once, and what is under
// way is left alone.

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { testCluster, withoutPostgres } from '../store/postgres/test-cluster.ts';
import { openNode } from '../store/postgres/test-stores.ts';
import type { Lease, QueueStore } from '../store/queue-store.ts';
import { MemoryDisk, openSqliteStores } from '../store/sqlite/stores.ts';
import type { Stores } from '../store/stores.ts';
import { memoryHistory } from '../store/test-history.ts';
import { cancelMessage } from './cancellation.ts';
import type { DeliveryResult } from './delivery.ts';
import { createMessageIds } from './message-id.ts';
import { QueueRunner } from './runner.ts';
import { holdMessages, rerouteMessages } from './taking-out.ts';
import { defaults, results, taken, to } from './test-world.ts';

type OpenStores = (clock: FakeClock) => Promise<Stores>;

const inMemory = { directory: ':memory:', log: silentLog };
const kinds: readonly (readonly [string, OpenStores, { readonly skip?: string | false }])[] = [
  ['SQLite', (clock) => openSqliteStores({ ...inMemory, clock, disk: new MemoryDisk() }), {}],
  [
    'SQLite with a journal',
    (clock) => openSqliteStores({ ...inMemory, clock, disk: new MemoryDisk(), journal: {} }),
    {},
  ],
  [
    'PostgreSQL',
    async (clock) => openNode(await (await testCluster()).database(), 'one', clock, {}),
    { skip: withoutPostgres() },
  ],
];

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

/** One attempt at a time to each destination; `answer` ends the oldest, once there is one. */
async function open(openStores: OpenStores) {
  const clock = new FakeClock();
  const stores = await openStores(clock);
  const ids = createMessageIds({ clock, random: seededRandom(1), node: stores.nodes.number });
  const history = memoryHistory();
  const tried: string[] = [];
  const under: { lease: Lease; answer: (result: DeliveryResult) => void }[] = [];
  let told = () => {};
  const failing = new Set<string>();
  // The operator's way to the store may fail; the runner's does not.
  const queue = new Proxy(stores.queue, {
    get(store, name) {
      const value = Reflect.get(store, name, store) as unknown;
      if (typeof value !== 'function') return value;
      if (failing.has(String(name)))
        return async () => {
          throw new Error('the disk is full');
        };
      return value.bind(store) as unknown;
    },
  }) as QueueStore;
  const parts = {
    ...{ clock, ids, history, random: seededRandom(1), log: silentLog },
    hostname: 'mx.example.org',
    resolve: (address: string) => [to(address)],
  };
  const runner = new QueueRunner({
    ...{ ...parts, store: stores.queue },
    settings: { ...defaults, connectionsPerDestination: 1 },
    deliver: (lease) => {
      tried.push(...lease.recipients.map(({ address, attempt }) => `${address} ${attempt}`));
      const { promise, resolve } = Promise.withResolvers<DeliveryResult>();
      under.push({ lease, answer: resolve });
      told();
      return promise;
    },
  });
  runner.start();
  const { line } = runner;
  opened.push(async () => {
    for (const { lease, answer } of under) answer(results(lease, taken));
    await runner.stop({ graceMs: 0 });
    await stores[Symbol.asyncDispose]();
  });
  return {
    ...{ stores, runner, line, tried, history, failing, operating: { queue, line } },
    cancelling: { ...parts, store: queue, line },
    async submit(address: string) {
      const id = ids();
      await runner.submit({
        ...{ id, received: clock.now(), sender: 'ann@example.org', params: [], prefix: '' },
        recipients: [to(address)],
        content: { kind: 'inline', bytes: Buffer.from('Subject: x\r\n\r\nx\r\n') },
        origin: { session: 's', service: 'smtp', protocol: 'ESMTP' },
      });
      return id;
    },
    states: async (id: string) =>
      (await stores.queue.get(id))?.recipients.map(({ state }) => state) ?? [],
    /** The oldest attempt is over; resolves when another has begun. */
    async next() {
      const begun = new Promise<void>((resolve) => {
        told = resolve;
      });
      const { lease, answer } = under.shift()!;
      answer(results(lease, taken));
      await begun;
    },
  };
}

for (const [name, openStores, options] of kinds)
  describe(`mail that waits in memory, ${name}`, options, () => {
    it('is cancelled at once, and its sender told; what is under way is left alone', async () => {
      const { submit, cancelling, states, runner, tried, stores, next } = await open(openStores);
      const first = await submit('a@far.test');
      const second = await submit('b@far.test');
      const third = await submit('c@far.test');
      assert.equal(await cancelMessage(cancelling, first), 0);
      assert.deepEqual(await states(first), ['active']);
      assert.equal(await cancelMessage(cancelling, second, { silent: true }), 1);
      assert.equal(await cancelMessage(cancelling, second), 0);
      assert.deepEqual(await states(second), []);
      assert.deepEqual([runner.facts.waiting, await stores.queue.recipientCount()], [1, 2]);
      await next();
      assert.deepEqual(tried, ['a@far.test 1', 'c@far.test 1']);
      assert.deepEqual(await states(third), ['active']);
      const last = await submit('d@far.test');
      assert.equal(await cancelMessage(cancelling, last), 1);
      runner.wake();
      await next();
      assert.equal(tried.at(-1), 'ann@example.org 1');
    });

    it('is held at once, and goes out as a first attempt when it is released', async () => {
      const { submit, operating, states, runner, tried, stores, next } = await open(openStores);
      await submit('a@far.test');
      const second = await submit('b@far.test');
      const third = await submit('c@far.test');
      assert.equal(await holdMessages(operating, [second]), 1);
      assert.deepEqual(await states(second), ['held']);
      assert.equal(runner.facts.waiting, 1);
      await next();
      assert.equal(tried.at(-1), 'c@far.test 1');
      assert.deepEqual(await states(third), ['active']);
      await stores.queue.unhold([second], 0);
      runner.wake();
      await next();
      assert.equal(tried.at(-1), 'b@far.test 1');
    });

    it('goes another way', async () => {
      const { submit, operating, runner, tried, next, states } = await open(openStores);
      await submit('a@far.test');
      const second = await submit('b@far.test');
      const way = { delivery: 'relay', destination: 'host:near.test:25' } as const;
      assert.equal(await rerouteMessages(operating, [second], () => way), 1);
      assert.deepEqual(await states(second), ['queued']);
      assert.equal(runner.facts.waiting, 0);
      assert.deepEqual(tried, ['a@far.test 1']);
      runner.wake();
      await next();
      assert.equal(tried.at(-1), 'b@far.test 1');
    });

    for (const broken of ['hold', 'take', 'settle', 'release', 'rerouteSome'])
      it(`is tried as before when the store fails (${broken})`, async () => {
        const { submit, operating, cancelling, runner, failing, tried, next } =
          await open(openStores);
        await submit('a@far.test');
        const id = await submit('b@far.test');
        failing.add(broken);
        const full = /the disk is full/;
        if (broken === 'hold') await assert.rejects(holdMessages(operating, [id]), full);
        else if (broken === 'take' || broken === 'settle')
          await assert.rejects(cancelMessage(cancelling, id, { silent: true }), full);
        else {
          const way = { delivery: 'relay', destination: 'mx:far.test' } as const;
          await assert.rejects(
            rerouteMessages(operating, [id], () => way),
            full,
          );
        }
        runner.wake(); // as after every change
        await next();
        assert.equal(tried.at(-1), 'b@far.test 1');
      });
  });
