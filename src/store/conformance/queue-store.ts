// What every QueueStore must do. The implementations' own tests call this and add nothing to it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inlineBytesMax } from '../content.ts';
import type { Lease, NewMessage, Outcome } from '../queue-store.ts';
import type { Stores } from '../stores.ts';
import type { OpenTestStores } from './harness.ts';
import {
  at,
  collected,
  deferred,
  delivered,
  listed,
  message,
  openById,
  removed,
  settlement,
} from './harness.ts';
import { testEffects } from './queue-effects.ts';
import { testRequests } from './queue-requests.ts';
import { testRoom } from './queue-room.ts';
import { testSearch } from './queue-search.ts';

const everything = {
  now: 1_000_000,
  limit: 1000,
  perDestination: 1000,
  skip: new Set<string>(),
  leaseMs: 60_000,
};
const nobody: ReadonlySet<string> = new Set();
const due = { leaseUntil: undefined };

const idsOf = (leases: readonly Lease[]) => leases.map((lease) => lease.message.id);
const addresses = (leases: readonly Lease[]) =>
  leases.flatMap((lease) => lease.recipients.map(({ address }) => address));

export function testQueueStore(name: string, open: OpenTestStores): void {
  describe(`QueueStore: ${name}`, () => {
    describe('enqueue', () => testEnqueue(open));
    describe('room in mailboxes', () => testRoom(open));
    describe('effects of a settlement', () => testEffects(open));
    describe('claim', () => testClaim(open));
    describe('what senders ask for', () => testRequests(open));
    describe('settle', () => testSettle(open));
    describe('operations', () => testOperations(open));
    describe('searches', () => testSearch(open));
    describe('restart', () => testRestart(open));
  });
}

