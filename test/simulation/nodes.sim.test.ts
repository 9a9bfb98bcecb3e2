import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulateNodes } from './nodes.sim.ts';

/** Fixed, so that a failure is a change of ours; `npm run sim` looks for new ones. */
const seeds = Array.from({ length: 3 }, (_, i) => i + 1);

describe('several nodes in a hostile world: accepted is delivered, twice only what was under way', () => {
  let first: unknown;
  for (const seed of seeds)
    it(`seed ${seed}`, async () => {
      const result = await simulateNodes(seed);
      first ??= result;
      const { accepted, crashes, freezes, cuts, lost } = result;
      assert.ok(accepted > 20 && crashes + freezes + cuts > 5 && lost > 0, 'something happened');
    });

  it('repeats a seed exactly', async () => {
    assert.deepEqual(await simulateNodes(seeds[0]!), first ?? (await simulateNodes(seeds[0]!)));
  });
});
