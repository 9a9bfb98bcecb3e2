import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openInMemory } from '../../src/store/sqlite/test-stores.ts';
import { simulateImap } from './imap.sim.ts';

/** Fixed, so that a failure is a change of ours; `npm run sim` looks for new ones. */
const seeds = Array.from({ length: 8 }, (_, i) => i + 1);

describe('IMAP sessions side by side: each knows in the end what the folder holds', () => {
  let first: unknown;
  for (const seed of seeds)
    it(`seed ${seed}`, async () => {
      const result = await simulateImap(seed);
      first ??= result;
    });

  for (const seed of seeds.slice(0, 4))
    it(`seed ${seed} on the embedded store`, async () => {
      await using test = await openInMemory();
      await simulateImap(seed, test.stores.folders);
    });

  it('repeats a seed exactly', async () => {
    assert.deepEqual(await simulateImap(seeds[0]!), first ?? (await simulateImap(seeds[0]!)));
  });
});
