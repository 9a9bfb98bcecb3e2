// What every QueueStore must do about room in mailboxes: usage, mail that was accepted and new mail are
// added up in one transaction, and room is given back whatever becomes of a recipient.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { OverQuotaError } from '../folder-errors.ts';
import type { Lease, NewMessage, RoomAsked } from '../queue-store.ts';
import type { OpenTestStores, TestStores } from './harness.ts';
import {
  at,
  countOf,
  deferred,
  delivered,
  listed,
  message,
  openById,
  removed,
  settlement,
  text,
} from './harness.ts';
import { due, everything } from './queue-harness.ts';

const ann = 'ann@example.org';
const bob = 'bob@example.org';
const quota = { bytes: 1000, messages: 10 };
const nothing = { bytes: 0, messages: 0 };

/** Each entry is a recipient: an account with octets it needs there, or undefined for elsewhere. */
type Needs = readonly (readonly [account: string, bytes: number] | undefined)[];

const asked = (needs: Needs, replies?: RoomAsked['replies']): RoomAsked => ({
  quota,
  needs: needs.map((need) => need && { account: need[0], bytes: need[1] }),
  replies: replies ?? [needs.map((_, i) => i)],
});

const mailFor = (id: string, needs: Needs): NewMessage =>
  message(id, {
    recipients: needs.map((need, i) =>
      need === undefined ? at(`r${i}@far.test`, 'mx:far.test') : at(need[0], 'local'),
    ),
  });

async function enqueue(
  { stores: { queue } }: TestStores,
  id: string,
  needs: Needs,
  { replies, leaseUntil }: { replies?: RoomAsked['replies']; leaseUntil?: number | undefined } = {},
) {
  const room = asked(needs, replies);
  return queue.enqueueWithRoom(mailFor(id, needs), { leaseUntil, room });
}

const append = (lease: Lease, account: string) => ({
  append: [
    {
      ...{ account, folder: 'INBOX', prefix: '', flags: [], received: 1 },
      content: { kind: 'queued' as const, id: lease.message.id },
    },
  ],
});

/** Octets of harness.ts's message without a prefix. */
const contentBytes = 'Subject: hello\r\n\r\nHello\r\n'.length;

export function testRoom(open: OpenTestStores): void {
  testAsking(open);
  testGivingBack(open);
  testSharing(open);

  it('RFC 9208 §4.3: APPEND does not get what was promised to accepted mail', async () => {
    await using test = await open();
    const { queue, folders } = test.stores;
    await folders.ensure(ann);
    const inbox = (await folders.find(ann, 'INBOX'))!.id;
    await enqueue(test, 'm1', [[ann, 950]], due);
    const mail = { content: text('x'.repeat(60)), flags: [], received: 1 };
    await assert.rejects(folders.append(inbox, [mail], quota), OverQuotaError);
    const [lease] = await queue.claim(everything);
    assert.equal(await queue.settle(settlement(lease!, { kind: 'failed' })), true);
    await folders.append(inbox, [mail], quota);
  });

  it('a recipient without room takes it later, once, and leases say whose mailbox it is in', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await enqueue(test, 'm1', [[ann, 900]], due);
    await enqueue(test, 'm2', [undefined, [ann, 200], [bob, 200]], due);
    const claimed = await queue.claim(everything);
    const rooms = claimed.flatMap(({ recipients }) => recipients.map(({ room }) => room));
    assert.deepEqual(rooms.sort(), [ann, bob, undefined, undefined]);
    const need = { account: ann, bytes: 200, quota };
    assert.equal(await queue.takeRoom('m2', 1, need), false);
    assert.equal(await queue.takeRoom('m2', 1, { ...need, bytes: 100 }), true);
    assert.equal(await queue.takeRoom('m2', 1, need), true, 'it has some');
    assert.deepEqual(await queue.roomTaken(ann), { bytes: 1000, messages: 2 });
    // The address leads to another account now.
    assert.equal(await queue.takeRoom('m2', 1, { ...need, account: bob }), true);
    assert.deepEqual(await queue.roomTaken(ann), { bytes: 900, messages: 1 });
    assert.deepEqual(await queue.roomTaken(bob), { bytes: 400, messages: 2 });
    assert.equal(await queue.takeRoom('m9', 0, need), false, 'no such message');
    assert.deepEqual(await queue.roomTaken(ann), { bytes: 900, messages: 1 });
  });
}

