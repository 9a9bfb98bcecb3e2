import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TransientMap } from './transient-map.ts';

describe('TransientMap', () => {
  it('is a Map, in the order of coming', () => {
    const map = new TransientMap<string, number | undefined>();
    map.set('a', 1);
    map.set('b', undefined);
    map.set('c', 3);
    assert.deepEqual(
      [map.size, map.get('a'), map.get('b'), map.get('x')],
      [3, 1, undefined, undefined],
    );
    assert.deepEqual([map.has('b'), map.has('x')], [true, false]);
    map.set('a', 4);
    assert.deepEqual(
      [[...map.keys()], [...map.values()]],
      [
        ['a', 'b', 'c'],
        [4, undefined, 3],
      ],
    );
    assert.deepEqual([map.delete('b'), map.delete('b'), map.delete('x')], [true, false, false]);
    assert.deepEqual(
      [[...map.keys()], [...map.values()]],
      [
        ['a', 'c'],
        [4, 3],
      ],
    );
  });

  it('whoever comes into the place of one that is gone comes last', () => {
    const map = new TransientMap<number, string>();
    for (const key of [1, 2, 3]) map.set(key, `v${key}`);
    map.delete(1);
    map.delete(3);
    map.set(4, 'v4');
    map.set(1, 'again');
    assert.deepEqual(
      [[...map.keys()], [...map.values()]],
      [
        [2, 4, 1],
        ['v2', 'v4', 'again'],
      ],
    );
  });

  it('is empty once it is cleared, and takes others then', () => {
    const map = new TransientMap<number, string>();
    for (const key of [1, 2, 3]) map.set(key, `v${key}`);
    map.delete(2);
    const values = map.values();
    values.next();
    map.clear();
    assert.deepEqual([map.size, map.get(1), map.has(3), [...values]], [0, undefined, false, []]);
    for (const key of [5, 3, 4]) map.set(key, `w${key}`);
    assert.deepEqual([map.size, [...map.values()]], [3, ['w5', 'w3', 'w4']]);
  });

  it('what is removed on the way is left out, what comes on the way comes', () => {
    const map = new TransientMap<number, string>();
    for (const key of [1, 2, 3]) map.set(key, `v${key}`);
    const seen: string[] = [];
    for (const value of map.values()) {
      seen.push(value);
      if (value === 'v1') {
        map.delete(2);
        map.set(4, 'v4');
      }
    }
    assert.deepEqual(seen, ['v1', 'v3', 'v4']);
  });
});
