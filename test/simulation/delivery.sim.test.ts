import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulateDelivery } from './delivery.sim.ts';

/** Fixed, so that a failure is a change of ours; `npm run sim` looks for new ones. */
const seeds = Array.from({ length: 2 }, (_, i) => i + 1);

describe('the whole path in a hostile world: accepted once is delivered, bounced or queued', () => {
  for (const seed of seeds) it(`seed ${seed}`, async () => void (await simulateDelivery(seed)));

  it('repeats a seed exactly', async () => {
    assert.deepEqual(await simulateDelivery(7), await simulateDelivery(7));
  });
});
