import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultSyncOptions } from '../../activesync/sync-options.ts';
import { UidSet } from '../../activesync/uid-set.ts';
import { seededRandom } from '../../base/random.ts';
import type { StoredRecord } from '../../store/record-store.ts';
import { recordCharactersMax } from '../../store/record-store.ts';
import { openInMemory } from '../../store/sqlite/test-stores.ts';
import type { Collection } from './collection-book.ts';
import { CollectionBook, keyOf, nothingKnown, nothingTold } from './collection-book.ts';
import { deviceKey } from './device-book.ts';

/** Beyond whatever the store thinks it is. */
const clock = { now: () => Date.UTC(2100, 0) };
const device = deviceKey('ann@example.org', 'phone');

function collectionOf(has: UidSet, number = 1): Collection {
  const state = { ...nothingKnown, filterType: 0, number };
  return {
    ...{ epoch: 'e', options: defaultSyncOptions, asked: '', wanted: '', told: nothingTold },
    ...{ results: [], removed: [], added: [], renamed: [], rewritten: [] },
    current: { ...state, has },
    previous: { ...state, has: has.without(UidSet.of([4, 8, 9])).with(UidSet.of([5])) },
  };
}

/** As many UIDs, with gaps that nobody could guess. */
function single(count: number): UidSet {
  const random = seededRandom(7);
  let uid = 0;
  return UidSet.of(
    Array.from({ length: count }, () => {
      uid += 2 + Math.floor(random.fraction() * 6);
      return uid;
    }),
  );
}

/** They are too long to be shown. */
const assertSame = (found: Collection | undefined, wanted: Collection): void => {
  assert.ok(found?.current.has.toString() === wanted.current.has.toString());
  assert.ok(found?.previous?.has.toString() === wanted.previous?.has.toString());
  assert.equal(keyOf(found!, found!.current), keyOf(wanted, wanted.current));
};

describe('what a device has of a folder', () => {
  it('may be a million single messages, and is forgotten whole', async () => {
    await using test = await openInMemory();
    const { records } = test.stores;
    const book = new CollectionBook({ records, clock });
    const wanted = collectionOf(single(1_000_000));
    await book.save(device, '7', wanted);
    assertSame(await book.find(device, '7'), wanted);
    const kept = await records.list('activesync-collection', { limit: 100 });
    assert.ok(kept.length > 2, 'it is in pieces');
    assert.ok(kept.every(({ value }) => value.length <= recordCharactersMax));
    // A folder whose number begins with the same digits is another one.
    assert.equal(await book.find(device, '71'), undefined);
    const small = collectionOf(UidSet.of([4, 8, 9]), 2);
    await book.save(device, '7', small);
    assertSame(await book.find(device, '7'), small);
    const left = await records.list('activesync-collection', { limit: 100 });
    assert.deepEqual(
      left.map(({ key }) => key),
      [`${device} 7`],
      'no piece of the longer one is left',
    );
    await book.forget(device);
    assert.deepEqual(await records.list('activesync-collection', { limit: 100 }), []);
  });

  it('leaves no pieces behind as it becomes shorter, whoever had written them', async () => {
    await using test = await openInMemory();
    const { records } = test.stores;
    const open = () => new CollectionBook({ records, clock });
    await open().save(device, '7', collectionOf(single(400_000)));
    const many = await records.count('activesync-collection');
    const book = open();
    await book.find(device, '7');
    const shorter = collectionOf(single(150_000), 2);
    await book.save(device, '7', shorter);
    const few = await records.count('activesync-collection');
    assert.ok(few > 1 && few < many, `${few} after ${many}`);
    assertSame(await book.find(device, '7'), shorter);
    await book.save(device, '7', collectionOf(UidSet.of([4]), 3));
    assert.equal(await records.count('activesync-collection'), 1);
  });

  for (const [what, change] of [
    [
      'another key',
      (one: Collection) => ({ ...collectionOf(single(600_001), 2), options: one.options }),
    ],
    // Nothing was told: the key stays.
    [
      'other options',
      (one: Collection) => ({ ...one, options: { ...one.options, mimeSupport: 2 } }),
    ],
  ] as const)
    it(`is not put together of what two have written, with ${what}`, async () => {
      await using test = await openInMemory();
      const { records } = test.stores;
      const book = new CollectionBook({ records, clock });
      const one = collectionOf(single(600_000));
      const other = change(one);
      await book.save(device, '7', one);
      // Between the first piece and the others.
      let saving: Promise<void> | undefined;
      const written = Promise.withResolvers<void>();
      const slow = {
        ...{ put: records.put.bind(records), remove: records.remove.bind(records) },
        ...{ list: records.list.bind(records), count: records.count.bind(records) },
        async get(kind: string, key: string): Promise<StoredRecord | undefined> {
          const isHead = key === `${device} 7`;
          if (!isHead && !key.endsWith(' 1')) await written.promise;
          const found = await records.get(kind, key);
          if (!isHead && key.endsWith(' 1')) {
            // Once, however often it is read.
            saving ??= book.save(device, '7', other);
            written.resolve(saving);
          }
          return found;
        },
      };
      const reader = new CollectionBook({ records: { ...records, ...slow }, clock });
      const found = await reader.find(device, '7');
      assertSame(found, other);
      assert.deepEqual(found?.options, other.options);
    });
});
