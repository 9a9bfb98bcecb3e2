import assert from 'node:assert/strict';
import { it } from 'node:test';
import { once } from './once.ts';

it('once: is made by who asks first, for all, and again after a failure', async () => {
  let made = 0;
  const thing = once(async () => {
    made += 1;
    if (made === 1) throw new Error('not yet');
    return made;
  });
  const first = [thing(), thing()];
  for (const one of first) await assert.rejects(one, /not yet/);
  assert.equal(made, 1);
  assert.deepEqual(await Promise.all([thing(), thing()]), [2, 2]);
  assert.equal(await thing(), 2);
});
