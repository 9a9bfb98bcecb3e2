import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Lease } from '../../store/queue-store.ts';
import { priorityLevelMs } from '../../store/queue-store.ts';
import { Destination } from './destination.ts';
import { LeaseLine } from './lease-line.ts';

const lease = (id: string, received = 0, priority = 0): Lease =>
  ({
    message: { id, received, params: priority === 0 ? [] : [`MT-PRIORITY=${priority}`] },
  }) as unknown as Lease;

const ids = (line: { shift(): Lease | undefined }): string => {
  const order: string[] = [];
  for (let next = line.shift(); next !== undefined; next = line.shift())
    order.push(next.message.id);
  return order.join(' ');
};

describe('the line of a destination', () => {
  it('first in, first out for mail that asks for nothing, whatever the clock said', () => {
    const line = new LeaseLine();
    for (const [id, received] of [
      ['a', 5],
      ['b', 3],
      ['c', 9],
    ] as const)
      line.push(lease(id, received));
    assert.equal(line.length, 3);
    assert.equal(ids(line), 'a b c');
    assert.equal(line.length, 0);
  });

  it('RFC 6710 §5.1: higher priorities first, within a level in order', () => {
    const line = new LeaseLine();
    for (const [id, priority] of [
      ['a', 0],
      ['b', -3],
      ['c', 4],
      ['d', 4],
      ['e', 9],
    ] as const)
      line.push(lease(id, 0, priority));
    assert.equal(ids(line), 'e c d a b');
  });

  it('a level counts like so much waiting, so that nothing waits for ever', () => {
    const line = new LeaseLine();
    line.push(lease('late', 0, -2));
    line.push(lease('a', 2 * priorityLevelMs - 1));
    line.push(lease('b', 2 * priorityLevelMs + 1));
    assert.equal(ids(line), 'a late b');
  });

  it('drains all levels', () => {
    const line = new LeaseLine();
    line.push(lease('a', 0, 1));
    line.push(lease('b'));
    assert.equal(line.drain().length, 2);
    assert.equal(line.length, 0);
    assert.equal(line.shift(), undefined);
  });

  it('RFC 6710 §5.1: what is urgent goes before fresh mail, and before mail from the queue', () => {
    const destination = new Destination('mx:example.net', () => ({ connectionsPerDestination: 9 }));
    destination.fresh.push(lease('f1'));
    destination.fresh.push(lease('f2', 0, 5));
    destination.claimed.push(lease('c1', 0, -1));
    destination.claimed.push(lease('c2'));
    assert.equal(ids(destination), 'f2 f1 c2 c1');
    destination.fresh.push(lease('f1', 0, 1));
    destination.claimed.push(lease('c1', 0, 2));
    assert.equal(ids(destination), 'c1 f1');
  });
});
