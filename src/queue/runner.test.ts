import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reply } from '../smtp/reply.ts';
import { StorageError } from '../smtp/smtp-error.ts';
import { countOf } from '../store/conformance/harness.ts';
import type { Effect, Lease } from '../store/queue-store.ts';
import { MemoryDisk } from '../store/sqlite/stores.ts';
import { cancelMessage } from './cancellation.ts';
import type { DeliveryResult, RecipientResult } from './delivery.ts';
import { QueueRunner } from './runner.ts';
import type { MessageTracer } from './story/message-tracer.ts';
import { storiesOf } from './story/story.ts';
import { formatWhy } from './story/story-text.ts';
import {
  hour,
  later,
  minute,
  never,
  results,
  taken,
  text,
  to,
  unreachable,
  world,
} from './test-world.ts';

const sentOn = (id: string, { id: parent, received, sender }: Lease['message']): Effect => ({
  ...{ kind: 'enqueue', reason: 'redirect' },
  message: {
    ...{ id, received, sender, params: [], recipients: [to('joe@c.example')], prefix: '' },
    origin: { session: parent, service: 'sieve', protocol: 'local', parent },
    content: { kind: 'queued', id: parent },
  },
});

describe('QueueRunner', () => {
  it('delivers a fresh message at once, with its content still in memory', async () => {
    const { submit, attempts, left, runner } = await world();
    const bytes = Buffer.from('the very same');
    await submit(['bob@a.example', 'eve@b.example', 'joe@a.example'], {
      content: { kind: 'inline', bytes },
    });
    const seen = attempts.map(({ recipients }) => recipients.map(({ address }) => address).join());
    assert.deepEqual(seen, ['bob@a.example,joe@a.example', 'eve@b.example']);
    assert.ok(attempts.every(({ message }) => message.content.bytes === bytes));
    assert.equal(await left(), 0);
    const { active, waiting, unrecorded, memoryBytes } = runner.facts;
    assert.deepEqual([active, waiting, unrecorded, memoryBytes], [0, 0, 0, 0]);
  });

  it('begins nothing while others may have taken it, goes on when that is over, and leaves what they took', async () => {
    const { submit, stores, tried, runner, clock } = await world();
    let isSure = false;
    let tell = () => {};
    let lost: string | undefined;
    Object.defineProperty(stores.queue, 'isSure', { get: () => isSure });
    stores.queue.watch = (listener) => {
      tell = listener;
      return () => {};
    };
    stores.queue.isLost = ({ message }) => message.id === lost;
    runner.start();
    lost = await submit(['bob@a.example']);
    await submit(['eve@b.example']);
    assert.deepEqual(tried(), []);
    isSure = true;
    tell();
    await clock.advance(0);
    assert.deepEqual(tried(), ['eve@b.example 1']);
    assert.deepEqual([runner.facts.waiting, runner.facts.memoryBytes], [0, 0]);
  });

  it('RFC 5321 §4.5.4.1: tries again by the schedule, without asking the store in between', async () => {
    const { submit, remote, tried, clock, left } = await world();
    remote.answer = (lease) => results(lease, lease.recipients[0]!.attempt < 4 ? later : taken);
    await submit(['bob@a.example']);
    await clock.advance(4 * minute);
    assert.equal(tried().length, 1);
    await clock.advance(2 * minute);
    assert.equal(tried().length, 2);
    await clock.advance(18 * minute);
    assert.equal(tried().length, 3);
    await clock.advance(70 * minute);
    assert.deepEqual(
      tried(),
      [1, 2, 3, 4].map((attempt) => `bob@a.example ${attempt}`),
    );
    assert.equal(await left(), 0);
  });

  it('RFC 5321 §6.1: bounces a 5yz to the reverse-path, by the same queue', async () => {
    const { submit, remote, attempts, left, history } = await world();
    remote.answer = (lease) => results(lease, lease.destination === 'mx:a.example' ? never : taken);
    const id = await submit(['bob@a.example', 'eve@b.example']);
    const bounce = attempts.find(({ destination }) => destination === 'mx:example.org');
    assert.equal(bounce?.message.sender, '');
    assert.match(text(bounce!), /^Final-Recipient: rfc822; bob@a\.example\r$/m);
    assert.match(text(bounce!), /550 5\.1\.1 No such user/);
    assert.doesNotMatch(text(bounce!), /eve@/);
    assert.equal(await left(), 0);
    const events = await history.find(id);
    assert.ok(
      events.some((event) => event.kind === 'report' && event.report === bounce!.message.id),
    );
  });

  it('RFC 5321 §4.5.5: drops failed mail from the null reverse-path, and says so in the log', async () => {
    const { submit, remote, attempts, left, logged } = await world();
    remote.answer = (lease) => results(lease, never);
    await submit(['bob@a.example'], { sender: '' });
    assert.equal(attempts.length, 1);
    assert.equal(await left(), 0);
    assert.deepEqual(logged, ['dropped']);
  });

  it('tells of a delay once, and gives up after expireAfter with the last reply', async () => {
    const { submit, remote, attempts, clock, left } = await world();
    remote.answer = (lease) => results(lease, lease.destination === 'mx:a.example' ? later : taken);
    await submit(['bob@a.example']);
    await clock.advance(23 * hour);
    const notices = () => attempts.filter(({ destination }) => destination === 'mx:example.org');
    assert.deepEqual(
      notices().map((lease) => /^Action: (.*)\r$/m.exec(text(lease))?.[1]),
      ['delayed'],
    );
    assert.equal(await left(), 1);
    await clock.advance(2 * hour);
    assert.equal(await left(), 0);
    assert.equal(notices().length, 2);
    assert.match(text(notices()[1]!), /^Action: failed\r\nStatus: 4\.4\.7\r$/m);
    assert.match(text(notices()[1]!), /Greylisted/);
  });

  it('defers what a delivery throws, whatever it is, at once or later', async () => {
    for (const fail of [
      () => {
        throw new TypeError('a bug');
      },
      () => Promise.reject(new TypeError('a bug')),
    ]) {
      const { submit, parts, clock, left, tried } = await world();
      const { deliver } = parts;
      parts.deliver = fail;
      await submit(['bob@a.example']);
      assert.equal(await left(), 1);
      parts.deliver = deliver;
      await clock.advance(6 * minute);
      assert.deepEqual(tried(), ['bob@a.example 2']);
      assert.equal(await left(), 0);
    }
  });

  it('aborts an attempt that takes too long, and ignores what it says in the end', async () => {
    const { submit, remote, clock, left, stores, runner } = await world();
    const answer = Promise.withResolvers<DeliveryResult>();
    let aborted = false;
    remote.answer = (_, signal) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return answer.promise;
    };
    const id = await submit(['bob@a.example']);
    await clock.advance(30 * minute);
    assert.equal(aborted, false);
    await clock.advance(2 * minute);
    assert.ok(aborted);
    assert.equal(runner.facts.active, 0);
    answer.resolve({ recipients: [never], health: 'ok' });
    await clock.advance(0);
    assert.match((await stores.queue.get(id))!.recipients[0]!.lastReply!.lines[0], /took too long/);
    assert.equal(await left(), 1);
  });

  it('remembers a dead destination: its mail is deferred unseen, that of others goes', async () => {
    const { submit, remote, attempts, stores, clock } = await world();
    remote.answer = (lease) =>
      lease.destination === 'mx:dead.example'
        ? { recipients: lease.recipients.map(() => unreachable), health: 'down' }
        : results(lease, taken);
    await submit(['bob@dead.example']);
    const second = await submit(['eve@dead.example', 'joe@b.example']);
    assert.deepEqual(
      attempts.map(({ destination }) => destination),
      ['mx:dead.example', 'mx:b.example'],
    );
    const [eve] = (await stores.queue.get(second))!.recipients;
    assert.deepEqual(
      [eve?.state, eve?.attempts, eve?.lastReply],
      ['queued', 0, undefined],
      'what was skipped was not attempted, and nothing was said to it',
    );
    remote.answer = (lease) => results(lease, taken);
    await clock.advance(10 * minute);
    assert.equal((await countOf(stores.queue)).messages, 0);
    assert.equal(attempts.at(-1)?.recipients[0]?.attempt, 1);
  });

  it('a tracer is told of what was attempted and how long it took, not of what was skipped', async () => {
    const { submit, remote, parts, clock } = await world();
    const told: unknown[] = [];
    const tracer: Pick<MessageTracer, 'attempted'> = {
      attempted: ({ recipients }, [result], { from, to: until }) =>
        told.push([recipients[0]?.address, result?.result, until - from]),
    };
    Object.assign(parts, { tracer });
    remote.answer = (lease) =>
      new Promise((resolve) => {
        const down = {
          recipients: lease.recipients.map(() => unreachable),
          health: 'down',
        } as const;
        clock.after(5_000, () => resolve(down));
      });
    await submit(['bob@dead.example']);
    await clock.advance(5_000);
    await submit(['eve@dead.example']);
    assert.deepEqual(told, [['bob@dead.example', 'deferred', 5_000]]);
  });

  it('tries a report all the same: what others met may not concern it (RFC 8460 §3)', async () => {
    const { submit, remote, attempts, left } = await world();
    const origin = { session: 'r', service: 'reports', protocol: 'local' } as const;
    remote.answer = (lease) =>
      lease.message.origin.service === 'reports'
        ? results(lease, taken)
        : { recipients: lease.recipients.map(() => unreachable), health: 'down' };
    await submit(['bob@dead.example']);
    await submit(['tlsrpt@dead.example'], { origin });
    assert.equal(attempts.length, 2);
    assert.equal(await left(), 1);
  });

  it('tells in the story that nothing was tried, and why', async () => {
    const { submit, remote, parts, clock } = await world();
    const down: RecipientResult = {
      ...unreachable,
      facts: { host: 'mx.dead.example', address: '192.0.2.1', port: 25 },
    };
    remote.answer = (lease) => ({ recipients: lease.recipients.map(() => down), health: 'down' });
    const host = 'host:dead.example:587#3';
    await submit([to('bob@dead.example', { destination: host })]);
    const second = await submit([to('eve@dead.example', { destination: host })]);
    const story = formatWhy(await storiesOf(parts, second));
    assert.match(
      story,
      /not tried: route to dead\.example:587 \(routes\[3\]\) had just been found unreachable \(No answer\)\n {4}<eve@dead\.example> waits, next attempt 20/,
    );
    assert.match(story, /<eve@dead\.example> queued, 0 attempts, next/);
    assert.doesNotMatch(story, /attempt 1|host:|#3|451|192\.0\.2\.1|last reply/);
    await clock.advance(24 * hour);
  });

  it('comes by less often the longer a destination is dead, and gives up when time is up', async () => {
    const { submit, remote, parts, clock, left } = await world();
    remote.answer = (lease) => ({
      recipients: lease.recipients.map(() => unreachable),
      health: 'down',
    });
    const ids: string[] = [];
    for (let i = 0; i < 10; i += 1) ids.push(await submit([`r${i}@dead.example`], { sender: '' }));
    await clock.advance(27 * hour);
    assert.equal(await left(), 0);
    const events = await parts.history.find(ids.at(-1)!);
    // Every five minutes it would be some 290 times.
    assert.ok(events.length > 10 && events.length < 60, `${events.length} times`);
  });

  for (const [remote, words] of [
    [true, 'smtp'],
    [false, 'x-postrider'],
  ] as const)
    it(`RFC 3464 §2.3.6: a report says whose the last words were, also where nothing was tried (${words})`, async () => {
      const { submit, remote: hop, attempts, clock, left } = await world();
      const { reply } = unreachable;
      const down: RecipientResult = { kind: 'deferred', reply, remote };
      hop.answer = (lease) =>
        lease.destination === 'mx:dead.example'
          ? { recipients: lease.recipients.map(() => down), health: 'down' }
          : results(lease, taken);
      for (let i = 0; i < 10; i += 1) await submit([`r${i}@dead.example`]);
      await clock.advance(30 * hour);
      assert.equal(await left(), 0);
      const types = attempts
        .map((lease) => text(lease))
        .filter((said) => said.includes('Action: failed'))
        .map((said) => /^Diagnostic-Code: ([\w-]+);/m.exec(said)?.[1]);
      assert.deepEqual(types, Array(10).fill(words));
    });

  it('RFC 5321 §4.5.5: the story ends with why nobody was told', async () => {
    const { submit, remote, parts, logged } = await world();
    remote.answer = (lease) => results(lease, never);
    const told = await submit(['a@b.example']);
    assert.doesNotMatch(formatWhy(await storiesOf(parts, told)), /nobody/);
    const null_ = await submit(['a@b.example'], { sender: '' });
    assert.match(
      formatWhy(await storiesOf(parts, null_)),
      /nobody was told, because the sender is null\.\n$/,
    );
    const silent = await submit([to('a@b.example', { params: ['NOTIFY=NEVER'] })]);
    assert.match(
      formatWhy(await storiesOf(parts, silent)),
      /nobody was told, because the sender asked not to be told\.\n$/,
    );
    // The report on the first, too, had the null sender, and was refused.
    assert.deepEqual(logged, ['bounced', 'dropped', 'dropped', 'dropped']);
  });

  it('… and so when the address to tell is one of ours and gone, or when it was cancelled', async () => {
    const { submit, remote, parts } = await world();
    remote.answer = (lease) => results(lease, never);
    parts.resolve = () => [];
    const gone = await submit(['a@b.example']);
    assert.match(
      formatWhy(await storiesOf(parts, gone)),
      /nobody was told, because the sender's address is one of ours and leads to no mailbox\.\n$/,
    );
    remote.answer = (lease) => results(lease, later);
    const cancelled = await submit(['a@b.example'], { sender: '' });
    await cancelMessage(parts, cancelled);
    assert.match(
      formatWhy(await storiesOf(parts, cancelled)),
      /cancelled by the administrator for <a@b\.example>; nobody was told, because the sender is null/,
    );
  });

  it('tries a dead destination when it is woken', async () => {
    const { submit, remote, stores, runner, clock, left } = await world();
    remote.answer = (lease) => ({
      recipients: lease.recipients.map(() => unreachable),
      health: 'down',
    });
    await submit(['bob@dead.example']);
    remote.answer = (lease) => results(lease, taken);
    await stores.queue.retry(undefined, clock.now());
    runner.wake();
    await clock.advance(0);
    assert.equal(await left(), 0);
  });

  it('lets a slow destination keep nobody waiting but itself', async () => {
    const { submit, remote, attempts, clock, left, runner } = await world();
    const slow: (() => void)[] = [];
    remote.answer = (lease) => {
      if (lease.destination !== 'mx:slow.example') return results(lease, taken);
      return new Promise((resolve) => slow.push(() => resolve(results(lease, taken))));
    };
    for (let i = 0; i < 1200; i += 1) await submit([`r${i}@slow.example`]);
    assert.equal(slow.length, 4, 'connectionsPerDestination');
    assert.ok(runner.facts.waiting <= 1010, `${runner.facts.waiting} wait in memory`);
    await submit(['joe@b.example']);
    assert.equal(attempts.at(-1)?.destination, 'mx:b.example');
    while (slow.length > 0) {
      for (const end of slow.splice(0)) end();
      await clock.advance(0);
    }
    assert.equal(await left(), 0);
    assert.equal(attempts.length, 1201);
  });

  it('never has more attempts under way than it may', async () => {
    const { remote, runner, clock, left, parts } = await world({ deliveries: 7 });
    let active = 0;
    let most = 0;
    remote.answer = async (lease) => {
      active += 1;
      most = Math.max(most, active);
      await new Promise((resolve) => setImmediate(resolve));
      active -= 1;
      return results(lease, taken);
    };
    const submits = Array.from({ length: 200 }, (_, i) =>
      runner.submit({
        ...{ id: parts.ids(), received: clock.now(), sender: '', params: [], prefix: '' },
        recipients: [to(`r@d${i % 20}.example`)],
        content: { kind: 'inline', bytes: Buffer.from('x') },
        origin: { session: 's', service: 'smtp', protocol: 'ESMTP' },
      }),
    );
    await Promise.all(submits);
    for (let i = 0; i < 60; i += 1) await clock.advance(0);
    assert.equal(await left(), 0);
    assert.equal(most, 7);
  });

  it('keeps what happened while the disk is full, and does not do it again', async () => {
    const { submit, faults, clock, left, tried, runner } = await world();
    faults.next = (operations) => (operations.includes('settle') ? 'full' : undefined);
    await submit(['bob@a.example']);
    assert.equal(runner.facts.storeFailing, true);
    await submit(['eve@a.example']);
    await clock.advance(hour);
    assert.deepEqual(tried(), ['bob@a.example 1']);
    faults.next = () => undefined;
    await clock.advance(minute);
    assert.equal(runner.facts.storeFailing, false);
    assert.deepEqual(tried(), ['bob@a.example 1', 'eve@a.example 1']);
    assert.equal(await left(), 0);
  });

  it('does not take mail that the disk does not', async () => {
    const { submit, faults, tried, runner } = await world();
    faults.next = () => 'full';
    await assert.rejects(submit(['bob@a.example']), StorageError);
    assert.deepEqual(tried(), []);
    assert.equal(runner.facts.memoryBytes, 0);
  });

  it('defers a failure whose report cannot be made', async () => {
    const { submit, remote, parts, clock, left, tried } = await world();
    remote.answer = (lease) => results(lease, lease.destination === 'mx:a.example' ? never : taken);
    parts.resolve = () => {
      throw new Error('directory is down');
    };
    await submit(['bob@a.example']);
    assert.equal(await left(), 1);
    parts.resolve = (address) => [to(address)];
    await clock.advance(6 * minute);
    assert.equal(await left(), 0);
    assert.deepEqual(tried(), ['bob@a.example 1', 'bob@a.example 2', 'ann@example.org 1']);
  });

  it('RFC 3461 §5.2.7.3: reports an alias with several addresses as expanded', async () => {
    const { submit, attempts } = await world();
    const params = ['NOTIFY=SUCCESS,FAILURE', 'ORCPT=rfc822;all@example.org'];
    const one = to('bob@a.example', { original: 'all@example.org', params });
    const other = to('eve@b.example', { original: 'all@example.org', params });
    await submit([one, other]);
    const reports = attempts.filter(({ destination }) => destination === 'mx:example.org');
    assert.equal(reports.length, 1);
    assert.match(
      text(reports[0]!),
      /^Final-Recipient: rfc822; all@example\.org\r\nAction: expanded\r$/m,
    );
    const asked = attempts.flatMap(({ recipients }) => recipients.map(({ params: own }) => own[0]));
    assert.deepEqual(asked, ['NOTIFY=FAILURE', 'NOTIFY=FAILURE', 'NOTIFY=NEVER']);
  });
});

