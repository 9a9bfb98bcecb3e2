import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import type { StoredRecord } from '../../store/record-store.ts';
import { noRules } from './account-rules.ts';
import { RuleBook } from './rule-book.ts';

const ann = 'ann@example.org';
const rules = { filters: [], forward: { to: ['x@far.test'], keepCopy: true } };

function book() {
  const clock = new FakeClock();
  const kept = new Map<string, StoredRecord>();
  let asked = 0;
  /** What a look at the store waits for. */
  let gate: Promise<void> | undefined;
  const records = {
    async get(_: string, key: string) {
      asked += 1;
      const found = kept.get(key);
      await gate;
      return found;
    },
    put: async (given: readonly StoredRecord[]) => {
      for (const one of given) kept.set(one.key, one);
    },
    remove: async (_: string, keys: readonly string[]) => {
      for (const key of keys) kept.delete(key);
    },
  };
  return {
    ...{ clock, kept, rules: new RuleBook({ records, clock }) },
    asked: () => asked,
    wait(until: Promise<void>) {
      gate = until;
    },
  };
}

describe('RuleBook', () => {
  it('looks into the store once in a while, not for each message', async () => {
    const { rules: book_, asked, clock } = book();
    for (let i = 0; i < 100; i += 1) assert.equal(await book_.of(ann), undefined);
    assert.equal(asked(), 1);
    await clock.advance(60_000);
    await book_.of(ann);
    assert.equal(asked(), 2, 'another process may have changed them');
  });

  it('a change is in force for the next message, and none leaves nothing behind', async () => {
    const { rules: book_, kept } = book();
    await book_.of(ann);
    await book_.set('Ann@Example.org', rules);
    assert.deepEqual(await book_.of(ann), rules);
    await book_.set(ann, noRules);
    assert.equal(await book_.of(ann), undefined);
    assert.equal(kept.size, 0);
  });

  it('what was looked up before a change is not believed after it', async () => {
    const { rules: book_, wait } = book();
    const gate = Promise.withResolvers<void>();
    wait(gate.promise);
    const old = book_.of(ann);
    await book_.set(ann, rules);
    gate.resolve();
    assert.equal(await old, undefined);
    assert.deepEqual(await book_.of(ann), rules);
  });
});
