import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reply } from '../../smtp/reply.ts';
import type { Lease } from '../../store/queue-store.ts';
import type { DeliveryResult } from '../delivery.ts';
import { Destination } from './destination.ts';
import { Lineup } from './lineup.ts';

const content = { size: 9, bytes: new Uint8Array(9), read: async function* () {} };
const origin = { session: 's', service: 'smtp', protocol: 'ESMTP' };
const lease = (destination: string, id = 'm'): Lease => ({
  message: { id, received: 0, sender: '', params: [], prefix: '', content, origin },
  destination,
  recipients: [],
  expires: 0,
});
const ok: DeliveryResult = { recipients: [], health: 'ok' };
const busy: DeliveryResult = { recipients: [], health: 'busy' };
const down: DeliveryResult = {
  recipients: [{ kind: 'deferred', reply: reply(451, '4.1', 'No answer') }],
  health: 'down',
};
const limits = () => ({ connectionsPerDestination: 20, deliveries: 10, memory: 2 ** 20 });

describe('Destination', () => {
  it('opens its window by one with each success, up to the limit', () => {
    const destination = new Destination('a', limits);
    assert.equal(destination.window, 10);
    for (let i = 0; i < 30; i += 1) destination.learn(ok, 0, 0);
    assert.equal(destination.window, 20);
  });

  it('halves its window when the destination wants less, down to one', () => {
    const destination = new Destination('a', limits);
    const windows = [1, 2, 3, 4, 5].map(() => {
      destination.learn(busy, 0, 0);
      return destination.window;
    });
    assert.deepEqual(windows, [5, 2, 1, 1, 1]);
    assert.equal(destination.isDead(0), false);
  });

  it('is dead at once when it never worked, and longer each time', () => {
    const destination = new Destination('a', limits);
    const deadMs: number[] = [];
    let now = 0;
    for (let i = 0; i < 8; i += 1) {
      destination.learn(down, now, 0.5);
      destination.learn(down, now, 0.5); // under way with the first: no second failure
      assert.ok(destination.isDead(now));
      deadMs.push(destination.deadUntil! - now);
      now = destination.deadUntil!;
    }
    assert.deepEqual(
      deadMs.map((ms) => ms / 60_000),
      [1, 2, 4, 8, 15, 15, 15, 15],
    );
    assert.equal(destination.lastFailure?.reply.lines[0], 'No answer');
    destination.learn(ok, now, 0.5);
    assert.deepEqual([destination.isDead(now), destination.deadUntil], [false, undefined]);
  });

  it('is not dead because one attempt among many did not reach it', () => {
    const destination = new Destination('a', limits);
    destination.learn(ok, 0, 0);
    destination.learn(down, 1, 0);
    assert.deepEqual([destination.isDead(1), destination.window], [false, 5]);
    for (let i = 0; i < 3; i += 1) destination.learn(down, 1, 0);
    assert.ok(destination.isDead(1));
  });
});

describe('Lineup', () => {
  const take = (lineup: Lineup, free: number) => {
    const next = lineup.take(free, 0);
    if (next !== undefined) next.destination.active += 1;
    return next?.lease.message.id;
  };

  it('lets destinations take turns, and fresh mail with mail from the queue', () => {
    const lineup = new Lineup(limits);
    for (let i = 0; i < 3; i += 1) lineup.add(lease('a', `a${i}`), 'claimed');
    lineup.add(lease('b', 'b0'), 'claimed');
    for (let i = 0; i < 2; i += 1) lineup.add(lease('a', `fresh${i}`), 'fresh');
    const order = Array.from({ length: 7 }, () => take(lineup, 10));
    assert.deepEqual(order, ['fresh0', 'b0', 'a0', 'fresh1', 'a1', 'a2', undefined]);
    assert.equal(lineup.waiting, 0);
  });

  it('keeps the last places for destinations that took mail before', () => {
    const lineup = new Lineup(limits);
    lineup.destinations.of('good').learn(ok, 0, 0);
    for (let i = 0; i < 3; i += 1) lineup.add(lease(`silent${i}`, `silent${i}`), 'fresh');
    lineup.add(lease('good', 'good'), 'fresh');
    assert.deepEqual(
      [take(lineup, 2), take(lineup, 1), take(lineup, 1)],
      ['good', undefined, undefined],
    );
    assert.equal(take(lineup, 3), 'silent0');
  });

  it('starts no more than a window, and goes on when an attempt has ended', () => {
    const lineup = new Lineup(limits);
    for (let i = 0; i < 12; i += 1) lineup.add(lease('a', `a${i}`), 'fresh');
    const started = Array.from({ length: 12 }, () => take(lineup, 10));
    assert.equal(started.filter((id) => id !== undefined).length, 10);
    const destination = lineup.destinations.of('a');
    destination.active -= 1;
    lineup.line(destination);
    assert.deepEqual([take(lineup, 10), take(lineup, 10)], ['a10', undefined]);
  });

  it('knows how much content it keeps in memory', () => {
    const lineup = new Lineup(limits);
    lineup.add(lease('a'), 'fresh');
    lineup.add(lease('a'), 'claimed');
    assert.equal(lineup.bytes, 18);
    const next = lineup.take(10, 0)!;
    assert.equal(lineup.bytes, 18);
    lineup.drop(next.lease);
    assert.equal(lineup.bytes, 9);
    assert.deepEqual([lineup.drain().length, lineup.bytes, lineup.waiting], [1, 0, 0]);
  });

  it('forgets destinations that nothing goes on at', () => {
    const lineup = new Lineup(limits);
    lineup.add(lease('kept'), 'fresh');
    for (let i = 0; i < 25_000; i += 1) lineup.destinations.of(`d${i}`);
    const names = [...lineup.destinations.values()].map(({ name }) => name);
    assert.ok(names.length <= 10_000);
    assert.ok(names.includes('kept'));
  });
});
