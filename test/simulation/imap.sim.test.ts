import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulateImap } from './imap.sim.ts';

/** Fixed, so that a failure is a change of ours; `npm run sim` looks for new ones. */
const seeds = Array.from({ length: 60 }, (_, i) => i + 1);

describe('IMAP sessions side by side: each knows in the end what the folder holds', () => {
  for (const seed of seeds) it(`seed ${seed}`, async () => void (await simulateImap(seed)));

  it('repeats a seed exactly', async () => {
    assert.deepEqual(await simulateImap(7), await simulateImap(7));
  });
});
