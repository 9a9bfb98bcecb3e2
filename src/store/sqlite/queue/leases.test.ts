// Leases by themselves: who holds what, until when, and that a transaction which does not commit
// leaves them as they were.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Work } from '../work.ts';
import { Leases } from './leases.ts';

function open(epoch = 1) {
  let undos: (() => void)[] = [];
  const work = { undo: (action: () => void) => undos.push(action) } as unknown as Work;
  return {
    leases: new Leases(work, epoch),
    commit() {
      undos = [];
    },
    rollBack() {
      for (const undo of undos.reverse()) undo();
      undos = [];
    },
  };
}

describe('Leases', () => {
  it('hold what they were given for, until it is dropped', () => {
    const { leases } = open();
    const first = leases.grant(7, [0, 2], 1000);
    const second = leases.grant(8, [0], 1000);
    assert.notEqual(first, second);
    const held = (fence: number) =>
      [7, 8].flatMap((key) =>
        [0, 1, 2].filter((index) => leases.holds(key, fence, index)).map((index) => [key, index]),
      );
    assert.deepEqual(held(first), [
      [7, 0],
      [7, 2],
    ]);
    assert.deepEqual(held(second), [[8, 0]]);
    leases.drop(first, 1);
    leases.drop(first, 0);
    assert.deepEqual(held(first), [[7, 2]]);
    leases.drop(first, 2);
    leases.drop(first, 2);
    assert.deepEqual([held(first), held(second)], [[], [[8, 0]]]);
    assert.equal(leases.nextExpiry(), 1000);
    leases.drop(second, 0);
    assert.equal(leases.nextExpiry(), undefined);
  });

  it('have fences that no earlier opening gave', () => {
    const one = open(1).leases;
    let last = 0;
    for (let i = 0; i < 100; i += 1) last = one.grant(1, [0], 1);
    assert.ok(open(2).leases.grant(1, [0], 1) > last);
  });

  it('expire at their time, each once', () => {
    const { leases } = open();
    leases.grant(1, [0], 1000);
    leases.grant(2, [0, 1], 2000);
    leases.adopt(-1, 3, { indexes: [5], expires: 1500 });
    assert.deepEqual(leases.expire(999), []);
    assert.equal(leases.nextExpiry(), 1000);
    assert.deepEqual(leases.expire(1000), [{ key: 1, indexes: [0] }]);
    assert.equal(leases.nextExpiry(), 1500);
    assert.deepEqual(leases.expire(1499), []);
    assert.deepEqual(leases.expire(3000), [
      { key: 2, indexes: [0, 1] },
      { key: 3, indexes: [5] },
    ]);
    assert.deepEqual([leases.expire(9000), leases.nextExpiry()], [[], undefined]);
    assert.ok(!leases.holds(3, -1, 5));
  });

  it('are as they were when the transaction does not commit', () => {
    const { leases, commit, rollBack } = open();
    const fence = leases.grant(1, [0, 1], 1000);
    commit();
    const second = leases.grant(2, [0], 500);
    leases.drop(fence, 0);
    leases.drop(fence, 1);
    rollBack();
    assert.ok(leases.holds(1, fence, 0) && leases.holds(1, fence, 1));
    assert.ok(!leases.holds(2, second, 0));
    leases.expire(1000);
    assert.ok(!leases.holds(1, fence, 0));
    rollBack();
    assert.ok(leases.holds(1, fence, 0));
    assert.equal(leases.nextExpiry(), 1000);
    const [expired] = leases.expire(1000);
    assert.deepEqual([expired?.key, expired?.indexes.toSorted()], [1, [0, 1]]);
  });
});
