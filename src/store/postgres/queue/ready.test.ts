// What is learnt while the database is asked what is due is newer than its answer, or may be.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import type { Row } from '../../row.ts';
import type { ReadyParts } from './ready.ts';
import { Ready } from './ready.ts';

function setUp() {
  const asked: PromiseWithResolvers<readonly Row[]>[] = [];
  const database = {
    rows: () => {
      const one = Promise.withResolvers<readonly Row[]>();
      asked.push(one);
      return one.promise;
    },
  };
  const signals = { send: () => {}, listen: () => () => {} };
  const parts = { database, signals, clock: new FakeClock(), expire: async () => {} };
  const ready = new Ready(parts as unknown as ReadyParts);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const row = (destination: string) => ({ destination, priority: 0, at: 5 });
  return { asked, ready, turn, row };
}

describe('what is due, while it is asked for', () => {
  it('has what was added meanwhile', async () => {
    const { asked, ready, turn, row } = setUp();
    const schedule = ready.schedule();
    await turn();
    ready.add([row('mx:new')]);
    asked[0]!.resolve([row('mx:old')]);
    assert.deepEqual((await schedule).dueAt(5, new Set(), 10).toSorted(), ['mx:new', 'mx:old']);
  });

  it('is asked for again when it was forgotten meanwhile', async () => {
    const { asked, ready, turn, row } = setUp();
    const schedule = ready.schedule();
    await turn();
    ready.changed();
    asked[0]!.resolve([]);
    await turn();
    asked[1]!.resolve([row('mx:given-back')]);
    assert.deepEqual((await schedule).dueAt(5, new Set(), 10), ['mx:given-back']);
    assert.equal(asked.length, 2);
  });
});
