import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { isReturnAddress, ReturnAddresses } from './return-addresses.ts';

const dayMs = 86_400_000;
const ann = { local: 'ann', domain: 'example.org' };

function open() {
  const clock = new FakeClock();
  const addresses = new ReturnAddresses({ secret: async () => Buffer.from('a secret'), clock });
  return { clock, addresses };
}

it('a sender of others leads back for three weeks, by the days of the clock', async () => {
  const { clock, addresses } = open();
  const ours = await addresses.of(ann, 'alias.example');
  assert.equal(ours.domain, 'alias.example');
  assert.ok(isReturnAddress(ours));
  await clock.advance(21 * dayMs);
  assert.deepEqual(await addresses.reverse(ours.local), { kind: 'sender', sender: ann });
  await clock.advance(dayMs);
  assert.deepEqual(await addresses.reverse(ours.local), { kind: 'expired' });
  assert.equal(await addresses.reverse('ann'), undefined);
});

it('a sender of ours has its tag for a week, and no second one', async () => {
  const { clock, addresses } = open();
  const tagged = (await addresses.tagged(ann))!;
  assert.ok(isReturnAddress(tagged));
  assert.equal(await addresses.tagged(tagged), undefined);
  assert.equal(await addresses.tagged({ ...ann, local: 'a'.repeat(60) }), undefined);
  await clock.advance(7 * dayMs);
  assert.deepEqual(await addresses.untagged(tagged), { kind: 'sender', sender: ann });
  await clock.advance(dayMs);
  assert.deepEqual(await addresses.untagged(tagged), { kind: 'expired' });
  assert.equal(await addresses.untagged(ann), undefined);
  assert.equal(isReturnAddress(ann), false);
});
