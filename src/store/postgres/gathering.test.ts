import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StorageError } from '../../smtp/smtp-error.ts';
import type { GatheringParts } from './gathering.ts';
import { Gathering } from './gathering.ts';

/** Runs batches when it is told to, and remembers them. */
function gatheringOf(
  limits: Partial<GatheringParts<number, string>>,
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

  it('begins another batch beside one that is under way only for many, or for much', async () => {
    const limits = { batchesMax: 3, besideFrom: { items: 3, weight: 50 } };
    const many = gatheringOf(limits);
    const all = [many.gathering.add(1)];
    await many.turn();
    const again = [2, 3, 4].map((item) => many.gathering.add(item));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(many.batches, [[1], [2, 3, 4]]);
    const late = [5, 6].map((item) => many.gathering.add(item));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(many.batches.length, 2, 'two do not make a batch beside another one');
    const heavy = many.gathering.add(50);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(many.batches[2], [5, 6, 50]);
    for (let i = 0; i < 3; i += 1) await many.turn();
    await Promise.all([...all, ...again, ...late, heavy]);
    await many.gathering.idle();
  });

  it('who came during a batch waits a moment for more; who is alone does not', async () => {
    const pauses: (() => void)[] = [];
    const pause = () => new Promise<void>((resolve) => pauses.push(resolve));
    const { gathering, batches, turn } = gatheringOf({ pause });
    for (const item of [1, 2]) {
      const alone = gathering.add(item);
      await turn();
      await turn();
      await alone;
    }
    assert.equal(pauses.length, 0);
    const all = [gathering.add(3)];
    await turn();
    all.push(gathering.add(4));
    await turn();
    await turn();
    all.push(gathering.add(5));
    assert.equal(batches.length, 3, 'it waits');
    for (const end of pauses) end();
    for (let i = 0; i < 3; i += 1) await turn();
    await Promise.all(all);
    assert.deepEqual(batches, [[1], [2], [3], [4, 5]]);
    await gathering.idle();
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
