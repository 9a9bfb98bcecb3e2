import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reply } from '../../smtp/reply.ts';
import type { Lease } from '../../store/queue-store.ts';
import type { DeliveryResult } from '../delivery.ts';
import type { Destination } from './destination.ts';
import { Lineup, waitingMax } from './lineup.ts';

const origin = { session: 's', service: 'smtp', protocol: 'ESMTP' };
const lease = (destination: string, id = 'm', bytes: number | 'in a file' = 9): Lease => ({
  message: {
    ...{ id, received: 0, sender: '', params: [], prefix: '', origin },
    content: {
      size: 9,
      bytes: bytes === 'in a file' ? undefined : new Uint8Array(bytes),
      read: async function* () {},
    },
  },
  destination,
  recipients: [],
  expires: 0,
});
const ok: DeliveryResult = { recipients: [], health: 'ok' };
const down: DeliveryResult = {
  recipients: [{ kind: 'deferred', reply: reply(451, '4.1', 'No answer') }],
  health: 'down',
};
const limits = { connectionsPerDestination: 20, deliveries: 10, memory: 100 };
const open = (pace?: ConstructorParameters<typeof Lineup>[1]) => new Lineup(() => limits, pace);
const to = (...destinations: readonly string[]) =>
  destinations.map((destination) => ({ destination }));
const takenId = (lineup: Lineup, free: number, now = 0) => lineup.take(free, now)?.lease.message.id;

describe('what a lineup holds', () => {
  it('is counted in leases until they are taken, and in octets until they are dropped', () => {
    const lineup = open();
    for (const id of ['1', '2']) lineup.add(lease('a', id), 'fresh');
    lineup.add(lease('a', '3', 'in a file'), 'claimed');
    assert.deepEqual([lineup.waiting, lineup.bytes], [3, 18], 'a file takes no memory');
    const taken = [1, 2, 3].map(() => lineup.take(10, 0)!.lease);
    assert.deepEqual([lineup.waiting, lineup.bytes], [0, 18]);
    for (const one of taken) lineup.drop(one);
    lineup.reserve(7);
    assert.deepEqual([lineup.waiting, lineup.bytes], [0, 7]);
  });

  it('is given back for one destination, or all of it', () => {
    const lineup = open();
    const ids = (leases: readonly Lease[]) => leases.map(({ message }) => message.id);
    for (const [id, name] of ['a', 'a', 'b', 'c'].entries())
      lineup.add(lease(name, `${id}`), id === 1 ? 'claimed' : 'fresh');
    assert.deepEqual(lineup.drainOf('nobody'), []);
    assert.deepEqual(ids(lineup.drainOf('a')), ['0', '1']);
    assert.deepEqual([lineup.waiting, lineup.bytes], [2, 18]);
    assert.deepEqual(ids(lineup.drain()), ['2', '3']);
    assert.deepEqual([lineup.waiting, lineup.bytes], [0, 0]);
    assert.equal(lineup.take(10, 0), undefined);
  });
});

describe('room for what is fresh', () => {
  it('ends with the memory, to the octet', () => {
    const lineup = open();
    lineup.reserve(60);
    assert.equal(lineup.hasRoomFor(to('a'), 40), true);
    assert.equal(lineup.hasRoomFor(to('a'), 41), false);
  });

  it('ends with the leases that wait in all', () => {
    const lineup = open();
    for (let i = 0; i < waitingMax - 1; i += 1)
      lineup.add(lease(`d${i % 100}`, 'm', 'in a file'), 'fresh');
    assert.equal(lineup.hasRoomFor(to('another'), 1), true);
    lineup.add(lease('d0', 'm', 'in a file'), 'claimed');
    assert.equal(lineup.hasRoomFor(to('another'), 1), false);
  });

  it('ends with those of one destination, fewer where they wait for a rate; what was claimed does not count', () => {
    const pace = {
      allows: () => true,
      started: () => {},
      isLimited: (name: string) => name === 'paced',
      exceeded: () => undefined,
    };
    for (const [name, most] of [
      ['a', 1000],
      ['paced', 50],
    ] as const) {
      const lineup = open(pace);
      lineup.add(lease(name, 'm', 'in a file'), 'claimed');
      for (let i = 1; i < most; i += 1) lineup.add(lease(name, 'm', 'in a file'), 'fresh');
      assert.equal(lineup.hasRoomFor(to('b', name), 1), true, name);
      lineup.add(lease(name, 'm', 'in a file'), 'fresh');
      assert.equal(lineup.hasRoomFor(to('b', name), 1), false, name);
      assert.equal(lineup.hasRoomFor(to('b'), 1), true);
    }
  });
});

