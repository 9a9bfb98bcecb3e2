import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from './fake-clock.ts';
import { keepMemory } from './memory-keeper.ts';

const mebibyte = 2 ** 20;

function thread() {
  const clock = new FakeClock();
  const state = { used: 0, busy: 0, released: 0 };
  const stop = keepMemory({
    clock,
    usedBytes: () => state.used,
    busyShare: () => state.busy,
    release() {
      state.released += 1;
      state.used = 10 * mebibyte;
    },
  });
  return { clock, state, stop };
}

describe('base/memory-keeper', () => {
  it('gives back what has gathered once the thread rests', async () => {
    const { clock, state } = thread();
    state.used = 60 * mebibyte;
    state.busy = 0.5;
    await clock.advance(60_000);
    assert.equal(state.released, 0);
    state.busy = 0.05;
    await clock.advance(1_000);
    assert.equal(state.released, 1);
  });

  it('leaves a thread alone in which little has gathered', async () => {
    const { clock, state } = thread();
    state.used = 60 * mebibyte;
    await clock.advance(60_000);
    state.used = 17 * mebibyte;
    await clock.advance(600_000);
    assert.equal(state.released, 1);
    state.used = 18 * mebibyte;
    await clock.advance(1_000);
    assert.equal(state.released, 2);
  });

  it('takes its time between two collections', async () => {
    const { clock, state } = thread();
    state.used = 60 * mebibyte;
    await clock.advance(5_000);
    state.used = 60 * mebibyte;
    await clock.advance(4_000);
    assert.equal(state.released, 1);
    await clock.advance(1_000);
    assert.equal(state.released, 2);
  });

  it('ends when it is told to', async () => {
    const { clock, state, stop } = thread();
    state.used = 60 * mebibyte;
    stop();
    await clock.advance(60_000);
    assert.equal(state.released, 0);
    assert.equal(clock.nextTimer(), undefined);
  });
});
