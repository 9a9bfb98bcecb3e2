import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulateQueue } from './queue.sim.ts';

/** Fixed, so that a failure is a change of ours; `npm run sim` looks for new ones. */
const seeds = Array.from({ length: 3 }, (_, i) => i + 1);

describe('the queue in a hostile world: delivered, bounced or queued, and in the end not queued', () => {
  for (const seed of seeds) it(`seed ${seed}`, async () => void (await simulateQueue(seed)));

  it('repeats a seed exactly', async () => {
    assert.deepEqual(await simulateQueue(7), await simulateQueue(7));
  });
});
