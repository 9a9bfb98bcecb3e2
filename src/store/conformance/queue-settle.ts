// What every QueueStore must do with what became of an attempt. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { StorageError } from '../../smtp/smtp-error.ts';
import { queueEntries } from '../queue-entries.ts';
import type { Outcome } from '../queue-store.ts';
import type { OpenTestStores } from './harness.ts';
import {
  at,
  collected,
  countOf,
  deferred,
  delivered,
  listed,
  message,
  openById,
  readUntilGone,
  removed,
  settlement,
} from './harness.ts';
import { everything, mail, readAll, stored } from './queue-harness.ts';

export function testSettle(open: OpenTestStores): void {
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
    assert.deepEqual(await countOf(queue), { messages: 1, recipients: 2 });
    assert.equal(await queue.settle(part(0, 2)), false, 'one of them is settled already');
    assert.deepEqual(await countOf(queue), { messages: 1, recipients: 2 });
    assert.equal(await queue.settle(part(1, 3)), true);
    assert.deepEqual(await countOf(queue), { messages: 0, recipients: 0 });
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
    assert.deepEqual([...results].sort(), [false, true], 'which of them is nobody’s promise');
    assert.deepEqual(
      (await collected(queueEntries(queue))).map(({ id }) => id),
      [results[0] ? 'm2' : 'm3'],
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
    assert.ok(given.content.kind === 'file');
    await assert.rejects(readUntilGone(spool, given.content), StorageError);
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
