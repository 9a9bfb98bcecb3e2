// What an operator finds in the queue: the same, whatever looks for it.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { queueEntries } from '../queue-entries.ts';
import { isFound } from '../queue-filter.ts';
import type { QueueFilter } from '../queue-search.ts';
import { queueStates } from '../queue-search.ts';
import type { Outcome, QueueStore } from '../queue-store.ts';
import type { OpenTestStores } from './harness.ts';
import { at, collected, deferred, message, settlement } from './harness.ts';

/** Messages in every state, to several destinations, from several senders, among them the null one. */
async function fill(queue: QueueStore): Promise<void> {
  const senders = ['ann@example.org', 'Bob_1@Example.com', '', 'a%b@example.org'];
  for (let i = 0; i < 24; i += 1) {
    const recipients = [
      at(`user${i % 3}@example.net`, 'mx:example.net'),
      ...(i % 4 === 0 ? [at('list@Sub.Example.net', 'mx:sub.example.net')] : []),
    ];
    const given = {
      sender: senders[i % 4]!,
      received: 1000 + i,
      messageId: `<${i}.x@host>`,
      recipients,
    };
    await queue.enqueue(message(`m${100 + i}`, given), { leaseUntil: undefined });
  }
  const everything = { now: 5000, limit: 8, perDestination: 8, skip: new Set<string>() };
  for (const lease of await queue.claim({ ...everything, leaseMs: 60_000 }))
    await queue.settle(settlement(lease, deferred(90_000)));
  await queue.claim({ ...everything, limit: 4, leaseMs: 60_000 });
  await queue.hold(['m110', 'm117', 'm123']);
}

const filters: readonly QueueFilter[] = [
  {},
  { sender: 'ANN@example.org' },
  { sender: '' },
  { sender: '@example.com' },
  { sender: 'bob_1@example.com', recipient: 'user1@example.net' },
  { recipient: '@example.net' },
  { recipient: '@SUB.example.net', state: 'queued' },
  { destination: 'mx:sub.example.net' },
  { destination: 'mx:example' },
  { text: 'user1' },
  { text: 'AGAIN LATER' },
  { text: '%' },
  { text: '_' },
  { text: '5.x@', sender: '@example.com' },
  { text: 'later', destination: 'mx:example.net', since: 1003 },
  { since: 1005, until: 1009 },
  { sender: 'nobody@example.org' },
  ...queueStates.map((state) => ({ state })),
];

/** Page by page; all but the last are full. */
async function idsFound(queue: QueueStore, filter: QueueFilter, limit: number): Promise<string[]> {
  const found: string[] = [];
  for (let after: string | undefined; ; ) {
    const { entries, next } = await queue.search(filter, { after, limit });
    found.push(...entries.map(({ id }) => id));
    if (next === null) return found;
    assert.equal(entries.length, limit);
    after = next;
  }
}

export function testSearch(open: OpenTestStores): void {
  it('finds what a filter holds for, in pages, and counts it', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await fill(queue);
    const all = await collected(queueEntries(queue));
    for (const filter of filters) {
      const expected = all.filter((entry) => isFound(entry, filter));
      const about = JSON.stringify(filter);
      assert.deepEqual(
        await idsFound(queue, filter, 5),
        expected.map(({ id }) => id),
        about,
      );
      const totals = await queue.totals(filter);
      assert.equal(totals.messages, expected.length, about);
      assert.equal(totals.oldest, expected[0]?.received, about);
    }
  });

  it('gives shorter pages where recipients are many, and leaves nothing out', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const recipients = Array.from({ length: 1500 }, (_, i) => at(`r${i}@example.net`, 'mx:a'));
    const ids = ['m1', 'm2', 'm3', 'm4', 'm5'];
    for (const id of ids)
      await queue.enqueue(message(id, { recipients }), { leaseUntil: undefined });
    const { entries, next } = await queue.search({}, { limit: 100 });
    assert.deepEqual([entries.length, next], [2, 'm2']);
    assert.deepEqual(
      (await collected(queueEntries(queue))).map((entry) => [entry.id, entry.recipients.length]),
      ids.map((id) => [id, 1500]),
    );
  });

  it('counts recipients by state, destination and reply', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await fill(queue);
    const totals = await queue.totals({});
    const count = (wanted: (one: { state: string; attempts: number }) => boolean) =>
      collected(queueEntries(queue)).then(
        (all) => all.flatMap(({ recipients }) => recipients).filter(wanted).length,
      );
    assert.equal(totals.recipients, 30);
    assert.equal(await queue.recipientCount(), 30);
    assert.equal(totals.states.held, await count(({ state }) => state === 'held'));
    assert.equal(totals.states.active, await count(({ state }) => state === 'active'));
    assert.equal(
      totals.states.deferred,
      await count(({ state, attempts }) => state === 'queued' && attempts > 0),
    );
    assert.deepEqual(totals.destinations, [
      { name: 'mx:example.net', recipients: 24 },
      { name: 'mx:sub.example.net', recipients: 6 },
    ]);
    assert.deepEqual(totals.replies, [
      { reply: deferredReply, recipients: totals.states.deferred },
    ]);
  });

  it('finds what is under way from its birth among what waits, in order', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const recipients = [at('a@a.test', 'mx:a'), at('b@b.test', 'mx:b')];
    for (const [i, leaseUntil] of [5000, undefined, 5000, undefined, 5000].entries())
      await queue.enqueue(message(`m${i}`, { received: 1000 + i, recipients }), { leaseUntil });
    for (const limit of [1, 2, 3, 5])
      assert.deepEqual(await idsFound(queue, {}, limit), ['m0', 'm1', 'm2', 'm3', 'm4']);
    const { messages, recipients: of, oldest, destinations } = await queue.totals({ text: 'b@b' });
    assert.deepEqual([messages, of, oldest], [5, 5, 1000]);
    assert.deepEqual(destinations, [{ name: 'mx:b', recipients: 5 }]);
  });

  it('sends single messages another way, but not what is under way', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await fill(queue);
    const elsewhere = { delivery: 'relay', destination: 'by-hand:192.0.2.1:25' } as const;
    const active = (await queue.search({ state: 'active' }, { limit: 1 })).entries[0]!;
    const ids = ['m120', active.id];
    const waiting = active.recipients.filter(({ state }) => state !== 'active').length;
    assert.equal(await queue.rerouteSome(ids, () => elsewhere), 2 + waiting);
    const { entries } = await queue.search({ destination: elsewhere.destination }, { limit: 9 });
    assert.equal(entries.at(-1)?.id, 'm120');
  });
}

