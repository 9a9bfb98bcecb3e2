import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BoundedMap } from './bounded-map.ts';
import { fc } from './test-properties.ts';

describe('BoundedMap', () => {
  it('never grows beyond its limit; the oldest makes room', () => {
    const map = new BoundedMap<string, number>(2);
    map.set('a', 1);
    map.set('b', 2);
    map.set('a', 3);
    map.set('c', 4);
    assert.deepEqual([map.get('a'), map.get('b'), map.get('c'), map.size], [3, undefined, 4, 2]);
  });

  it('setting what is there already drives nothing out', () => {
    const map = new BoundedMap<string, number>(2);
    for (const key of ['a', 'b', 'a', 'b']) map.set(key, 0);
    assert.equal(map.size, 2);
  });

  it('is what a list of keys by age is, whatever is done to it', () => {
    const key = fc.integer({ min: 0, max: 9 });
    const step = fc.oneof(
      { arbitrary: fc.record({ set: key }), weight: 8 },
      { arbitrary: fc.record({ delete: key }), weight: 3 },
      { arbitrary: fc.constant({ clear: true }), weight: 1 },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(step, { maxLength: 60 }),
        (max, steps) => {
          const map = new BoundedMap<number, number>(max);
          let keys: number[] = [];
          for (const one of steps) {
            if ('set' in one) {
              keys = [...keys.filter((other) => other !== one.set), one.set].slice(-max);
              map.set(one.set, 0);
            } else if ('delete' in one) {
              assert.equal(map.delete(one.delete), keys.includes(one.delete));
              keys = keys.filter((other) => other !== one.delete);
            } else {
              keys = [];
              map.clear();
            }
            const held = Array.from({ length: 10 }, (_, i) => i).filter(
              (i) => map.get(i) !== undefined,
            );
            assert.deepEqual(held, keys.toSorted());
            assert.equal(map.size, keys.length);
          }
        },
      ),
    );
  });

  it('a full one is not walked from its beginning for each new key', (t) => {
    const map = new BoundedMap<number, number>(100);
    const walks = t.mock.method(Map.prototype, 'keys');
    for (let i = 0; i < 5_000; i += 1) map.set(i, i);
    assert.equal(walks.mock.callCount(), 1);
    // What is only renewed keeps no walk, which would hold each table that the Map had meanwhile.
    for (let i = 0; i < 2_000; i += 1) map.set(4_900 + (i % 100), i);
    map.set(5_000, 0);
    assert.deepEqual([walks.mock.callCount(), map.get(4_900), map.size], [2, undefined, 100]);
  });

  it('deletes and clears', () => {
    const map = new BoundedMap<string, number>(2);
    map.set('a', 1);
    assert.deepEqual([map.delete('a'), map.delete('a')], [true, false]);
    map.set('b', 1);
    map.clear();
    assert.equal(map.size, 0);
  });
});
