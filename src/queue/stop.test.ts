// How a runner stops: what is under way has its time, and what is not is left to whoever comes next.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeliveryResult } from './delivery.ts';
import { later, minute, never, results, taken, to, world } from './test-world.ts';

const everything = { limit: 100, perDestination: 100, skip: new Set<string>(), leaseMs: minute };

describe('stop', () => {
  it('waits for what is under way, gives back what is not, and the next one goes on', async () => {
    const first = await world();
    const ends: (() => void)[] = [];
    first.remote.answer = (lease) =>
      new Promise((resolve) => ends.push(() => resolve(results(lease, taken))));
    for (let i = 0; i < 10; i += 1) await first.submit([`r${i}@a.example`]);
    const stopped = first.runner.stop({ graceMs: minute });
    await first.clock.advance(1);
    for (const end of ends) end();
    await stopped;
    assert.equal(await first.left(), 6);
    await first.submit(['late@a.example']);
    assert.equal(first.attempts.length, 4);
    await first.stores[Symbol.asyncDispose]();
    const second = await world({}, first.disk);
    await second.clock.advance(minute); // its clock began anew
    assert.equal(second.attempts.length, 7);
    assert.equal(await second.left(), 0);
  });

  it('gives back at once what waited in memory, and what a claim brings from then on', async () => {
    const { submit, remote, runner, clock, stores, attempts } = await world();
    const { queue } = stores;
    remote.answer = () => new Promise<DeliveryResult>(() => {});
    for (let i = 0; i < 10; i += 1) await submit([`r${i}@a.example`]);
    const late = await submit(['joe@b.example'], { held: true });
    await queue.unhold([late], clock.now());
    const claim = queue.claim.bind(queue);
    const asked = Promise.withResolvers<void>();
    queue.claim = async (options) => {
      const leases = await claim(options);
      await asked.promise;
      return leases;
    };
    runner.wake();
    await clock.advance(0);
    const stopped = runner.stop({ graceMs: minute });
    asked.resolve();
    await clock.advance(0);
    const left = await claim({ ...everything, now: clock.now() });
    assert.deepEqual(
      left.map(({ recipients }) => recipients[0]!.address),
      ['r4@a.example', 'r5@a.example', 'r6@a.example', 'r7@a.example', 'r8@a.example']
        .concat('r9@a.example')
        .concat('joe@b.example'),
    );
    assert.equal(attempts.length, 4);
    await clock.advance(2 * minute);
    await stopped;
  });

  it('aborts after the grace what does not end by itself, and waits until that is recorded', async () => {
    const { submit, remote, runner, clock, stores } = await world();
    let aborted = false;
    remote.answer = (lease, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          clock.after(1000, () => resolve(results(lease, later)));
        });
      });
    const id = await submit(['bob@a.example']);
    let isOver = false;
    const stopped = runner.stop({ graceMs: 5000 }).then(() => {
      isOver = true;
    });
    await clock.advance(4999);
    assert.equal(aborted, false);
    await clock.advance(1);
    assert.equal(aborted, true);
    await clock.advance(999);
    assert.equal(isOver, false);
    await clock.advance(1);
    await stopped;
    const [bob] = (await stores.queue.get(id))!.recipients;
    assert.deepEqual([bob?.attempts, bob?.lastReply?.lines[0]], [1, 'Greylisted']);
  });

  it('waits for the report of what has just failed, which is queued with it', async () => {
    const { submit, remote, runner, stores } = await world();
    const ends: (() => void)[] = [];
    remote.answer = (lease) =>
      new Promise((resolve) => ends.push(() => resolve(results(lease, never))));
    await submit(['bob@a.example']);
    const stopped = runner.stop({ graceMs: minute });
    ends[0]!();
    await stopped;
    // What is recorded later than that is too late for whoever closes the store now.
    const { entries } = await stores.queue.search({}, { limit: 9 });
    assert.deepEqual(
      entries.map(({ sender, recipients }) => [sender, recipients[0]?.address]),
      [['', 'ann@example.org']],
    );
  });

  it('waits for word that an alias was expanded, which is queued after it', async () => {
    const { submit, runner, clock, stores } = await world();
    const { queue } = stores;
    const enqueue = queue.enqueue.bind(queue);
    const gate = Promise.withResolvers<void>();
    queue.enqueue = async (message, options) => {
      if (message.sender === '') await gate.promise;
      return enqueue(message, options);
    };
    const more = { original: 'all@example.org', params: ['NOTIFY=SUCCESS'] };
    await submit([to('bob@a.example', more), to('eve@b.example', more)]);
    let isOver = false;
    const stopped = runner.stop({ graceMs: minute }).then(() => {
      isOver = true;
    });
    await clock.advance(1);
    assert.equal(isOver, false);
    gate.resolve();
    await stopped;
    const { entries } = await queue.search({}, { limit: 9 });
    assert.deepEqual(
      entries.map(({ sender, recipients }) => [sender, recipients[0]?.address]),
      [['', 'ann@example.org']],
    );
  });

  it('is over when the last attempt is, not when the first one is', async () => {
    const { submit, remote, runner, clock, left } = await world();
    const ends: (() => void)[] = [];
    remote.answer = (lease) =>
      new Promise((resolve) => ends.push(() => resolve(results(lease, taken))));
    await submit(['bob@a.example', 'eve@b.example']);
    let isOver = false;
    const stopped = runner.stop({ graceMs: minute }).then(() => {
      isOver = true;
    });
    ends[0]!();
    await clock.advance(0);
    assert.equal(isOver, false);
    ends[1]!();
    await stopped;
    assert.equal(await left(), 0);
  });

  it('does not wait for ever for what was aborted', async () => {
    const { submit, remote, runner, clock, left } = await world();
    remote.answer = () => new Promise<DeliveryResult>(() => {});
    await submit(['bob@a.example']);
    const stopped = runner.stop({ graceMs: 0 });
    await clock.advance(2000);
    await stopped;
    assert.equal(await left(), 1);
  });
});
