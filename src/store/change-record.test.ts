import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changeRecord } from './change-record.ts';
import type { RecordStore } from './record-store.ts';
import { openInMemory } from './sqlite/test-stores.ts';

const named = { kind: 'a', key: 'x' };

/** Whatever is read, another one comes between, so many times. */
const between = (records: RecordStore, times: number, other: () => Promise<void>) =>
  new Proxy(records, {
    get(target, name) {
      if (name !== 'get') {
        const member = Reflect.get(target, name) as unknown;
        return typeof member === 'function' ? member.bind(target) : member;
      }
      return async (kind: string, key: string) => {
        const found = await target.get(kind, key);
        times -= 1;
        if (times >= 0) await other();
        return found;
      };
    },
  });

describe('a change of a record that is read first', () => {
  const more = (value: string | undefined) =>
    value === undefined ? undefined : { value: `${value}+` };

  it('is made again where another one has come between, and nothing of theirs is lost', async () => {
    await using test = await openInMemory();
    const { records } = test.stores;
    await records.put([{ ...named, value: '0' }]);
    let others = 0;
    const seen = between(records, 3, async () => {
      others += 1;
      await records.put([{ ...named, value: `${others}` }]);
    });
    await changeRecord({ records: seen }, named, more);
    assert.equal((await records.get('a', 'x'))?.value, '3+');
    await assert.rejects(
      changeRecord(
        {
          records: between(records, 1000, () => {
            others += 1;
            return records.put([{ ...named, value: `${others}` }]);
          }),
        },
        named,
        more,
      ),
      /others change it all the time/,
    );
  });

  it('brings nothing back that was removed meanwhile', async () => {
    await using test = await openInMemory();
    const { records } = test.stores;
    await records.put([{ ...named, value: '0' }]);
    const seen = between(records, 1, () => records.remove('a', ['x']));
    await changeRecord({ records: seen }, named, more);
    assert.equal(await records.get('a', 'x'), undefined);
  });
});
