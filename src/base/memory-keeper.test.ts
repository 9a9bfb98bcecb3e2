import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from './fake-clock.ts';
import { keepMemory } from './memory-keeper.ts';

const mebibyte = 2 ** 20;

function thread({ muchMs = 1_000, someMs = 1_000, used = 0, collectsFirst = false } = {}) {
  const clock = new FakeClock();
  const state = { used, busy: 0, rests: 0, collections: 0 };
  const stop = keepMemory({
    ...{ clock, restBefore: { muchMs, someMs }, collectsFirst },
    usedBytes: () => state.used,
    busyShare: () => state.busy,
    rest() {
      state.rests += 1;
    },
    collect() {
      state.collections += 1;
      state.used = 10 * mebibyte;
    },
  });
  return { clock, state, stop };
}

describe('base/memory-keeper', () => {
  it('collects what has gathered once the thread rests', async () => {
    const { clock, state } = thread();
    state.used = 60 * mebibyte;
    state.busy = 0.5;
    await clock.advance(60_000);
    assert.deepEqual([state.rests, state.collections], [0, 0]);
    state.busy = 0.05;
    await clock.advance(1_000);
    assert.deepEqual([state.rests, state.collections], [1, 1]);
  });

  it('begins to wait anew when the thread was busy meanwhile', async () => {
    const { clock, state } = thread({ muchMs: 30_000, someMs: 30_000 });
    state.used = 60 * mebibyte;
    await clock.advance(20_000);
    state.busy = 0.5;
    await clock.advance(1_000);
    state.busy = 0;
    await clock.advance(29_000);
    assert.deepEqual([state.rests, state.collections], [1, 0]);
    await clock.advance(1_000);
    assert.deepEqual([state.rests, state.collections], [1, 1]);
  });

  it('leaves a thread alone in which little has gathered', async () => {
    const { clock, state } = thread();
    state.used = 60 * mebibyte;
    await clock.advance(60_000);
    state.used = 17 * mebibyte;
    await clock.advance(600_000);
    assert.equal(state.collections, 1);
    state.used = 18 * mebibyte;
    await clock.advance(1_000);
    assert.equal(state.collections, 2);
  });

  it('waits longer where what has gathered is not much', async () => {
    const { clock, state } = thread({ muchMs: 30_000, someMs: 300_000 });
    state.used = 31 * mebibyte;
    await clock.advance(299_000);
    assert.equal(state.collections, 0);
    await clock.advance(1_000);
    assert.equal(state.collections, 1);
    state.busy = 0.5;
    await clock.advance(1_000);
    state.used = 42 * mebibyte;
    state.busy = 0;
    await clock.advance(30_000);
    assert.equal(state.collections, 2);
  });

  it('collects first what the start has left, where nobody waits yet', async () => {
    const { clock, state } = thread({ used: 60 * mebibyte, collectsFirst: true });
    assert.equal(state.collections, 1);
    state.used = 17 * mebibyte; // 7 since then
    await clock.advance(600_000);
    assert.equal(state.collections, 1);
  });

  it('what the start has left is collected, too', async () => {
    const { clock, state } = thread({ muchMs: 30_000, someMs: 300_000, used: 60 * mebibyte });
    await clock.advance(30_000);
    assert.equal(state.collections, 1);
  });

  it('takes its time between two collections', async () => {
    const { clock, state } = thread();
    state.used = 60 * mebibyte;
    await clock.advance(5_000);
    state.used = 60 * mebibyte;
    await clock.advance(4_000);
    assert.equal(state.collections, 1);
    await clock.advance(1_000);
    assert.equal(state.collections, 2);
  });

  it('ends when it is told to', async () => {
    const { clock, state, stop } = thread();
    state.used = 60 * mebibyte;
    stop();
    await clock.advance(60_000);
    assert.equal(state.collections, 0);
    assert.equal(clock.nextTimer(), undefined);
  });
});
