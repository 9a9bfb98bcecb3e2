// What every RecordStore must do. The implementations' own tests call this and add nothing to it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RecordStore } from '../record-store.ts';
import { recordCharactersMax } from '../record-store.ts';
import type { OpenTestStores } from './harness.ts';

const keysOf = async (records: RecordStore, page: Parameters<RecordStore['list']>[1]) =>
  (await records.list('a', page)).map(({ key }) => key);

export function testRecordStore(name: string, open: OpenTestStores): void {
  describe(`RecordStore: ${name}`, () => {
    it('keeps what is put, by kind and key, over a restart', async () => {
      await using test = await open();
      await test.stores.records.put([
        { kind: 'a', key: 'x', value: 'one' },
        { kind: 'b', key: 'x', value: 'zwö\0lf', expires: test.clock.now() + 3_600_000 },
      ]);
      await test.stores.records.put([{ kind: 'a', key: 'x', value: '' }]);
      await test.restart();
      const { records } = test.stores;
      assert.deepEqual(await records.get('a', 'x'), { kind: 'a', key: 'x', value: '' });
      assert.equal((await records.get('b', 'x'))?.value, 'zwö\0lf');
      assert.equal(await records.get('a', 'y'), undefined);
      assert.equal(await records.count('a'), 1);
    });

    it('what has expired is not there, neither asked for nor listed, and is swept', async () => {
      await using test = await open();
      const { records } = test.stores;
      const expires = test.clock.now() + 1000;
      await records.put([
        { kind: 'a', key: 'x', value: 'short', expires },
        { kind: 'a', key: 'y', value: 'long' },
      ]);
      assert.equal((await records.get('a', 'x'))?.expires, expires);
      await test.clock.advance(1000);
      assert.equal(await records.get('a', 'x'), undefined);
      assert.deepEqual(await keysOf(records, { limit: 9 }), ['y']);
      await records.put([{ kind: 'b', key: 'z', value: '' }]);
      assert.equal(await records.count('a'), 1);
    });

    it('what expires within a millisecond is there until that begins', async () => {
      await using test = await open();
      const { records } = test.stores;
      const expires = test.clock.now() + 1000;
      await records.put([{ kind: 'a', key: 'x', value: '', expires: expires + 0.5 }]);
      assert.equal((await records.get('a', 'x'))?.expires, expires);
    });

    it('lists by key, in pages, by prefix', async () => {
      await using test = await open();
      const { records } = test.stores;
      const keys = ['b%', 'a', 'bb', 'b', 'ba', 'c', 'b_'];
      await records.put(keys.map((key) => ({ kind: 'a', key, value: '' })));
      assert.deepEqual(await keysOf(records, { limit: 2 }), ['a', 'b']);
      assert.deepEqual(await keysOf(records, { limit: 2, after: 'b' }), ['b%', 'b_']);
      assert.deepEqual(await keysOf(records, { limit: 9, prefix: 'b', after: 'b_' }), ['ba', 'bb']);
      assert.deepEqual(await keysOf(records, { limit: 9, prefix: 'b%' }), ['b%']);
      await records.put(
        ['', 'b\0', 'b\u{10ffff}', 'bé'].map((key) => ({ kind: 'a', key, value: '' })),
      );
      assert.deepEqual(await keysOf(records, { limit: 2 }), ['', 'a']);
      assert.deepEqual(await keysOf(records, { limit: 9, prefix: 'b', after: 'ba' }), [
        ...['bb', 'bé', 'b\u{10ffff}'],
      ]);
      assert.deepEqual(await keysOf(records, { limit: 9, prefix: 'b\0' }), ['b\0']);
      assert.deepEqual(await keysOf(records, { limit: 9, prefix: 'c', after: 'a' }), ['c']);
      await records.remove('a', ['', 'b\0', 'b\u{10ffff}', 'bé']);
      await records.remove('a', ['a', 'b', 'nothing']);
      await records.remove('c', ['ba']);
      assert.deepEqual(await keysOf(records, { limit: 9 }), ['b%', 'b_', 'ba', 'bb', 'c']);
    });

    it('replaces what nobody has changed meanwhile, and nothing else', async () => {
      await using test = await open();
      const { records } = test.stores;
      const record = (value: string, expires?: number) => ({
        ...{ kind: 'a', key: 'x', value },
        ...(expires !== undefined && { expires }),
      });
      assert.equal(await records.replace(record('1'), '0'), false, 'there is nothing');
      assert.equal(await records.replace(record('1'), undefined), true);
      assert.equal(await records.replace(record('2'), undefined), false, 'there is something');
      assert.equal(await records.replace(record('2'), '0'), false);
      assert.deepEqual(await records.get('a', 'x'), record('1'));
      const both = await Promise.all(['2', '3'].map((one) => records.replace(record(one), '1')));
      assert.deepEqual([...both].sort(), [false, true]);
      assert.equal((await records.get('a', 'x'))?.value, both[0] ? '2' : '3');
      await records.remove('a', ['x']);
      assert.equal(await records.replace(record('4'), '2'), false, 'what was removed stays so');
      assert.equal(await records.get('a', 'x'), undefined);
      const soon = test.clock.now() + 1000;
      assert.equal(await records.replace(record('5', soon), undefined), true);
      assert.deepEqual(await records.get('a', 'x'), record('5', soon));
      await test.clock.advance(1000);
      assert.equal(await records.replace(record('6'), '5'), false, 'it has expired');
      assert.equal(await records.replace(record('6'), undefined), true);
      assert.deepEqual(await records.get('a', 'x'), record('6'));
      await assert.rejects(
        records.replace(record('x'.repeat(recordCharactersMax + 1)), '6'),
        RangeError,
      );
    });

    it('puts all or none of what it is given', async () => {
      await using test = await open();
      const { records } = test.stores;
      const value = 'x'.repeat(recordCharactersMax + 1);
      const both = [
        { kind: 'a', key: 'x', value: '' },
        { kind: 'a', key: 'y', value },
      ];
      await assert.rejects(records.put(both), RangeError);
      assert.equal(await records.count('a'), 0);
    });
  });
}
