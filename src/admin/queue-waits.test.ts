// What lies in the queue though its time has come: `queue list`, `queue show`, `why` and the console say what keeps it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeliveryResult } from '../queue/delivery.ts';
import { storiesOf } from '../queue/story/story.ts';
import { later, minute, results, world } from '../queue/test-world.ts';
import { MemoryDisk } from '../store/sqlite/stores.ts';
import { Destinations } from '../watch/destination-desk.ts';
import { destinationOperations } from './destinations.ts';
import type { OperationParts } from './operation-parts.ts';
import { queueOperations } from './queue.ts';

const rateOf = (destination: string) =>
  destination === 'mx:slow.test' ? { count: 2, perMs: minute } : undefined;

async function open() {
  const opened = await world({}, new MemoryDisk(), rateOf);
  const { stores, runner, clock, parts: queueParts } = opened;
  const destinations = new Destinations({
    ...{ store: stores.queue, runner, records: stores.records, clock },
  });
  const parts = {
    ...stores,
    ...{ clock, server: { destinations } },
    storiesOf: (id: string) => storiesOf(queueParts, id),
  } as unknown as OperationParts;
  const one = async (id: string) =>
    (await queueOperations.queueShow.run(parts, { id })).recipients[0]!;
  const waits = async (id: string) => (await one(id)).waits;
  const why = async (id: string) => (await queueOperations.why.run(parts, { id })).text;
  const destination = async () =>
    (await destinationOperations.destinationList.run(parts, {})).destinations[0]!;
  return { ...opened, destinations, one, waits, why, destination };
}

describe('why nothing is attempted though its time has come', () => {
  it('a rate: said of what waits in memory and of what waits in the store, with when the next goes', async () => {
    const { submit, one, waits, why, destination } = await open();
    const ids: string[] = [];
    for (let i = 0; i < 60; i += 1) ids.push(await submit([`a${i}@slow.test`]));
    const text =
      'at most 2 in 1m go there (rateLimits.perDestination), the next at 2026-01-01T00:00:30.000Z';
    assert.deepEqual(
      [(await one(ids[2]!)).state, (await one(ids[59]!)).state],
      ['active', 'queued'],
    );
    for (const id of [ids[2]!, ids[59]!]) {
      assert.equal(await waits(id), text);
      assert.match(
        await why(id),
        /<a\d+@slow.test> waits, 0 attempts\n {8}at most 2 in 1m go there/,
      );
    }
    assert.equal((await destination()).waits, text);
  });

  it('other attempts; nothing is said of those themselves, nor of what waits for its time', async () => {
    const { submit, waits, remote, one, clock, attempts, why } = await open();
    const answers: ((result: DeliveryResult) => void)[] = [];
    remote.answer = () => new Promise((resolve) => answers.push(resolve));
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.push(await submit([`a${i}@busy.test`]));
    assert.equal(await waits(ids[0]!), null);
    assert.equal(await waits(ids[4]!), '4 under way there, no more at present');
    const timed = await submit(['b@busy.test'], {
      ...{ params: [`HOLDUNTIL=${new Date(clock.now() + minute).toISOString()}`] },
    });
    assert.equal((await one(timed)).state, 'queued');
    assert.equal(await waits(timed), null);
    answers[0]!(results(attempts[0]!, later));
    await clock.advance(0);
    assert.equal(await waits(ids[4]!), null);
    assert.match(await why(ids[4]!), /active, 1 attempt/);
  });

  it('a destination that is held', async () => {
    const { submit, waits, destinations } = await open();
    await destinations.hold('mx:held.test');
    assert.equal(await waits(await submit(['a@held.test'])), 'its destination is held');
  });
});