/** What local delivery does with content that mailboxes keep otherwise than it came. */
function testSharing(open: OpenTestStores): void {
  for (const octets of [100, 300 * 1024])
    it(`content of ${octets} octets that a settlement gives to several is kept once, until the last is gone`, async () => {
      await using test = await open();
      const { queue, folders, spool } = test.stores;
      const needs: Needs = [
        [ann, 1],
        [bob, 1],
      ];
      const { leases } = await enqueue(test, 'm1', needs, { leaseUntil: 5000 });
      const writer = spool.create();
      for (let left = octets; left > 0; left -= 60_000)
        await writer.write(Buffer.alloc(Math.min(left, 60_000), 'x'));
      const content = await writer.commit();
      writer.release();
      const appended = [ann, bob].map((account) => ({
        ...{ account, folder: 'INBOX', prefix: '', flags: [], received: 1, content },
      }));
      await queue.settle(settlement(leases[0]!, delivered, { append: appended }));
      assert.equal((await folders.usage(bob)).bytes, octets);
      const [annUid] = (await listed(folders, ann)).map(({ uid }) => uid);
      await removed(folders, ann, [annUid!]);
      await test.restart();
      const again = test.stores.folders;
      const [kept] = await listed(again, bob);
      let read = 0;
      for await (const piece of (await openById(again, bob, kept!.id))!.read())
        read += piece.length;
      assert.equal(read, octets);
    });
}

function testAsking(open: OpenTestStores): void {
  it('RFC 3463 §3.3: counts what is stored, what is queued, and the message itself', async () => {
    await using test = await open();
    const { queue, folders } = test.stores;
    await folders.deliver({
      ...{ account: ann, folder: 'INBOX', prefix: '', flags: [], received: 1 },
      content: text('x'.repeat(500)),
    });
    assert.deepEqual((await enqueue(test, 'm1', [[ann, 300]])).full, []);
    assert.deepEqual(await enqueue(test, 'm2', [[ann, 201]]), {
      leases: [],
      full: [0],
      queued: [],
    });
    assert.deepEqual((await enqueue(test, 'm3', [[ann, 200]])).queued, [0]);
    assert.deepEqual((await enqueue(test, 'm4', [[ann, 1]])).full, [0]);
    assert.deepEqual((await enqueue(test, 'm5', [[bob, 1000]])).full, [], 'others have room');
    assert.deepEqual(await queue.roomTaken(ann), { bytes: 500, messages: 2 });
    assert.equal((await countOf(queue)).messages, 3, 'what is refused is not there');
  });

  it('messages are counted, too', async () => {
    await using test = await open();
    for (let i = 0; i < 10; i += 1)
      assert.deepEqual((await enqueue(test, `m${i}`, [[ann, 1]])).full, []);
    assert.deepEqual((await enqueue(test, 'ma', [[ann, 1]])).full, [0]);
  });

  it('several at once do not get the same room', async () => {
    await using test = await open();
    const all = Array.from({ length: 20 }, (_, i) => enqueue(test, `m${i + 10}`, [[ann, 300]]));
    const full = (await Promise.all(all)).filter((one) => one.full.length > 0);
    assert.equal(full.length, 17);
    assert.deepEqual(await test.stores.queue.roomTaken(ann), { bytes: 900, messages: 3 });
  });

  it('two copies for one mailbox need room for two', async () => {
    await using test = await open();
    const needs: Needs = [
      [ann, 600],
      [ann, 600],
    ];
    const enqueued = await enqueue(test, 'm1', needs, { leaseUntil: 5000 });
    assert.deepEqual([enqueued.full, enqueued.queued], [[], [0, 1]]);
    const rooms = enqueued.leases[0]!.recipients.map(({ room }) => room);
    assert.deepEqual(rooms, [ann, undefined]);
  });

  it('RFC 2033 §4.2: each reply speaks for its own recipients, and only theirs stay out', async () => {
    await using test = await open();
    await enqueue(test, 'm1', [[ann, 900]]);
    const needs: Needs = [[ann, 200], [bob, 200], undefined, [ann, 50], [ann, 300]];
    // The second is an alias for a full mailbox and one that has room; the last one for nobody new.
    const replies = [[0], [0, 1], [2], [3], [4], [4]];
    const enqueued = await enqueue(test, 'm2', needs, { replies, leaseUntil: 5000 });
    assert.deepEqual(
      [enqueued.full, enqueued.queued],
      [
        [0, 4, 5],
        [0, 1, 2, 3],
      ],
    );
    const leased = enqueued.leases.flatMap(({ recipients }) => recipients);
    assert.deepEqual(leased.map(({ index, address, room }) => [index, address, room]).sort(), [
      [0, ann, undefined],
      [1, bob, bob],
      [2, 'r2@far.test', undefined],
      [3, ann, ann],
    ]);
    const entry = await test.stores.queue.get('m2');
    assert.deepEqual(
      entry?.recipients.map(({ index }) => index),
      [0, 1, 2, 3],
    );
  });
}