export function testCounts(open: OpenTestStores): void {
  it('what is counted is what there is, whatever was done to it', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const isCounted = async (about: string) => {
      const all = (await collected(queueEntries(queue))).flatMap(({ recipients }) => recipients);
      const byDestination = Map.groupBy(all, ({ destination }) => destination);
      const totals = await queue.totals({});
      const stateOf = ({ state, attempts }: (typeof all)[number]) =>
        state === 'queued' && attempts > 0 ? 'deferred' : state;
      for (const state of queueStates)
        assert.equal(
          totals.states[state],
          all.filter((one) => stateOf(one) === state).length,
          about,
        );
      const replies = all.filter(({ lastReply }) => lastReply !== undefined).length;
      assert.equal(
        totals.replies.reduce((sum, { recipients }) => sum + recipients, 0),
        replies,
        about,
      );
      const backlogs = await queue.backlogs();
      const held = (of: typeof all) => of.filter(({ state }) => state === 'held').length;
      assert.deepEqual(
        new Map(backlogs.map(({ destination, ...one }) => [destination, one])),
        new Map(
          [...byDestination].map(([name, of]) => [name, { recipients: of.length, held: held(of) }]),
        ),
        about,
      );
    };
    await fill(queue);
    await isCounted('filled');
    const waiting = (await collected(queueEntries(queue)))
      .flatMap(({ recipients }) => recipients)
      .filter(({ destination }) => destination === 'mx:sub.example.net')
      .flatMap(({ nextAttempt }) => nextAttempt ?? []);
    assert.deepEqual(await queue.backlogTimes(['mx:sub.example.net', 'mx:nowhere']), [
      { oldest: 1000, nextAttempt: Math.min(...waiting) },
      {},
    ]);
    const everything = { now: 95_000, limit: 50, perDestination: 50, skip: new Set<string>() };
    const leases = await queue.claim({ ...everything, leaseMs: 60_000 });
    await isCounted('claimed');
    for (const [i, lease] of leases.entries())
      if (i % 3 === 0) await queue.settle(settlement(lease, { kind: 'delivered' }));
      else if (i % 3 === 1) await queue.settle(settlement(lease, awayUntil(200_000)));
      else await queue.release([lease]);
    await isCounted('settled');
    const ids = (await collected(queueEntries(queue))).map(({ id }) => id);
    await queue.hold(ids.slice(0, 5));
    await queue.unhold(ids.slice(3, 9), 100_000);
    await queue.rerouteSome(ids.slice(4, 7), () => ({ delivery: 'relay', destination: 'mx:new' }));
    await isCounted('held and sent another way');
    for (const lease of await queue.take(ids[0]!, { now: 100_000, leaseMs: 1000 }))
      await queue.settle(settlement(lease, { kind: 'failed' }));
    await isCounted('taken out');
  });

  it('what is kept needs no time', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await fill(queue);
    for (const filter of [{}, { state: 'held' }] as const)
      assert.deepEqual(await queue.totals(filter, { withinMs: 0 }), await queue.totals(filter));
  });
}

const awayUntil = (until: number): Outcome => {
  const reply = { code: 452, detail: '4.2', lines: ['Away'] } as const;
  return { kind: 'deferred', until, reply };
};

const deferredReply = { code: 451, detail: '4.1', lines: ['Try again later'] };