function testEnqueue(open: OpenTestStores): void {
  it('hands the recipients to the caller as leases, one per destination', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const given = message('m1', {
      params: ['BODY=8BITMIME', 'RET=HDRS'],
      messageId: '<1@example.org>',
      recipients: [
        { ...at('b@example.net', 'mx:example.net'), params: ['NOTIFY=NEVER'] },
        at('c@example.com', 'mx:example.com'),
        { ...at('d@example.net', 'mx:example.net'), original: 'list@example.org' },
      ],
    });
    const leases = await queue.enqueue(given, { leaseUntil: 5000 });
    assert.deepEqual(
      leases.map(({ destination, recipients, expires }) => ({
        ...{ destination, expires },
        recipients: recipients.map(({ index, address, attempt }) => [index, address, attempt]),
      })),
      [
        {
          ...{ destination: 'mx:example.net', expires: 5000 },
          recipients: [
            [0, 'b@example.net', 1],
            [2, 'd@example.net', 1],
          ],
        },
        {
          ...{ destination: 'mx:example.com', expires: 5000 },
          recipients: [[1, 'c@example.com', 1]],
        },
      ],
    );
    assert.deepEqual(leases[0]?.recipients[0]?.params, ['NOTIFY=NEVER']);
    assert.equal(leases[0]?.recipients[1]?.original, 'list@example.org');
    assert.equal(leases[0]?.message.messageId, '<1@example.org>');
    assert.equal(String(leases[0]?.message.content.bytes), 'Subject: hello\r\n\r\nHello\r\n');
    assert.deepEqual(await queue.claim({ ...everything, now: 4999 }), []);
  });

  it('without a lease they are due at once, and come back whole', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const given = message('m1', { params: ['SMTPUTF8'], messageId: '<1@example.org>' });
    assert.deepEqual(await queue.enqueue(given, due), []);
    assert.equal(await queue.nextDue(nobody), 1000);
    const [lease] = await queue.claim(everything);
    const { content, ...rest } = lease!.message;
    const { content: sent, recipients, ...wanted } = given;
    assert.deepEqual(rest, wanted);
    assert.equal(recipients.length, lease!.recipients.length);
    assert.equal(sent.kind === 'inline' && Buffer.compare(content.bytes!, sent.bytes), 0);
    assert.deepEqual(lease!.recipients[0], {
      ...{ index: 0, address: 'bob@example.net', params: [] },
      ...{ delivery: 'relay', destination: 'mx:example.net' },
      ...{ attempt: 1, fence: lease!.recipients[0]!.fence, warned: false },
    });
  });

  it('keeps content byte for byte: empty, binary, and the largest that fits the row', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const binary = Buffer.from(Array.from({ length: 1024 }, (_, i) => i % 256));
    const large = Buffer.alloc(inlineBytesMax, 'x');
    for (const [i, bytes] of [Buffer.alloc(0), binary, large].entries()) {
      // Both ways of keeping it: for the queue alone, and to be shared with mailboxes.
      for (const destination of ['mx:example.net', 'local']) {
        const id = `m${i}${destination[0]}`;
        const recipients = [at('b@example.net', destination)];
        await queue.enqueue(message(id, { recipients, content: { kind: 'inline', bytes } }), due);
        const [lease] = await queue.claim(everything);
        assert.equal(Buffer.compare(lease!.message.content.bytes!, bytes), 0);
        assert.equal(lease!.message.content.size, bytes.length);
        const pieces = await collected(lease!.message.content.read());
        assert.equal(Buffer.compare(Buffer.concat(pieces), bytes), 0);
        assert.equal(await queue.settle(settlement(lease!, delivered)), true);
      }
    }
    assert.deepEqual(await queue.count(), { messages: 0, recipients: 0 });
  });

  it('refuses an id it has, and fails nobody else who came at the same time', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await queue.enqueue(message('m1'), due);
    const results = await Promise.allSettled([
      queue.enqueue(message('m2'), due),
      queue.enqueue(message('m1', { sender: 'other@example.org' }), due),
      queue.enqueue(message('m3'), { leaseUntil: 5000 }),
      queue.enqueue(message('m4'), due),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    );
    assert.deepEqual(
      (await collected(queue.list())).map(({ id, sender }) => [id, sender]),
      ['m1', 'm2', 'm3', 'm4'].map((id) => [id, 'ann@example.org']),
    );
    assert.deepEqual(idsOf(await queue.claim(everything)).sort(), ['m1', 'm2', 'm3', 'm4']);
  });

  it('takes 10,000 recipients at once', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const recipients = Array.from({ length: 10_000 }, (_, i) =>
      at(`r${i}@example.net`, `mx:${i % 4}.example.net`),
    );
    const leases = await queue.enqueue(message('m1', { recipients }), { leaseUntil: 5000 });
    assert.equal(leases.length, 4);
    assert.equal(await queue.settle(settlement(leases[0]!, deferred(9000))), true);
    assert.equal(await queue.settle(settlement(leases[1]!, delivered)), true);
    assert.deepEqual(await queue.count(), { messages: 1, recipients: 7500 });
    assert.equal((await queue.get('m1'))?.recipients.length, 7500);
    const [again] = await queue.claim({ ...everything, now: 9000, limit: 1 });
    assert.equal(again?.recipients.length, 2500);
  });
}