function testGivingBack(open: OpenTestStores): void {
  it('room is given back when a recipient is delivered, has failed or is cancelled, and not before', async () => {
    await using test = await open();
    const { queue, folders } = test.stores;
    const { leases } = await enqueue(test, 'm1', [[ann, 400]], { leaseUntil: 5000 });
    assert.equal(leases[0]?.recipients[0]?.room, ann);
    await queue.settle(settlement(leases[0]!, deferred(2_000)));
    assert.deepEqual(await queue.roomTaken(ann), { bytes: 400, messages: 1 }, 'deferred');
    const [again] = await queue.claim(everything);
    assert.equal(again?.recipients[0]?.room, ann);
    await queue.settle(settlement(again!, delivered, append(again!, ann)));
    assert.deepEqual(await queue.roomTaken(ann), nothing);
    assert.deepEqual(await folders.usage(ann), { bytes: contentBytes, messages: 1 });

    await enqueue(
      test,
      'm2',
      [
        [ann, 400],
        [bob, 400],
      ],
      due,
    );
    await queue.hold(['m2']);
    for (const lease of await queue.take('m2', everything))
      await queue.settle(settlement(lease, { kind: 'failed' }));
    assert.deepEqual([await queue.roomTaken(ann), await queue.roomTaken(bob)], [nothing, nothing]);
  });

  it('a settlement that is not recorded gives nothing back', async () => {
    await using test = await open();
    const { queue } = test.stores;
    await enqueue(test, 'm1', [[ann, 400]], due);
    const [lease] = await queue.claim(everything);
    const stale = { ...lease!, recipients: lease!.recipients.map((one) => ({ ...one, fence: 7 })) };
    assert.equal(await queue.settle(settlement(stale, delivered)), false);
    const impossible = { ...append(lease!, ann).append[0]!, content: { kind: 'queued', id: 'm9' } };
    const append9 = { append: [impossible as ReturnType<typeof append>['append'][0]] };
    await assert.rejects(queue.settle(settlement(lease!, delivered, append9)));
    assert.deepEqual(await queue.roomTaken(ann), { bytes: 400, messages: 1 });
  });

  it('mail that is in the queue keeps its room over a restart', async () => {
    await using test = await open();
    await enqueue(test, 'm1', [[ann, 400], undefined], due);
    await enqueue(test, 'm2', [[ann, 500]], { leaseUntil: 5000 });
    await test.restart();
    const { queue } = test.stores;
    assert.deepEqual(await queue.roomTaken(ann), { bytes: 900, messages: 2 });
    assert.deepEqual((await enqueue(test, 'm3', [[ann, 101]])).full, [0]);
    for (const id of ['m1', 'm2'])
      for (const lease of await queue.take(id, everything))
        await queue.settle(settlement(lease, { kind: 'failed' }));
    assert.deepEqual(await queue.roomTaken(ann), nothing);
  });
}
