// Holds over a store that answers when the test says so: what is known of an account while its hold is on its way.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import type { StoredRecord } from '../../store/record-store.ts';
import { AccountHolds, heldAccounts, releaseAccount } from './account-holds.ts';

const ann = 'ann@example.org';
const hold = { account: ann, reason: 'more than 3 messages in 1h', since: 1, until: 9_000_000 };

function open() {
  const kept = new Map<string, StoredRecord>();
  const asked: string[] = [];
  /** What the store is asked for waits until its turn comes. */
  let turn: Promise<unknown> | undefined;
  const clock = new FakeClock();
  const holds = new AccountHolds({
    clock,
    records: {
      async get(_, key) {
        asked.push(key);
        const found = kept.get(key);
        await turn;
        return found;
      },
      async put(records) {
        await turn;
        for (const one of records) kept.set(one.key, one);
      },
    },
  });
  return { clock, holds, asked, wait: (until: Promise<unknown>) => (turn = until) };
}

it('a hold is in force at once, and the second one for the same account is told that there is one', async () => {
  const { holds, wait } = open();
  const store = Promise.withResolvers<void>();
  wait(store.promise);
  const first = holds.hold(hold);
  assert.deepEqual(await holds.of(ann), hold);
  assert.equal(await holds.hold({ ...hold, reason: 'another' }), false);
  store.resolve();
  assert.equal(await first, true);
  assert.deepEqual(await holds.of(ann), hold);
});

it('an answer that was asked for before a hold does not set the account free', async () => {
  const { holds, wait } = open();
  const store = Promise.withResolvers<void>();
  wait(store.promise);
  const asked = holds.of(ann);
  const held = holds.hold(hold);
  store.resolve();
  assert.deepEqual(await asked, hold);
  await held;
  assert.deepEqual(await holds.of(ann), hold);
});

it('that an account is free is believed for five seconds, and until it is held', async () => {
  const { holds, asked, clock } = open();
  assert.equal(await holds.of(ann), undefined);
  await clock.advance(4_999);
  assert.equal(await holds.of(ann), undefined);
  assert.equal(asked.length, 1);
  await clock.advance(1);
  assert.equal(await holds.of(ann), undefined);
  assert.equal(asked.length, 2);
  await holds.hold(hold);
  assert.deepEqual(await holds.of(ann), hold);
});

it('a hold that could not be kept is none, and may be tried again', async () => {
  const { holds, wait } = open();
  wait(Promise.reject(new Error('full')));
  await assert.rejects(holds.hold(hold), /full/);
  wait(Promise.resolve());
  assert.equal(await holds.of(ann), undefined);
  assert.equal(await holds.hold(hold), true);
});

it('one without an end lasts until it is released', async () => {
  const records = new Map([[ann, { reason: 'x', since: 1 }]]);
  const store = {
    get: async (kind: string, key: string) =>
      records.has(key) ? { kind, key, value: JSON.stringify(records.get(key)) } : undefined,
    list: async (kind: string) =>
      [...records].map(([key, value]) => ({ kind, key, value: JSON.stringify(value) })),
    remove: async (_: string, keys: readonly string[]) => {
      for (const key of keys) records.delete(key);
    },
  };
  assert.deepEqual(
    [...(await heldAccounts(store)).values()],
    [{ account: ann, reason: 'x', since: 1, until: Number.POSITIVE_INFINITY }],
  );
  assert.equal(await releaseAccount(store, 'bob@example.org'), false);
  assert.equal(await releaseAccount(store, ann), true);
  assert.equal((await heldAccounts(store)).size, 0);
});