function testClaim(open: OpenTestStores): void {
  it('leases a due recipient to one caller only, however many ask at once', async () => {
    await using test = await open();
    const { queue } = test.stores;
    for (let i = 0; i < 20; i += 1) await queue.enqueue(message(`m${i + 10}`), due);
    const claims = await Promise.all(
      Array.from({ length: 8 }, () => queue.claim({ ...everything, limit: 3 })),
    );
    const ids = claims.flatMap(idsOf);
    assert.equal(ids.length, 20);
    assert.equal(new Set(ids).size, 20);
  });

  it('takes what a message has due for one destination as one lease', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const recipients = ['a', 'b', 'c'].map((who) => at(`${who}@example.net`, 'mx:example.net'));
    const given = message('m1', { recipients: [...recipients, at('d@x.test', 'mx:x.test')] });
    await queue.enqueue(given, due);
    const leases = await queue.claim(everything);
    assert.deepEqual(leases.map((lease) => [lease.destination, addresses([lease])]).sort(), [
      ['mx:example.net', ['a@example.net', 'b@example.net', 'c@example.net']],
      ['mx:x.test', ['d@x.test']],
    ]);
  });

  it('obeys limit, perDestination and skip', async () => {
    await using test = await open();
    const { queue } = test.stores;
    for (const host of ['a', 'b', 'c'])
      for (let i = 0; i < 5; i += 1)
        await queue.enqueue(
          message(`${host}${i}`, { recipients: [at(`x@${host}.test`, `mx:${host}`)] }),
          due,
        );
    const two = await queue.claim({ ...everything, perDestination: 2, skip: new Set(['mx:b']) });
    assert.deepEqual(idsOf(two).sort(), ['a0', 'a1', 'c0', 'c1']);
    assert.equal((await queue.claim({ ...everything, limit: 4 })).length, 4);
    const rest = await queue.claim({ ...everything, skip: new Set(['mx:a', 'mx:b', 'mx:c']) });
    assert.deepEqual(rest, []);
    assert.equal((await queue.claim(everything)).length, 7);
  });

  it('a destination with 20,000 due recipients does not keep others out', async () => {
    await using test = await open();
    const { queue } = test.stores;
    for (let i = 0; i < 20; i += 1) {
      const recipients = Array.from({ length: 1000 }, (_, k) => at(`r${k}@slow.test`, 'mx:slow'));
      await queue.enqueue(message(`a${i + 10}`, { recipients }), due);
    }
    for (const host of ['x', 'y'])
      await queue.enqueue(message(`z${host}`, { recipients: [at('b@c.test', host)] }), due);
    const first = await queue.claim({ ...everything, limit: 3, perDestination: 1 });
    assert.deepEqual(first.map(({ destination }) => destination).sort(), ['mx:slow', 'x', 'y']);
    const skip = new Set(['mx:slow']);
    assert.deepEqual(await queue.claim({ ...everything, skip }), []);
    assert.equal(await queue.nextDue(new Set(['mx:slow', 'x', 'y'])), 1_060_000);
  });

  it('destinations take turns', async () => {
    await using test = await open();
    const { queue } = test.stores;
    for (let i = 0; i < 4; i += 1)
      for (const host of ['a', 'b', 'c'])
        await queue.enqueue(message(`${host}${i}`, { recipients: [at('x@y.test', host)] }), due);
    const turns: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      const [lease] = await queue.claim({ ...everything, limit: 1 });
      turns.push(lease!.destination);
    }
    assert.deepEqual(turns, [...turns.slice(0, 3), ...turns.slice(0, 3)]);
    assert.equal(new Set(turns).size, 3);
  });

  it('passes an expired lease on, and refuses its late answer', async () => {
    await using test = await open();
    const { queue, folders } = test.stores;
    await queue.enqueue(message('m1'), due);
    const [lost] = await queue.claim({ ...everything, now: 1000, leaseMs: 1000 });
    assert.deepEqual(await queue.claim({ ...everything, now: 1999 }), []);
    const [held] = await queue.claim({ ...everything, now: 2000, leaseMs: 1000 });
    assert.equal(held?.recipients[0]?.attempt, 2);
    const late = settlement(lost!, delivered, {
      enqueue: [message('m2')],
      append: [mail('ann@example.org', 'm1')],
    });
    assert.equal(await queue.settle(late), false);
    assert.equal(await queue.get('m2'), undefined);
    assert.deepEqual(await folders.folders('ann@example.org'), []);
    assert.equal(await queue.settle(settlement(held!, delivered)), true);
    assert.equal(await queue.nextDue(nobody), undefined);
  });

  it('tells when the next recipient outside `skip` falls due', async () => {
    await using test = await open();
    const { queue } = test.stores;
    assert.equal(await queue.nextDue(nobody), undefined);
    for (const [id, destination, until] of [
      ['m1', 'mx:a', 5000],
      ['m2', 'mx:b', 3000],
    ] as const) {
      const given = message(id, { recipients: [at('x@y.test', destination)] });
      const [lease] = await queue.enqueue(given, { leaseUntil: 2000 });
      await queue.settle(settlement(lease!, deferred(until)));
    }
    assert.equal(await queue.nextDue(nobody), 3000);
    assert.equal(await queue.nextDue(new Set(['mx:b'])), 5000);
    assert.equal(await queue.nextDue(new Set(['mx:a', 'mx:b'])), undefined);
    assert.deepEqual(idsOf(await queue.claim({ ...everything, now: 4000 })), ['m2']);
  });
}

