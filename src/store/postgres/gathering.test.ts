import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StorageError } from '../../smtp/smtp-error.ts';
import { Gathering } from './gathering.ts';

/** Runs batches when it is told to, and remembers them. */
function gatheringOf(
  limits: { itemsMax?: number; weightMax?: number; batchesMax?: number },
  answer: (item: number) => string = (item) => `${item}`,
) {
  const batches: (readonly number[])[] = [];
  const waiting: (() => void)[] = [];
  const gathering = new Gathering<number, string>({
    run: async (items) => {
      batches.push(items);
      await new Promise<void>((resolve) => waiting.push(resolve));
      return items.map(answer);
    },
    itemsMax: 100,
    weigh: (item) => item,
    keyOf: (item) => item,
    ...limits,
  });
  const turn = async () => {
    for (const resolve of waiting.splice(0)) resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { gathering, batches, turn };
}

describe('Gathering', () => {
  it('does together what came meanwhile, and answers each', async () => {
    const { gathering, batches, turn } = gatheringOf({});
    const first = gathering.add(1);
    await turn();
    const later = [2, 3, 4].map((item) => gathering.add(item));
    await turn();
    assert.equal(await first, '1');
    assert.deepEqual(batches, [[1], [2, 3, 4]]);
    await turn();
    assert.deepEqual(await Promise.all(later), ['2', '3', '4']);
    await gathering.idle();
  });

  it('goes by number, weight and key; two batches are under way where two may be', async () => {
    const { gathering, batches, turn } = gatheringOf({ itemsMax: 3, weightMax: 50, batchesMax: 2 });
    const all = [60, 1, 1, 2, 3, 4, 5].map((item) => gathering.add(item));
    await turn();
    // The first is too heavy for company; of 1 and 1 one waits.
    assert.deepEqual(batches, [[60], [1, 2, 3]]);
    await turn();
    assert.deepEqual(batches.slice(2), [[1, 4, 5]]);
    await turn();
    assert.equal((await Promise.all(all)).length, 7);
  });

  it('whoever is wrong fails alone; a database that is away fails everybody', async () => {
    const wrong = gatheringOf({}, (item) => {
      if (item === 2) throw new Error('wrong');
      return `${item}`;
    });
    const results = Promise.allSettled([1, 2, 3].map((item) => wrong.gathering.add(item)));
    for (let i = 0; i < 5; i += 1) await wrong.turn();
    assert.deepEqual(
      (await results).map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    const away = gatheringOf({}, () => {
      throw new StorageError('away');
    });
    const failed = Promise.allSettled([1, 2].map((item) => away.gathering.add(item)));
    for (let i = 0; i < 3; i += 1) await away.turn();
    assert.deepEqual(away.batches, [[1, 2]], 'none is tried again by itself');
    assert.ok((await failed).every(({ status }) => status === 'rejected'));
  });
});
