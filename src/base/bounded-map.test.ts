import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BoundedMap } from './bounded-map.ts';

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

  it('deletes and clears', () => {
    const map = new BoundedMap<string, number>(2);
    map.set('a', 1);
    assert.deepEqual([map.delete('a'), map.delete('a')], [true, false]);
    map.set('b', 1);
    map.clear();
    assert.equal(map.size, 0);
  });
});