function testSettle(open: OpenTestStores): void {
  it('a message leaves with its last recipient', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const recipients = ['a', 'b', 'c'].map((who) => at(`${who}@example.net`, 'mx:example.net'));
    const [lease] = await queue.enqueue(message('m1', { recipients }), { leaseUntil: 5000 });
    const all = settlement(lease!, delivered).outcomes;
    const part = (from: number, to: number) => ({
      ...{ message: 'm1', effects: [] },
      outcomes: all.slice(from, to),
    });
    assert.equal(await queue.settle(part(0, 1)), true);
    assert.deepEqual(await queue.count(), { messages: 1, recipients: 2 });
    assert.equal(await queue.settle(part(0, 2)), false, 'one of them is settled already');
    assert.deepEqual(await queue.count(), { messages: 1, recipients: 2 });
    assert.equal(await queue.settle(part(1, 3)), true);
    assert.deepEqual(await queue.count(), { messages: 0, recipients: 0 });
    assert.equal(await queue.get('m1'), undefined);
    assert.equal(await queue.open('m1'), undefined);
  });

  it('counts once, even when told twice at the same time', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const [lease] = await queue.enqueue(message('m1'), { leaseUntil: 5000 });
    const results = await Promise.all([
      queue.settle(settlement(lease!, delivered, { enqueue: [message('m2')] })),
      queue.settle(settlement(lease!, delivered, { enqueue: [message('m3')] })),
    ]);
    assert.deepEqual(results, [true, false]);
    assert.deepEqual(
      (await collected(queue.list())).map(({ id }) => id),
      ['m2'],
    );
  });

  it('a deferred recipient comes back when it is due, with what was learnt', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const [lease] = await queue.enqueue(message('m1'), { leaseUntil: 5000 });
    assert.equal(await queue.settle(settlement(lease!, deferred(9000, true))), true);
    const waiting = (await queue.get('m1'))?.recipients[0];
    assert.deepEqual(
      [waiting?.state, waiting?.attempts, waiting?.nextAttempt, waiting?.lastReply],
      ['queued', 1, 9000, { code: 451, detail: '4.1', lines: ['Try again later'] }],
    );
    assert.deepEqual(await queue.claim({ ...everything, now: 8999 }), []);
    const [second] = await queue.claim({ ...everything, now: 9000 });
    assert.equal(second?.recipients[0]?.attempt, 2);
    assert.equal(second?.recipients[0]?.warned, true);
    assert.equal(await queue.settle(settlement(second!, deferred(20_000))), true);
    const [third] = await queue.claim({ ...everything, now: 20_000 });
    assert.equal(third?.recipients[0]?.warned, true, 'kept where nothing is said of it');
  });

  it('what was skipped counts no attempt and keeps what was said before', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const skipped = (until: number, warned?: true): Outcome => ({
      kind: 'skipped',
      until,
      ...(warned && { warned }),
    });
    const [fresh] = await queue.enqueue(message('m1'), { leaseUntil: 5000 });
    assert.equal(await queue.settle(settlement(fresh!, skipped(6000))), true);
    const facts = async () => {
      const [one] = (await queue.get('m1'))!.recipients;
      return [one?.state, one?.attempts, one?.nextAttempt, one?.lastReply?.code];
    };
    assert.deepEqual(await facts(), ['queued', 0, 6000, undefined]);
    const [first] = await queue.claim({ ...everything, now: 6000 });
    assert.equal(first?.recipients[0]?.attempt, 1);
    await queue.settle(settlement(first!, deferred(7000)));
    const [second] = await queue.claim({ ...everything, now: 7000 });
    await queue.settle(settlement(second!, skipped(8000, true)));
    assert.deepEqual(await facts(), ['queued', 1, 8000, 451]);
    const [third] = await queue.claim({ ...everything, now: 8000 });
    assert.deepEqual([third?.recipients[0]?.attempt, third?.recipients[0]?.warned], [2, true]);
  });

  it('stores notifications and local deliveries with the outcome, or nothing', async () => {
    await using test = await open();
    const { queue, folders } = test.stores;
    const given = message('m1', { recipients: [at('ann@example.org', 'local')] });
    const [lease] = await queue.enqueue(given, { leaseUntil: 5000 });
    const append = [mail('ann@example.org', 'm1'), mail('bob@example.org', 'm1')];
    // An id that is taken: everything in this settlement fails, and nothing of it is there.
    const bad = settlement(lease!, delivered, { append, enqueue: [message('n1'), message('m1')] });
    await assert.rejects(queue.settle(bad));
    assert.deepEqual(await listed(folders, 'ann@example.org'), []);
    assert.equal(await queue.get('n1'), undefined);
    const good = settlement(lease!, delivered, { append, enqueue: [message('n1')] });
    assert.equal(await queue.settle(good), true, 'the lease is still held');
    assert.equal(await queue.get('m1'), undefined);
    assert.notEqual(await queue.get('n1'), undefined);
    for (const account of ['ann@example.org', 'bob@example.org']) {
      const [stored] = await listed(folders, account);
      const opened = await openById(folders, account, stored!.id);
      assert.equal(
        Buffer.from(opened!.bytes!).toString(),
        'Return-Path: <ann@example.org>\r\nSubject: hello\r\n\r\nHello\r\n',
      );
    }
  });

  it('large content is shared with mailboxes and goes with the last reference', async () => {
    await using test = await open();
    const { queue, folders, spool } = test.stores;
    const body = `Subject: large\r\n\r\n${'x'.repeat(300_000)}`;
    const given = message('m1', {
      recipients: [at('ann@example.org', 'local'), at('b@example.net', 'mx:example.net')],
      content: await stored(test.stores, body),
    });
    const [local, remote] = await queue.enqueue(given, { leaseUntil: 5000 });
    assert.equal(await readAll(remote!.message.content), body);
    const append = [mail('ann@example.org', 'm1')];
    assert.equal(await queue.settle(settlement(local!, delivered, { append })), true);
    assert.equal(await queue.settle(settlement(remote!, delivered)), true);
    const [kept] = await listed(folders, 'ann@example.org');
    assert.equal(kept?.subject, 'large');
    const opened = await openById(folders, 'ann@example.org', kept!.id);
    assert.equal(await readAll(opened!), `Return-Path: <ann@example.org>\r\n${body}`);
    assert.equal(kept?.size, opened?.size);
    await removed(folders, 'ann@example.org', [kept!.uid]);
    await queue.count(); // whatever follows a commit has happened by the next answer
    assert.ok(given.content.kind === 'file');
    await assert.rejects(readAll(spool.open(given.content)));
  });

  it('release gives leases back unattempted', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const [lease] = await queue.enqueue(message('m1'), { leaseUntil: 5_000_000 });
    await queue.release([lease!]);
    assert.equal(await queue.settle(settlement(lease!, delivered)), false);
    const [again] = await queue.claim({ ...everything, now: test.clock.now() });
    assert.equal(again?.recipients[0]?.attempt, 1);
  });
}

