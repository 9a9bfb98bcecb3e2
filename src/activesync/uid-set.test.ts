import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { UidSet } from './uid-set.ts';

describe('a set of UIDs', () => {
  it('is what a Set is, and comes back from its text', () => {
    const step = fc.record({ uid: fc.integer({ min: 1, max: 40 }), on: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const [ours, model] = [UidSet.empty(), new Set<number>()];
        for (const { uid, on } of steps) {
          if (on) ours.add(uid);
          else ours.delete(uid);
          if (on) model.add(uid);
          else model.delete(uid);
          assert.equal(ours.has(uid), on);
        }
        const expected = [...model].sort((one, other) => one - other);
        for (const each of [ours, ours.copy(), UidSet.parse(ours.toString())]) {
          assert.deepEqual([...each], expected);
          assert.equal(each.size, model.size);
        }
      }),
    );
  });

  it('is put together, and taken out of another, as Sets are', () => {
    const uids = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 40 });
    fc.assert(
      fc.property(uids, uids, (one, other) => {
        const [mine, theirs] = [new Set(one), new Set(other)];
        const both = UidSet.of(one).with(UidSet.of(other));
        const left = UidSet.of(one).without(UidSet.of(other));
        for (const [ours, model] of [
          [both, mine.union(theirs)],
          [left, mine.difference(theirs)],
        ] as const) {
          assert.deepEqual(
            [...ours],
            [...model].sort((a, b) => a - b),
          );
          assert.equal(ours.size, model.size);
          assert.equal(ours.toString(), UidSet.of(model).toString());
        }
      }),
    );
  });

  it('is short where UIDs come in a row', () => {
    const all = UidSet.empty();
    for (let uid = 1; uid <= 100_000; uid += 1) all.add(uid);
    assert.equal(all.toString(), '1+255r');
  });

  it('refuses what it never wrote', () => {
    for (const text of ['0', '-1', '5+-2', 'ü']) {
      assert.throws(() => UidSet.parse(text), RangeError, text);
    }
  });
});
