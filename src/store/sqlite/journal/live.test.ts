import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { QueueTotals } from '../../queue-search.ts';
import type { QueueEntry } from '../../queue-store.ts';
import { entryOf, greatestId, leftBehind, withEntries, withinPage } from './live.ts';
import type { JournaledMessage } from './record.ts';

const idOf = (n: number): string => `0000000000${n}`;

const messageOf = (n: number, ...destinations: readonly string[]): JournaledMessage => ({
  ...{ id: idOf(n), received: n * 1000, sender: 'a@example.net', params: [], prefix: '' },
  content: { kind: 'inline', bytes: new Uint8Array(7) },
  origin: { session: 's', service: 'smtp', protocol: 'ESMTP' },
  recipients: destinations.map((destination, index) => ({
    ...{ address: `r${index}@example.org`, params: [], delivery: 'relay', destination },
  })),
});

const left = (n: number, ...destinations: readonly string[]): QueueEntry =>
  entryOf(
    leftBehind({ message: messageOf(n, ...destinations), indexes: new Set(destinations.keys()) }),
  );
const underWay = (n: number, ...destinations: readonly string[]): QueueEntry => {
  const { isUnderWay: _, ...live } = leftBehind({
    ...{ message: messageOf(n, ...destinations), indexes: new Set(destinations.keys()) },
  });
  return entryOf(live);
};
const idsIn = (entries: readonly QueueEntry[]) => entries.map(({ id }) => id);

describe('messages of the journal among those of the store', () => {
  it('are counted however many they are', () => {
    const one = left(3, 'mx:a');
    const none: QueueTotals = {
      ...{ messages: 0, recipients: 0, oldest: undefined, complete: true },
      ...{ states: { queued: 0, deferred: 0, active: 0, held: 0 }, destinations: [], replies: [] },
    };
    const { messages, oldest } = withEntries(none, new Array(200_000).fill(one));
    assert.deepEqual([messages, oldest], [200_000, 3000]);
  });

  it('of a process that is gone wait for their next attempt; others are under way', () => {
    const [stays] = left(3, 'mx:a').recipients;
    assert.deepEqual(
      { state: stays?.state, attempts: stays?.attempts, nextAttempt: stays?.nextAttempt },
      { state: 'queued', attempts: 1, nextAttempt: 3000 },
    );
    const [goes] = underWay(3, 'mx:a').recipients;
    assert.deepEqual([goes?.state, goes?.nextAttempt], ['active', undefined]);
  });

  it('the newest of both is the newest', () => {
    assert.equal(greatestId([]), undefined);
    assert.equal(greatestId([idOf(2), idOf(4), idOf(3)]), idOf(4));
  });

  const page = (from: readonly number[], next: number | null) => ({
    entries: from.map((n) => left(n, 'mx:a')),
    next: next === null ? null : idOf(next),
  });

  it('are on the page where they belong: behind what was seen, before the next, once', () => {
    const here = [1, 2, 3, 4, 6, 7].map((n) => left(n, 'mx:a'));
    const found = withinPage(page([3, 5], 6), here, { after: idOf(2), limit: 10 });
    assert.deepEqual(idsIn(found.entries), [3, 4, 5].map(idOf));
    assert.equal(found.next, idOf(6));
    const last = withinPage(page([3], null), here, { limit: 10 });
    assert.deepEqual(idsIn(last.entries), [1, 2, 3, 4, 6, 7].map(idOf));
    assert.equal(last.next, null);
  });

  it('make no page longer: what has no room is on the next', () => {
    const full = withinPage(page([1, 3], null), [left(2, 'mx:a')], { limit: 2 });
    assert.deepEqual(idsIn(full.entries), [1, 2].map(idOf));
    assert.equal(full.next, idOf(2));
    const exactly = withinPage(page([1], null), [left(2, 'mx:a')], { limit: 2 });
    assert.deepEqual(idsIn(exactly.entries), [1, 2].map(idOf));
    assert.equal(exactly.next, null);
  });

  it('are counted with them, under their state and destination', () => {
    const stored: QueueTotals = {
      ...{ messages: 1, recipients: 2, oldest: 2500, replies: [], complete: true },
      states: { queued: 1, deferred: 1, active: 0, held: 0 },
      destinations: [{ name: 'mx:b', recipients: 2 }],
    };
    assert.equal(withEntries(stored, []), stored);
    const both = withEntries(stored, [
      underWay(2, 'mx:a', 'mx:a', 'mx:b'),
      left(3, 'mx:a', 'mx:a'),
    ]);
    assert.deepEqual(both, {
      ...{ messages: 3, recipients: 7, oldest: 2000, replies: [], complete: true },
      states: { queued: 1, deferred: 3, active: 3, held: 0 },
      destinations: [
        { name: 'mx:a', recipients: 4 },
        { name: 'mx:b', recipients: 3 },
      ],
    });
    assert.equal(withEntries({ ...stored, oldest: 1500 }, [left(2, 'mx:a')]).oldest, 1500);
    assert.equal(
      withEntries({ ...stored, oldest: undefined }, [left(3, 'x'), left(2, 'x')]).oldest,
      2000,
    );
  });
});
