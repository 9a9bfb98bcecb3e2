import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { machineIdleMs, ReaderAhead } from './reader-ahead.ts';

/** A reader with so many slices of work, on a machine with so many processors idle. */
function start(slices: number, share = 2, keepsUp = false) {
  const clock = new FakeClock();
  const began = clock.now();
  const test = {
    clock,
    share: share as number | undefined,
    at: [] as number[],
    /** Instead of it: milliseconds that one was idle. */
    idle: undefined as ((ms: number) => number) | undefined,
    fails: false,
    reads: 'new' as 'new' | 'old',
  };
  const reader = {
    advance: () => {
      if (test.fails) throw new Error('no room');
      if (test.at.length >= slices) return undefined;
      test.at.push(clock.now() - began);
      return test.reads;
    },
    merge: () => false,
    sweep: () => undefined,
  };
  const idleMs = () => {
    const ms = clock.now() - began;
    return test.idle === undefined ? test.share && ms * test.share : test.idle(ms);
  };
  const failures: unknown[] = [];
  const failed = (error: unknown) => failures.push(error);
  const ahead = new ReaderAhead({ reader, clock, idleMs, keepsUp, failed });
  return Object.assign(test, { ahead, failures });
}

describe('ReaderAhead', () => {
  it('works in slices once it has been quiet, then rests until it is woken', async () => {
    const test = start(3);
    test.ahead.wake();
    await test.clock.advance(400);
    test.ahead.wake();
    await test.clock.advance(400);
    assert.deepEqual(test.at, []);
    await test.clock.advance(1000);
    assert.deepEqual(test.at, [900, 945, 990]);
    assert.equal(test.clock.nextTimer(), undefined);
  });

  it('puts it off while mail keeps coming, but not for ever', async () => {
    const test = start(1);
    for (let i = 0; i < 200; i += 1) {
      test.ahead.wake();
      await test.clock.advance(100);
    }
    assert.deepEqual(test.at, [10_500]);
  });

  it('waits while no processor is idle; then a slice now and then', async () => {
    const test = start(3, 0.3);
    test.ahead.wake();
    await test.clock.advance(25_000);
    assert.equal(test.at.length, 2);
    assert.ok(test.at[0]! >= 10_000 && test.at[1]! - test.at[0]! >= 10_000, `${test.at}`);
    test.share = 1.2;
    await test.clock.advance(1000);
    assert.equal(test.at.length, 3, 'it goes on when it is quiet again');
  });

  it('takes a moment of rest in a load for no idle processor', async () => {
    const test = start(3);
    // Both of them for 60 of 600 ms.
    test.idle = (ms) => Math.floor(ms / 600) * 120 + Math.min(ms % 600, 60) * 2;
    test.ahead.wake();
    await test.clock.advance(9_900);
    assert.deepEqual(test.at, []);
  });

  it('takes a twentieth of a busy processor while messages are derived anew', async () => {
    const test = start(200, 0.3);
    test.reads = 'old';
    test.ahead.wake();
    for (let i = 0; i < 300; i += 1) {
      test.ahead.wake();
      await test.clock.advance(100);
    }
    const [first = 0, ...rest] = test.at;
    assert.ok(first >= 10_000, `${first}`);
    assert.ok(rest.length > 50 && rest.length < 67, `${rest.length} slices in 20 s`);
    test.reads = 'new';
    await test.clock.advance(1_000);
    const before = test.at.length;
    await test.clock.advance(20_000);
    assert.ok(test.at.length - before <= 2, 'and what is merely new waits as before');
  });

  it('keeps up where people look at mail as it comes, however busy the machine is', async () => {
    const test = start(1000, 0.3, true);
    for (let i = 0; i < 50; i += 1) {
      test.ahead.wake();
      await test.clock.advance(100);
    }
    assert.equal(test.at[0], 500);
    assert.equal(test.at[1]! - test.at[0]!, 45);
    assert.ok(test.at.length > 90, `${test.at.length} slices in five seconds`);
  });

  it('says what failed, and tries again when it is woken', async () => {
    const test = start(1);
    test.fails = true;
    test.ahead.wake();
    await test.clock.advance(5000);
    assert.deepEqual(test.failures.map(String), ['Error: no room']);
    test.fails = false;
    test.ahead.wake();
    await test.clock.advance(5000);
    assert.equal(test.at.length, 1);
    assert.equal(test.failures.length, 1);
  });

  it('does not wait where nobody knows', async () => {
    const test = start(3, 0.3);
    test.share = undefined;
    test.ahead.wake();
    await test.clock.advance(1000);
    assert.equal(test.at.length, 3);
  });

  it('reads how long the processors were idle', { skip: process.platform !== 'linux' }, () => {
    const [before, after] = [machineIdleMs(), machineIdleMs()];
    assert.ok(before !== undefined && after !== undefined && before > 0 && after >= before);
  });
});