function testOperations(open: OpenTestStores): void {
  it('lists ids of several nodes oldest first, and knows each by its whole text', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const ids = ['06tq1vkzd2a', '06tq1vkzd33-67', '06tq1vkzdaa-10', '06tq1vkzf2a'];
    for (const id of [...ids].reverse()) await queue.enqueue(message(id), due);
    assert.deepEqual(
      (await collected(queue.list())).map(({ id }) => id),
      ids,
    );
    assert.equal(await queue.newest(), ids.at(-1));
    assert.equal((await queue.get(ids[1]!))?.id, ids[1]);
    for (const id of ['06tq1vkzd33', '06tq1vkzd33-66', '06tq1vkzd33-067'])
      assert.equal(await queue.get(id), undefined);
  });

  it('lists the queue oldest first, page by page', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const ids = Array.from({ length: 250 }, (_, i) => `m${1000 + i}`);
    await Promise.all(ids.map((id) => queue.enqueue(message(id), due)));
    const entries = await collected(queue.list());
    assert.deepEqual(
      entries.map(({ id }) => id),
      ids,
    );
    assert.deepEqual(await queue.count(), { messages: 250, recipients: 250 });
    assert.deepEqual(entries[0], {
      ...{ id: 'm1000', sender: 'ann@example.org', received: 1000, size: 25, params: [] },
      origin: { session: 'session-1', service: 'smtp', protocol: 'ESMTP' },
      messageId: undefined,
      recipients: [
        {
          ...{ index: 0, address: 'bob@example.net', params: [] },
          ...{ delivery: 'relay', destination: 'mx:example.net' },
          ...{ state: 'queued', attempts: 0, nextAttempt: 1000, lastReply: undefined },
        },
      ],
    });
    assert.equal((await queue.open('m1001'))?.content.bytes?.length, 25);
    for (const id of ['', 'no such', '__proto__', 'zzzzzzzzzzz', 'm'.repeat(300)]) {
      assert.equal(await queue.get(id), undefined);
      assert.equal(await queue.hold([id]), 0);
    }
  });

  it('retry makes due now what waits, not what is held', async () => {
    await using test = await open();
    const { queue } = test.stores;
    for (const id of ['m1', 'm2', 'm3']) await waiting(test.stores, id, 900_000);
    assert.equal(await queue.hold(['m3']), 1);
    assert.equal(await queue.retry(['m1', 'm1', 'm3'], 5000), 1);
    assert.deepEqual(idsOf(await queue.claim({ ...everything, now: 5000 })), ['m1']);
    assert.equal(await queue.retry(undefined, 6000), 1);
    assert.equal(await queue.nextDue(nobody), 6000);
    assert.deepEqual(idsOf(await queue.claim({ ...everything, now: 6000 })), ['m2']);
  });

  it('holds and releases, also what is under way', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await queue.enqueue(message('m1'), due);
    assert.equal(await queue.hold(['m1']), 1);
    assert.equal(await queue.hold(['m1']), 0);
    assert.equal(await queue.nextDue(nobody), undefined);
    assert.deepEqual(await queue.claim(everything), []);
    assert.equal((await queue.get('m1'))?.recipients[0]?.state, 'held');
    assert.equal(await queue.unhold(['m1'], 7000), 1);
    assert.equal(await queue.nextDue(nobody), 7000);
    const [lease] = await queue.claim({ ...everything, now: 7000 });
    assert.equal(await queue.hold(['m1']), 1);
    assert.equal((await queue.get('m1'))?.recipients[0]?.state, 'active');
    assert.equal(await queue.settle(settlement(lease!, deferred(8000))), true);
    assert.deepEqual(await queue.claim({ ...everything, now: 9000 }), []);
    assert.equal((await queue.get('m1'))?.recipients[0]?.state, 'held');
  });

  it('what is held from the beginning waits until it is released', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await queue.enqueue({ ...message('m1'), held: true }, due);
    await queue.enqueue(message('m2'), due);
    assert.equal((await queue.get('m1'))?.recipients[0]?.state, 'held');
    assert.deepEqual(idsOf(await queue.claim(everything)), ['m2']);
    assert.equal(await queue.unhold(['m1'], 7000), 1);
    assert.deepEqual(idsOf(await queue.claim({ ...everything, now: 7000 })), ['m1']);
  });

  it('take leases whatever is not under way, held recipients too', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const recipients = ['a', 'b', 'c'].map((who) => at(`${who}@${who}.test`, `mx:${who}`));
    await queue.enqueue(message('m1', { recipients }), due);
    const [active] = await queue.claim({ ...everything, limit: 1 });
    await queue.hold(['m1']);
    const taken = await queue.take('m1', { now: 2000, leaseMs: 60_000 });
    assert.equal(taken.length, 2);
    assert.deepEqual(await queue.take('m1', { now: 2000, leaseMs: 60_000 }), []);
    for (const lease of [...taken, active!])
      assert.equal(await queue.settle(settlement(lease, { kind: 'failed' })), true);
    assert.deepEqual(await queue.count(), { messages: 0, recipients: 0 });
  });

  it('reroute gives recipients new ways', async () => {
    await using test = await open();
    const { queue } = test.stores;
    for (const host of ['a', 'b'])
      await queue.enqueue(message(host, { recipients: [at(`x@${host}.test`, host)] }), due);
    const moved = await queue.reroute((address, destination) =>
      address === 'x@a.test'
        ? { delivery: 'local', destination: 'new' }
        : { delivery: 'relay', destination },
    );
    assert.equal(moved, 1);
    const leases = await queue.claim({ ...everything, skip: new Set(['b']) });
    assert.deepEqual(
      leases.map(({ destination, recipients: [one] }) => [
        ...[destination, one?.destination, one?.delivery],
      ]),
      [['new', 'new', 'local']],
    );
  });
}

