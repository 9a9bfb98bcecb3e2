// What QueueRunner.submit() promises: what is durable, what of it is attempted when, and for whom there is room.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StorageError } from '../smtp/smtp-error.ts';
import type { Lease, NewMessage, NewRecipient, RoomAsked } from '../store/queue-store.ts';
import type { DeliveryResult } from './delivery.ts';
import { hour, minute, results, taken, text, to, world } from './test-world.ts';

const inline = (octets: number) => ({ kind: 'inline', bytes: Buffer.alloc(octets, 'x') }) as const;

describe('submit', () => {
  it('what is held waits until somebody lets it go', async () => {
    const { submit, clock, tried, stores, runner } = await world();
    const id = await submit(['bob@a.example'], { held: true });
    await clock.advance(2 * hour);
    assert.deepEqual(tried(), []);
    await stores.queue.unhold([id], clock.now());
    runner.wake();
    await clock.advance(0);
    assert.deepEqual(tried(), ['bob@a.example 1']);
  });

  it('what memory has no room for goes by way of the store, at once', async () => {
    const { submit, attempts, runner, left } = await world({ memory: 20 });
    const content = inline(21);
    await submit(['bob@a.example'], { content });
    assert.equal(attempts.length, 1);
    assert.notEqual(attempts[0]!.message.content.bytes, content.bytes);
    assert.deepEqual([await left(), runner.facts.memoryBytes], [0, 0]);
  });

  it('content on its way into the store has its part of the memory', async () => {
    const { submit, attempts } = await world({ memory: 30 });
    const contents = [inline(20), inline(20)];
    await Promise.all(contents.map((content) => submit(['bob@a.example'], { content })));
    const same = attempts.map(({ message: { content } }) =>
      contents.some(({ bytes }) => bytes === content.bytes),
    );
    assert.deepEqual(same, [true, false]);
  });

  it('ten thousand wait in memory at the most, however small they are', async () => {
    const { submit, remote, runner } = await world({ deliveries: 1 });
    remote.answer = () => new Promise<DeliveryResult>(() => {});
    await submit(Array.from({ length: 10_001 }, (_, i) => `bob@${i}.example`));
    assert.equal(runner.facts.waiting, 10_000, 'and one is under way');
    await submit(['eve@a.example']);
    assert.equal(runner.facts.waiting, 10_000);
  });

  it('what has waited in memory for too long is given back, and takes no room there any more', async () => {
    const { submit, remote, runner, clock, left, tried } = await world({
      connectionsPerDestination: 1,
    });
    const stuck = (lease: Lease) => lease.recipients[0]!.attempt === 1 && tried().length < 3;
    remote.answer = (lease) =>
      stuck(lease) ? new Promise<DeliveryResult>(() => {}) : results(lease, taken);
    for (const name of ['bob', 'eve', 'joe']) await submit([`${name}@a.example`]);
    await clock.advance(3 * hour);
    assert.deepEqual([await left(), runner.facts.memoryBytes], [0, 0]);
  });

  it('the store is seen to work again also while there is no room for what it has', async () => {
    const { submit, remote, runner, clock, stores } = await world({ deliveries: 2 });
    const { queue } = stores;
    remote.answer = () => new Promise<DeliveryResult>(() => {});
    await submit(['bob@a.example']);
    const claim = queue.claim.bind(queue);
    const asked = Promise.withResolvers<void>();
    queue.claim = async () => {
      await asked.promise;
      throw new StorageError('full');
    };
    runner.wake();
    await submit(['eve@b.example']);
    asked.resolve();
    await clock.advance(0);
    assert.deepEqual([runner.facts.storeFailing, runner.facts.active], [true, 2]);
    queue.claim = claim;
    await clock.advance(minute);
    assert.deepEqual([runner.facts.storeFailing, runner.facts.active], [false, 2]);
  });

  it('the next attempt does not wait until what came of the last one is recorded', async () => {
    const { submit, attempts, runner, clock, stores } = await world({ deliveries: 1 });
    const { queue } = stores;
    const settle = queue.settle.bind(queue);
    const asked = Promise.withResolvers<void>();
    queue.settle = async (settlement) => {
      await asked.promise;
      return settle(settlement);
    };
    await submit(['bob@a.example', 'eve@b.example']);
    assert.deepEqual([attempts.length, runner.facts.unrecorded], [2, 2]);
    asked.resolve();
    await clock.advance(0);
    assert.equal(runner.facts.unrecorded, 0);
  });

  it('nothing new waits in memory while outcomes cannot be recorded', async () => {
    const { submit, faults, runner, clock, left } = await world();
    faults.next = (operations) => (operations.includes('settle') ? 'full' : undefined);
    await submit(['bob@a.example']);
    await submit(['eve@a.example']);
    assert.deepEqual([runner.facts.storeFailing, runner.facts.waiting], [true, 0]);
    faults.next = () => undefined;
    await clock.advance(hour);
    assert.equal(await left(), 0);
  });
});

