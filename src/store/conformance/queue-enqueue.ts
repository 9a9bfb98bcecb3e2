// What every QueueStore must do with what comes into it. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { seededRandom } from '../../base/random.ts';
import { createMessageIds } from '../../queue/message-id.ts';
import { inlineBytesMax } from '../content.ts';
import { queueEntries } from '../queue-entries.ts';
import type { OpenTestStores } from './harness.ts';
import { at, collected, countOf, deferred, delivered, message, settlement } from './harness.ts';
import { due, everything, idsOf, nobody } from './queue-harness.ts';

export function testEnqueue(open: OpenTestStores): void {
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

  it('puts what comes with a message in the transaction that takes it, and nothing of what is not taken', async () => {
    await using test = await open();
    const { queue, records } = test.stores;
    const record = (key: string) => ({ kind: 'sent', key, value: 'x', expires: 9e12 });
    const given = (id: string) => message(id, { records: [record(id)] });
    const [lease] = await queue.enqueue(given('m1'), { leaseUntil: 5000 });
    await queue.enqueue(given('m2'), due);
    assert.deepEqual(await records.get('sent', 'm1'), record('m1'));
    assert.deepEqual(await records.get('sent', 'm2'), record('m2'));
    assert.ok(await queue.settle(settlement(lease!, delivered)));
    assert.deepEqual(await records.get('sent', 'm1'), record('m1'), 'it stays');
    const full = { account: 'b@example.org', bytes: 5 };
    const room = (bytes: number) => ({
      quota: { bytes, messages: 9 },
      needs: [full],
      replies: [[0]],
    });
    await queue.enqueueWithRoom(given('m3'), { ...due, room: room(4) });
    assert.equal(await records.get('sent', 'm3'), undefined);
    await queue.enqueueWithRoom(given('m4'), { ...due, room: room(5) });
    assert.deepEqual(await records.get('sent', 'm4'), record('m4'));
  });

  it('takes one message with a record of that key, whoever comes with another one, until it has expired', async () => {
    await using test = await open();
    const { queue, records } = test.stores;
    const given = (id: string, expires = 9e12) =>
      message(id, { records: [{ kind: 'sent', key: 'k', value: id, expires }] });
    const ids = ['m1', 'm2', 'm3'];
    const all = await Promise.allSettled(ids.map((id) => queue.enqueue(given(id), due)));
    const taken = ids.filter((_, i) => all[i]!.status === 'fulfilled');
    assert.equal(taken.length, 1);
    assert.equal((await records.get('sent', 'k'))?.value, taken[0]);
    await assert.rejects(queue.enqueue(given('m4'), due), /there is a record sent k already/);
    assert.equal((await countOf(queue)).messages, 1);
    await records.remove('sent', ['k']);
    const soon = message('m5').received + 1;
    await queue.enqueue(given('m5', soon), due);
    await queue.enqueue({ ...given('m6'), received: soon }, due);
    assert.equal((await records.get('sent', 'k'))?.value, 'm6');
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
    assert.deepEqual(await countOf(queue), { messages: 0, recipients: 0 });
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
      (await collected(queueEntries(queue))).map(({ id, sender }) => [id, sender]),
      ['m1', 'm2', 'm3', 'm4'].map((id) => [id, 'ann@example.org']),
    );
    assert.deepEqual(idsOf(await queue.claim(everything)).sort(), ['m1', 'm2', 'm3', 'm4']);
  });

  it('ids of the nodes of a cluster are ids like others, in order of time', async () => {
    await using test = await open();
    const ids = Array.from({ length: 12 }, (_, i) => idOfNode([0, 12, 3, 255][i % 4]!, 1000 + i));
    for (const id of ids.toReversed()) await test.stores.queue.enqueue(message(id), due);
    assert.equal(await test.stores.queue.newest(), ids.at(-1));
    await test.restart();
    const { queue } = test.stores;
    assert.equal(await queue.newest(), ids.at(-1));
    const entries = await collected(queueEntries(queue));
    assert.deepEqual(
      entries.map(({ id }) => id),
      ids,
    );
    for (const id of ids) assert.equal((await queue.get(id))?.id, id);
    assert.equal(await queue.get(`${ids[1]!.slice(0, -2)}13`), undefined, 'of another node');
    const [lease] = await queue.claim({ ...everything, limit: 1 });
    assert.equal(await queue.settle(settlement(lease!, delivered)), true);
    assert.equal(await queue.get(lease!.message.id), undefined);
    assert.deepEqual(await countOf(queue), { messages: 11, recipients: 11 });
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
    assert.deepEqual(await countOf(queue), { messages: 1, recipients: 7500 });
    assert.equal((await queue.get('m1'))?.recipients.length, 7500);
    const [again] = await queue.claim({ ...everything, now: 9000, limit: 1 });
    assert.equal(again?.recipients.length, 2500);
  });
}

const idOfNode = (node: number, now: number): string =>
  createMessageIds({
    clock: { now: () => 1_800_000_000_000 + now },
    random: seededRandom(1),
    node,
  })();
