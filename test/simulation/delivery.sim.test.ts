import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulateDelivery } from './delivery.sim.ts';

/** Fixed, so that a failure is a change of ours; `npm run sim` looks for new ones. */
const seeds = Array.from({ length: 2 }, (_, i) => i + 1);

describe('the whole path in a hostile world: accepted once is delivered, bounced or queued', () => {
  let first: unknown;
  for (const seed of seeds)
    it(`seed ${seed}`, async () => {
      const result = await simulateDelivery(seed);
      first ??= result;
    });

  it('repeats a seed exactly', async () => {
    assert.deepEqual(
      await simulateDelivery(seeds[0]!),
      first ?? (await simulateDelivery(seeds[0]!)),
    );
  });
});