describe('submit with room asked for', () => {
  const here = (name: string, more: Partial<NewRecipient> = {}) =>
    to(`${name}@example.org`, { delivery: 'local', destination: 'local', ...more });

  /** Everybody named `full…` needs more than there is; each recipient has a reply of its own. */
  async function submitWithRoom(
    recipients: readonly NewRecipient[],
    more: Partial<NewMessage> = {},
  ) {
    const made = await world();
    const { runner, clock, parts } = made;
    const room: RoomAsked = {
      quota: { bytes: 1000, messages: 10 },
      needs: recipients.map(({ address }) => ({
        account: address,
        bytes: address.startsWith('full') ? 1001 : 10,
      })),
      replies: recipients.map((_, index) => [index]),
    };
    const id = parts.ids();
    const message: NewMessage = {
      ...{ id, received: clock.now(), sender: 'zoe@far.test', params: [], prefix: '', recipients },
      content: inline(5),
      origin: { session: 's', service: 'lmtp', protocol: 'LMTP' },
      ...more,
    };
    const full = await runner.submit(message, room);
    await clock.advance(0);
    const [received] = await made.history.find(id);
    return {
      full,
      tried: made.tried(),
      received: received?.kind === 'received' ? received.recipients : undefined,
      reports: made.attempts.filter(({ destination }) => destination === 'mx:far.test'),
      left: await made.left(),
    };
  }

  it('takes it for those who have room, and says which replies are no', async () => {
    const { full, tried, received } = await submitWithRoom([
      here('full'),
      here('ann'),
      here('bob'),
    ]);
    assert.deepEqual(full, [0]);
    assert.deepEqual(tried, ['ann@example.org 1', 'bob@example.org 1']);
    assert.deepEqual(received, ['ann@example.org', 'bob@example.org']);
  });

  it('tells of all where all have room', async () => {
    const { full, received, left } = await submitWithRoom([here('ann'), here('bob')]);
    assert.deepEqual([full, left], [[], 0]);
    assert.deepEqual(received, ['ann@example.org', 'bob@example.org']);
  });

  it('takes nothing, and tells of nothing, where nobody has', async () => {
    const asking = { original: 'all@example.org', params: ['NOTIFY=SUCCESS'] };
    const recipients = [here('full1', asking), here('full2', asking)];
    const { full, tried, received } = await submitWithRoom(recipients);
    assert.deepEqual([full, tried, received], [[0, 1], [], undefined]);
  });

  it('RFC 3461 §5.2.7.3: an alias behind which nobody had room is not reported as expanded', async () => {
    const params = ['NOTIFY=SUCCESS'];
    const behind = (original: string) => ({ original: `${original}@example.org`, params });
    const all = [here('full1', behind('a')), here('full2', behind('a'))];
    const none = await submitWithRoom([...all, here('ann')]);
    assert.equal(none.reports.length, 0);
    const others = [here('ann', behind('b')), here('bob', behind('b'))];
    const { reports } = await submitWithRoom([...all, ...others]);
    assert.equal(reports.length, 1);
    assert.match(text(reports[0]!), /^Final-Recipient: rfc822; b@example\.org\r$/m);
    assert.doesNotMatch(text(reports[0]!), /a@example/);
  });
});