describe('whose turn it is', () => {
  it('destinations that never took mail leave the last fifth of the places to those that did', () => {
    const lineup = open();
    lineup.add(lease('new', 'n1'), 'fresh');
    lineup.destinations.of('old').learn(ok, 0, 0);
    lineup.add(lease('old', 'o1'), 'fresh');
    lineup.add(lease('old', 'o2'), 'fresh');
    assert.equal(takenId(lineup, 0), undefined);
    assert.equal(takenId(lineup, 1), 'o1');
    assert.equal(takenId(lineup, 2), 'o2');
    assert.equal(takenId(lineup, 2), undefined);
    assert.equal(takenId(lineup, 3), 'n1');
  });

  it('one that took mail meanwhile goes on in the other line, and stands nowhere twice', () => {
    const lineup = open();
    const started: string[] = [];
    const a = lineup.add(lease('a', 'a1'), 'fresh');
    for (const id of ['a2', 'a3']) lineup.add(lease('a', id), 'fresh');
    a.learn(ok, 0, 0);
    lineup.line(a);
    lineup.line(a);
    lineup.add(lease('b', 'b1'), 'fresh');
    for (let free = 1; free <= 4; free += 1) started.push(takenId(lineup, 10)!);
    assert.deepEqual(started, ['a1', 'a2', 'a3', 'b1']);
    assert.equal(takenId(lineup, 10), undefined);
  });

  it('one with a full window waits until an attempt of its own has ended', () => {
    const lineup = open();
    const a = lineup.add(lease('a', 'a1'), 'fresh');
    a.active = a.window;
    assert.equal(takenId(lineup, 10), undefined);
    a.active -= 1;
    assert.equal(takenId(lineup, 10), undefined, 'it has left the line');
    lineup.line(a);
    assert.equal(takenId(lineup, 10), 'a1');
    lineup.line(a);
    assert.equal(a.listed, 'none', 'nothing of it waits');
  });

  it('what waits because others have all the places is told so, and not taken for under way', () => {
    const lineup = open();
    lineup.add(lease('a', '1'), 'fresh');
    lineup.add(lease('b', '2'), 'fresh');
    const first = lineup.take(10, 0)!;
    assert.equal(first.lease.message.id, '1');
    assert.equal(lineup.take(2, 0), undefined, 'the last places are for who took mail');
    assert.deepEqual(lineup.keeping('b', '2', 0), { for: 'place' });
    assert.equal(lineup.keeping('a', '1', 0), undefined, 'it is under way');
    assert.equal(lineup.keeping('b', undefined, 0), undefined, 'of what is due nothing is known');
  });

  it('a rate holds up who has one, counts what is started, and spares what is not tried', () => {
    const started: string[] = [];
    const slow = new Set(['slow']);
    const lineup = open({
      allows: ({ name }: Destination) => !slow.has(name),
      started: ({ name }: Destination) => void started.push(name),
      isLimited: () => true,
      exceeded: () => undefined,
    });
    const one = lineup.add(lease('slow', 's1'), 'fresh');
    lineup.add(lease('dead', 'd1'), 'fresh');
    const dead = lineup.destinations.of('dead');
    dead.learn(down, 0, 0);
    slow.add('dead');
    lineup.add(lease('free', 'f1'), 'fresh');
    assert.equal(takenId(lineup, 10, 1), 'd1', 'it is answered from memory, at no rate');
    assert.equal(takenId(lineup, 10, 1), 'f1');
    assert.equal(takenId(lineup, 10, 1), undefined);
    assert.deepEqual([started, lineup.waiting], [['free'], 1]);
    slow.delete('slow');
    lineup.line(one);
    assert.equal(takenId(lineup, 10, 1), 's1');
    assert.deepEqual(started, ['free', 'slow']);
  });
});