function testRestart(open: OpenTestStores): void {
  it('what was accepted is there, what was settled is not', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await queue.enqueue(message('m1'), due);
    const [gone] = await queue.enqueue(message('m2'), { leaseUntil: 5_000_000 });
    await queue.settle(settlement(gone!, delivered));
    await waiting(test.stores, 'm3', test.clock.now() + 60_000);
    await test.restart();
    const ids = (await collected(test.stores.queue.list())).map(({ id }) => id);
    assert.deepEqual(ids, ['m1', 'm3']);
  });

  it('what was leased falls due again; leases of before are worth nothing', async () => {
    await using test = await open();
    const now = test.clock.now();
    const [lease] = await test.stores.queue.enqueue(message('m1'), { leaseUntil: now + 60_000 });
    await test.restart();
    const { queue } = test.stores;
    const [again] = await queue.claim({ ...everything, now: test.clock.now() });
    assert.equal(again?.recipients[0]?.attempt, 2);
    assert.equal(await queue.settle(settlement(lease!, delivered)), false);
    assert.equal(await queue.settle(settlement(again!, delivered)), true);
  });

  it('a clock that was set back keeps nothing waiting for more than four hours', async () => {
    await using test = await open();
    await waiting(test.stores, 'm1', test.clock.now() + 400 * 24 * 3_600_000);
    await test.restart();
    const next = await test.stores.queue.nextDue(nobody);
    assert.ok(next !== undefined && next <= test.clock.now() + 4 * 3_600_000);
  });

  it('large content of queued messages stays, leftovers of receptions go', async () => {
    await using test = await open();
    const body = 'x'.repeat(300_000);
    const content = await stored(test.stores, body);
    await test.stores.queue.enqueue(message('m1', { content }), due);
    await test.restart();
    const opened = await test.stores.queue.open('m1');
    assert.equal(await readAll(opened!.content), body);
  });
}

const mail = (account: string, id: string) => ({
  ...{ account, folder: 'INBOX', flags: [], received: 2000 },
  prefix: 'Return-Path: <ann@example.org>\r\n',
  content: { kind: 'queued', id } as const,
});

async function waiting({ queue }: Stores, id: string, until: number): Promise<void> {
  const [lease] = await queue.enqueue(message(id), { leaseUntil: until });
  assert.equal(await queue.settle(settlement(lease!, deferred(until))), true);
}

async function stored({ spool }: Stores, body: string): Promise<NewMessage['content']> {
  const writer = spool.create();
  await writer.write(Buffer.from(body));
  return writer.commit();
}

async function readAll({ read }: { read(): AsyncIterable<Uint8Array> }): Promise<string> {
  return Buffer.concat(await collected(read())).toString();
}
