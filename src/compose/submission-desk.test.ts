import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { HandIn } from '../receive/hand-in.ts';
import { openInMemory } from '../store/sqlite/test-stores.ts';
import { Submissions } from './submission-desk.ts';

it('a message and the key that it was asked by are put together: what was taken is not taken again', async () => {
  await using test = await openInMemory();
  const { records } = test.stores;
  const taken: HandIn[] = [];
  const submissions = new Submissions({
    // It has no other way to put a record than with the message.
    records: { get: (...asked) => records.get(...asked) },
    clock: test.clock,
    accountOf: async (address) => address,
    messageBytesMax: () => 1000,
    async handIn(message) {
      taken.push(message);
      const one = { id: 'Q1', messageId: undefined, accepted: ['bob@example.org'], rejected: [] };
      await records.put([...(message.records?.(one) ?? [])]);
      return one;
    },
  });
  const mail = { from: 'ann@example.org', to: 'bob@example.org', text: 'Hello' };
  const sent = { id: 'Q1', messageId: '', accepted: ['bob@example.org'], rejected: [] };
  for (let i = 0; i < 2; i += 1)
    assert.deepEqual(await submissions.submit({ ...mail, idempotencyKey: 'k' }), sent);
  assert.equal(taken.length, 1);
  await submissions.submit(mail);
  assert.equal(taken.length, 2);
});