describe('operations', () => {
  it('hold back a destination, what waits in memory for it too, until it is released', async () => {
    const { submit, remote, attempts, runner, clock, left } = await world();
    const ends: (() => void)[] = [];
    remote.answer = (lease) =>
      new Promise((resolve) => ends.push(() => resolve(results(lease, taken))));
    for (let i = 0; i < 6; i += 1) await submit([`r${i}@a.example`]);
    assert.equal(attempts.length, 4);
    runner.hold('mx:a.example');
    await clock.advance(0);
    for (const end of ends.splice(0)) end();
    await clock.advance(0);
    assert.equal(attempts.length, 4, 'what was under way has ended, and nothing new begins');
    await submit(['late@a.example', 'bob@b.example']);
    assert.deepEqual(
      attempts.slice(4).map(({ destination }) => destination),
      ['mx:b.example'],
    );
    ends.shift()!();
    await clock.advance(hour);
    assert.equal(await left(), 3);
    remote.answer = (lease) => results(lease, taken);
    runner.release('mx:a.example');
    await clock.advance(0);
    assert.equal(await left(), 0);
  });

  it('try a destination that was found dead, and tell whoever knows of its hosts', async () => {
    const { submit, remote, attempts, runner, parts } = await world();
    let forgiven = 0;
    const onForgiven = () => {
      forgiven += 1;
    };
    Object.assign(parts, { onForgiven });
    remote.answer = (lease) => ({
      recipients: lease.recipients.map(() => unreachable),
      health: 'down',
    });
    await submit(['bob@dead.example']);
    for (const [number, forgive] of [
      () => runner.forgive('mx:dead.example'),
      () => runner.wake(),
    ].entries()) {
      await submit(['eve@dead.example']);
      assert.equal(attempts.length, number + 1, 'it is dead');
      forgive();
      assert.equal(forgiven, number + 1);
      await submit(['joe@dead.example']);
      assert.equal(attempts.length, number + 2);
    }
  });

  it('leave to another node what is its part, and take what is ours by now', async () => {
    const first = await world();
    const { clock, stores, parts, attempts } = first;
    await first.runner.stop({ graceMs: 0 });
    let ours = new Set(['mx:a.example']);
    let tellParts = () => {};
    let tellStore = () => {};
    const store = new Proxy(stores.queue, {
      get(target, property) {
        if (property === 'watch')
          return (listener: () => void) => {
            tellStore = listener;
            return () => {};
          };
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const runner = new QueueRunner({
      ...{ ...parts, store },
      shares: {
        count: 2,
        of: (key, limit) => (ours.has(key) ? limit : 0),
        watch(listener) {
          tellParts = listener;
          return () => {};
        },
        measure() {},
      },
    });
    runner.start();
    const tried = () => attempts.map(({ recipients }) => recipients[0]!.address);
    const submit = async (id: string, address: string) => {
      await runner.submit({
        ...{ id, received: clock.now(), sender: 'ann@example.org', params: [], prefix: '' },
        recipients: [to(address)],
        content: { kind: 'inline', bytes: Buffer.from('x') },
        origin: { session: 's', service: 'smtp', protocol: 'ESMTP' },
      });
      await clock.advance(0);
    };
    const ends: (() => void)[] = [];
    first.remote.answer = (lease) =>
      new Promise((resolve) => ends.push(() => resolve(results(lease, taken))));
    for (let i = 0; i < 6; i += 1) await submit(`1${i}`, `r${i}@a.example`);
    await submit('2', 'bob@b.example');
    assert.equal(runner.facts.waiting, 2, 'what is ours does not wait in the store');
    const begun = ['r0@a.example', 'r1@a.example', 'r2@a.example', 'r3@a.example'];
    assert.deepEqual(tried(), begun);
    ours = new Set(['mx:b.example']);
    tellParts();
    await clock.advance(0);
    assert.equal(runner.facts.waiting, 0, 'what is another’s is given back');
    assert.deepEqual(tried(), [...begun, 'bob@b.example']);
    first.remote.answer = (lease) => results(lease, taken);
    for (const end of ends) end();
    await clock.advance(0);
    assert.equal(tried().length, 5);
    await submit('4', 'zoe@c.example');
    assert.equal(tried().length, 5);
    ours = new Set(['mx:b.example', 'mx:c.example']);
    tellParts();
    await clock.advance(0);
    assert.deepEqual(tried().slice(5), ['zoe@c.example'], 'though nothing was to be given back');
    // What another node has put into the queue is ours, too.
    await stores.queue.enqueue(
      {
        ...{ id: '3', received: clock.now(), sender: '', params: [], prefix: '' },
        recipients: [to('eve@b.example')],
        content: { kind: 'inline', bytes: Buffer.from('x') },
        origin: { session: 's', service: 'smtp', protocol: 'ESMTP' },
      },
      { leaseUntil: undefined },
    );
    tellStore();
    await clock.advance(0);
    assert.deepEqual(tried().slice(6), ['eve@b.example']);
    await runner.stop({ graceMs: 0 });
  });

  it('cancel a message with a bounce, or silently', async () => {
    const { submit, remote, attempts, parts, runner, clock, left } = await world();
    remote.answer = (lease) => results(lease, lease.destination === 'mx:a.example' ? later : taken);
    const first = await submit(['bob@a.example', 'eve@a.example']);
    const second = await submit(['joe@a.example']);
    assert.equal(await cancelMessage(parts, first), 2);
    assert.equal(await cancelMessage(parts, second, { silent: true }), 1);
    assert.equal(await cancelMessage(parts, second), 0);
    runner.wake();
    await clock.advance(0);
    assert.equal(await left(), 0);
    const bounces = attempts.filter(({ destination }) => destination === 'mx:example.org');
    assert.equal(bounces.length, 1);
    assert.match(text(bounces[0]!), /554 5\.0\.0 Delivery was cancelled by the administrator/);
  });

  it('what follows from a delivery is on its way at once, and both tell of each other', async () => {
    const { submit, remote, parts, attempts, left } = await world();
    const child = parts.ids();
    remote.answer = (lease) =>
      results(lease, {
        ...{ kind: 'delivered', reply: reply(250, '0.0', 'OK') },
        ...(lease.message.id !== child && { effects: [sentOn(child, lease.message)] }),
      });
    const id = await submit(['bob@a.example']);
    assert.deepEqual(
      attempts.map(({ message, destination }) => [message.id, destination]),
      [
        [id, 'mx:a.example'],
        [child, 'mx:c.example'],
      ],
    );
    assert.equal(text(attempts[1]!), text(attempts[0]!));
    assert.equal(await left(), 0);
    const about = async (of: string) => formatWhy(await storiesOf(parts, of));
    const words = new RegExp(`redirect: message ${child} to <joe@c\\.example>`);
    assert.match(await about(id), words);
    assert.match(await about(child), new RegExp(`it follows from message ${id}\\n`));
    assert.match(await about(child), /from <ann@example\.org>, 17 octets/);
  });

  it('tell the story of a message while it waits and after it has left', async () => {
    const { submit, remote, parts, clock } = await world();
    const facts = { host: 'mx.a.example', address: '192.0.2.1', port: 25, tls: 'TLSv1.3 verified' };
    remote.answer = (lease) =>
      results(lease, { ...(lease.recipients[0]!.attempt === 1 ? later : taken), facts });
    const id = await submit(['bob@a.example'], { messageId: '<1@example.org>' });
    const waiting = formatWhy(await storiesOf(parts, '1@example.org'));
    assert.match(
      waiting,
      /bob@a\.example> attempt 1: deferred at mx\.a\.example \[192\.0\.2\.1\]:25;/,
    );
    assert.match(waiting, /Now in the queue:\n {4}<bob@a\.example> queued, 1 attempt, next 2026/);
    assert.match(waiting, /last reply: 451 4\.7\.1 Greylisted/);
    await clock.advance(6 * minute);
    const gone = formatWhy(await storiesOf(parts, id));
    assert.match(
      gone,
      /attempt 2: relayed to mx\.a\.example \[192\.0\.2\.1\]:25\n {8}250 2\.0\.0 OK\n {8}TLSv1\.3/,
    );
    assert.match(gone, /from <ann@example\.org>, 17 octets, Message-ID <1@example\.org>/);
    assert.match(gone, /Now: it has left the queue\./);
    assert.deepEqual(await storiesOf(parts, 'nobody@knows'), []);
  });
});

describe('the rate of a destination', () => {
  const rateOf = (destination: string) =>
    destination === 'mx:slow.test' ? { count: 2, perMs: minute } : undefined;

  it('delays what is more, fails nothing, and holds up nobody else', async () => {
    const { submit, clock, tried, left } = await world({}, new MemoryDisk(), rateOf);
    for (let i = 0; i < 100; i += 1) await submit([`a${i}@slow.test`]);
    for (let i = 0; i < 20; i += 1) await submit([`b${i}@fast.test`]);
    const slow = () => tried().filter((one) => one.includes('slow')).length;
    assert.equal(slow(), 2);
    assert.equal(tried().length, 22, 'the others went at once');
    await clock.advance(minute);
    assert.equal(slow(), 4);
    await clock.advance(10 * minute);
    assert.equal(slow(), 24);
    await clock.advance(60 * minute);
    assert.equal(slow(), 100);
    assert.equal(await left(), 0);
    assert.ok(
      tried().every((one) => one.endsWith(' 1')),
      'each was tried once',
    );
  });

  it('what it let go while the store failed goes when that is over, also without room for more', async () => {
    const content = { kind: 'inline', bytes: Buffer.alloc(10) } as const;
    const rate = () => ({ count: 1, perMs: 500 });
    const { submit, clock, tried, runner, stores } = await world(
      { memory: 10 },
      new MemoryDisk(),
      rate,
    );
    const { queue } = stores;
    await submit(['bob@slow.test'], { content });
    const claim = queue.claim.bind(queue);
    const asked = Promise.withResolvers<void>();
    queue.claim = async () => {
      await asked.promise;
      throw new StorageError('full');
    };
    runner.wake();
    await submit(['eve@slow.test'], { content });
    asked.resolve();
    await clock.advance(0);
    await clock.advance(600);
    assert.deepEqual([runner.facts.storeFailing, runner.facts.memoryBytes], [true, 10]);
    assert.deepEqual(tried(), ['bob@slow.test 1']);
    queue.claim = claim;
    await clock.advance(400);
    assert.deepEqual(tried(), ['bob@slow.test 1', 'eve@slow.test 1']);
  });
});
