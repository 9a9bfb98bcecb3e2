import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { fc } from '../../base/test-properties.ts';
import type { Content } from '../../store/content.ts';
import { memoryContent } from '../../store/content.ts';
import { Budget, ReadAhead } from './read-ahead.ts';

const KiB = 1024;

function setUp(sizes: readonly number[], budgetBytes = 64 * 2 ** 20) {
  const clock = new FakeClock();
  const loads: (readonly number[])[] = [];
  const state = { held: 0, most: 0, failing: false };
  const ahead = new ReadAhead({
    load: async (indexes) => {
      if (state.failing) throw new Error('disk');
      loads.push(indexes);
      return indexes.map((index) => memoryContent(Buffer.from(String(index))));
    },
    length: sizes.length,
    sizeAt: (index) => sizes[index]!,
    budget: {
      take(octets) {
        if (state.held + octets > budgetBytes) return false;
        state.held += octets;
        state.most = Math.max(state.most, state.held);
        return true;
      },
      give(octets) {
        state.held -= octets;
      },
    },
    clock,
  });
  const read = async (index: number, more = false) =>
    textOf(await ahead.read(index, more)) === String(index);
  return { ahead, clock, loads, state, read };
}

const textOf = (content: Content | undefined) =>
  content?.bytes === undefined ? undefined : Buffer.from(content.bytes).toString();

describe('ReadAhead', () => {
  it('all maildrops together take no more than there is, and can take again what was given back', () => {
    const budget = new Budget(10);
    assert.deepEqual(
      [budget.take(6), budget.take(5), budget.take(4), budget.take(1)],
      [true, false, true, false],
    );
    budget.give(4);
    assert.deepEqual([budget.take(5), budget.take(4)], [false, true]);
  });

  it('a client that wants one message costs one message', async () => {
    const { read, loads } = setUp(Array(100).fill(4 * KiB));
    assert.ok(await read(99));
    assert.ok(await read(50));
    assert.deepEqual(loads, [[99], [50]]);
  });

  it('one after the other: more and more at a time, and the next batch before it is wanted', async () => {
    const { read, loads, state } = setUp(Array(1000).fill(4 * KiB));
    for (let i = 0; i < 1000; i += 1) assert.ok(await read(i));
    assert.ok(loads.length < 40, `${loads.length} loads`);
    assert.deepEqual(loads.flat(), [...Array(1000).keys()]);
    assert.ok(state.most <= 512 * KiB);
    assert.equal(state.held, 0);
  });

  it('large messages come alone and cost nothing before they are sent', async () => {
    const { read, state } = setUp([4 * KiB, 50 * 2 ** 20, 4 * KiB, 300 * KiB, 1]);
    for (let i = 0; i < 5; i += 1) assert.ok(await read(i, true));
    assert.ok(state.most <= 16 * KiB);
  });

  it('goes on message by message when there is no room to read ahead', async () => {
    const { read, loads } = setUp(Array(50).fill(4 * KiB), 0);
    for (let i = 0; i < 50; i += 1) assert.ok(await read(i, true));
    assert.equal(loads.length, 50);
  });

  it('drops what nobody asks for', async () => {
    const { read, state, clock } = setUp(Array(100).fill(4 * KiB));
    for (let i = 0; i < 5; i += 1) assert.ok(await read(i, true));
    assert.ok(state.held > 0);
    await clock.advance(10_000);
    assert.equal(state.held, 0);
    assert.ok(await read(5, true));
  });

  it('a failure is the reader’s, and the next read starts anew', async () => {
    const { read, state } = setUp(Array(100).fill(4 * KiB));
    state.failing = true;
    await assert.rejects(read(0, true));
    assert.equal(state.held, 0);
    state.failing = false;
    assert.ok(await read(0, true));
  });

  it('whatever is asked in whatever order is what is given', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(1, 4 * KiB, 100 * KiB, 1000 * KiB), {
          minLength: 1,
          maxLength: 60,
        }),
        fc.array(
          fc.record({
            from: fc.nat(59),
            count: fc.integer({ min: 1, max: 30 }),
            more: fc.boolean(),
          }),
          { maxLength: 10 },
        ),
        fc.integer({ min: 0, max: 2000 }),
        async (sizes, runs, budgetKiB) => {
          const { ahead, read, state } = setUp(sizes, budgetKiB * KiB);
          for (const { from, count, more } of runs)
            for (let i = from; i < Math.min(from + count, sizes.length); i += 1)
              assert.ok(await read(i, more));
          ahead.drop();
          assert.equal(state.held, 0);
        },
      ),
      { numRuns: 300 },
    );
  });
});
