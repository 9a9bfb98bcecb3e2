// What is remembered of the store is what it has: a change that comes while it is read is not overwritten by what was read.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import type { GroupCommit } from './group-commit.ts';
import { SqliteRecordStore } from './record-store.ts';
import { Remembered } from './remembered.ts';

describe('what is remembered', () => {
  it('is read once, until it is forgotten', async () => {
    const remembered = new Remembered<number>(10);
    let reads = 0;
    const read = async () => ++reads;
    assert.equal(await remembered.get('a', read), 1);
    assert.equal(await remembered.get('a', read), 1);
    remembered.forget('a');
    assert.equal(await remembered.get('a', read), 2);
    remembered.clear();
    assert.equal(await remembered.get('a', read), 3);
  });

  it('is not what was read before a change, however late the answer comes', async () => {
    const remembered = new Remembered<string>(10);
    for (const change of [() => remembered.forget('a'), () => remembered.clear()]) {
      const { promise, resolve } = Promise.withResolvers<string>();
      const early = remembered.get('a', () => promise);
      change();
      resolve('before');
      assert.equal(await early, 'before', 'who asked before may hear it');
      assert.equal(await remembered.get('a', async () => 'after'), 'after');
      remembered.clear();
    }
    const { promise, resolve } = Promise.withResolvers<string>();
    const early = remembered.get('b', () => promise);
    remembered.set('b', 'written');
    resolve('before');
    await early;
    assert.equal(await remembered.get('b', async () => 'read'), 'written');
  });

  it('is no failure, and not that there is nothing', async () => {
    const remembered = new Remembered<string>(10);
    await assert.rejects(remembered.get('a', () => Promise.reject(new Error('no'))));
    assert.equal(await remembered.get('a', async () => undefined), undefined);
    assert.equal(await remembered.get('a', async () => 'there'), 'there');
  });
});

describe('records of phones', () => {
  const open = () => {
    const rows = new Map<string, unknown>();
    let isFull = false;
    const asked: string[] = [];
    const commit = {
      async call(name: string, args: readonly unknown[]) {
        asked.push(name);
        if (name === 'getRecord') return rows.get(`${args[0]} ${args[1]}`);
        if (isFull) throw new Error('full');
        if (name === 'putRecords')
          for (const each of args[0] as { kind: string; key: string }[])
            rows.set(`${each.kind} ${each.key}`, each);
        else for (const key of args[1] as string[]) rows.delete(`${args[0]} ${key}`);
        return undefined;
      },
    } as unknown as GroupCommit;
    const clock = new FakeClock();
    const store = new SqliteRecordStore({ commit, clock });
    return { store, asked, clock, fill: () => (isFull = true) };
  };
  const kind = 'activesync-device';

  it('are asked of the store once, others each time', async () => {
    const { store, asked } = open();
    await store.put([
      { kind, key: 'a', value: '1' },
      { kind: 'greylist', key: 'a', value: '1' },
    ]);
    for (let i = 0; i < 3; i += 1) {
      assert.equal((await store.get(kind, 'a'))?.value, '1');
      assert.equal((await store.get('greylist', 'a'))?.value, '1');
    }
    assert.deepEqual(asked, ['putRecords', 'getRecord', 'getRecord', 'getRecord']);
  });

  it('are as they were put last, gone when they are removed or have expired', async () => {
    const { store, clock } = open();
    await store.put([{ kind, key: 'a', value: '1', expires: clock.now() + 10 }]);
    await store.put([{ kind, key: 'a', value: '2', expires: clock.now() + 10 }]);
    assert.equal((await store.get(kind, 'a'))?.value, '2');
    await clock.advance(10);
    assert.equal(await store.get(kind, 'a'), undefined);
    await store.put([{ kind, key: 'a', value: '3' }]);
    await store.remove(kind, ['a']);
    assert.equal(await store.get(kind, 'a'), undefined);
  });

  it('are looked up again where a change failed', async () => {
    const { store, asked, fill } = open();
    await store.put([{ kind, key: 'a', value: '1' }]);
    fill();
    await assert.rejects(store.put([{ kind, key: 'a', value: '2' }]));
    assert.equal((await store.get(kind, 'a'))?.value, '1');
    assert.equal(asked.at(-1), 'getRecord');
  });

  it('that are long are not kept in memory', async () => {
    const { store, asked } = open();
    await store.put([{ kind, key: 'a', value: 'x'.repeat(5000) }]);
    for (let i = 0; i < 2; i += 1) assert.equal((await store.get(kind, 'a'))?.value.length, 5000);
    assert.deepEqual(asked, ['putRecords', 'getRecord', 'getRecord']);
  });
});
