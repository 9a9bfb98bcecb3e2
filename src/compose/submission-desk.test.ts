import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { HandIn } from '../receive/hand-in.ts';
import { HandInRefused } from '../receive/hand-in.ts';
import { replies } from '../smtp/reply.ts';
import { openInMemory } from '../store/sqlite/test-stores.ts';
import { Submissions } from './submission-desk.ts';

it('what another node takes meanwhile under the same key is answered as that one was, and not taken twice', async () => {
  await using test = await openInMemory();
  const { records } = test.stores;
  let taken = 0;
  const node = () =>
    new Submissions({
      records,
      clock: test.clock,
      accountOf: async (address) => address,
      messageBytesMax: () => 1000,
      async handIn(message) {
        taken += 1;
        const one = { id: `Q${taken}`, messageId: undefined, accepted: [], rejected: [] };
        const [record] = message.records?.(one) ?? [];
        // As the queue of a shared store does.
        if (record !== undefined && !(await records.replace(record, undefined)))
          throw new HandInRefused(replies.localError);
        return one;
      },
    });
  const mail = { from: 'ann@example.org', to: 'bob@example.org', text: 'x', idempotencyKey: 'k' };
  const [one, other] = await Promise.all([node().submit(mail), node().submit(mail)]);
  assert.equal(taken, 2, 'both began');
  assert.deepEqual(one, other);
});

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
