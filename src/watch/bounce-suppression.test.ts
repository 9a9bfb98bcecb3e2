import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { addSuppression, findSuppression } from '../policy/suppressions.ts';
import type { AttemptResult, HistoryEvent } from '../store/history.ts';
import { openInMemory } from '../store/sqlite/test-stores.ts';
import { BounceSuppression } from './bounce-suppression.ts';

const dayMs = 86_400_000;

async function world(forMs: number) {
  const test = await openInMemory();
  const { stores, clock } = test;
  const recorded: HistoryEvent[] = [];
  const suppression = new BounceSuppression({
    ...{ records: stores.records, clock, log: silentLog, forMs: () => forMs },
    history: { record: (event) => recorded.push(event) },
  });
  const attempt = async (
    reply: string,
    more: Partial<AttemptResult> = {},
    destination = 'mx:a',
  ) => {
    const result = { address: 'Gone@example.net', attempt: 1, result: 'failed', ...more } as const;
    const results = [{ ...result, reply }];
    const event = { id: 'm1', at: clock.now(), kind: 'attempt', durationMs: 1 } as const;
    suppression.note({ ...event, destination, results });
    await suppression.stop();
  };
  const find = () => findSuppression(stores.records, 'gone@example.net');
  return { test, clock, stores, recorded, attempt, find };
}

describe('an address that does not exist', () => {
  it('is suppressed for as long as the setting says, and its message tells so', async () => {
    const { test, clock, recorded, attempt, find } = await world(30 * dayMs);
    await using _ = test;
    await attempt('550 5.1.1 No such user');
    const found = await find();
    const since = clock.now();
    assert.deepEqual(found, {
      ...{ address: 'gone@example.net', reason: 'bounce', note: '550 5.1.1 No such user' },
      ...{ since, expires: since + 30 * dayMs },
    });
    assert.deepEqual(recorded, [
      {
        ...{ id: 'm1', at: since, kind: 'suppressed', address: 'Gone@example.net' },
        until: since + 30 * dayMs,
      },
    ]);
    await clock.advance(31 * dayMs);
    assert.equal(await find(), undefined);
  });

  it('is left alone for other reasons, here, or where nothing is set', async () => {
    for (const [reply, more, destination, forMs] of [
      ['550 5.1.1 No such user', {}, 'mx:a', 0],
      ['550 5.1.1 No such user', {}, 'local', dayMs],
      ['550 5.7.1 We do not like you', {}, 'mx:a', dayMs],
      ['550 5.2.2 Full', {}, 'mx:a', dayMs],
      ['550 5.1.11 New', {}, 'mx:a', dayMs],
      ['550 No such user', {}, 'mx:a', dayMs],
      ['450 5.1.1 Later', { result: 'expired' }, 'mx:a', dayMs],
    ] as const) {
      const { test, recorded, attempt, find } = await world(forMs);
      await using _ = test;
      await attempt(reply, more, destination);
      assert.equal(await find(), undefined, reply);
      assert.deepEqual(recorded, []);
    }
  });

  it('does not take the place of what an operator has said', async () => {
    const { test, clock, stores, attempt, find } = await world(dayMs);
    await using _ = test;
    const since = clock.now();
    await addSuppression(stores.records, { address: '@example.net', reason: 'manual', since });
    await attempt('550 5.1.1 No such user');
    assert.equal((await find())?.reason, 'manual');
    assert.equal(await stores.records.count('suppression'), 1);
  });
});
