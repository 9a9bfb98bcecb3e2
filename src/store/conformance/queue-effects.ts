// What every QueueStore must do about what follows from a delivery: messages for folders, messages for the
// queue and what an account remembers are there with the outcomes, or none of them is.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Effect } from '../queue-store.ts';
import { rememberedMax } from '../queue-store.ts';
import type { OpenTestStores, TestStores } from './harness.ts';
import { at, countOf, delivered, listed, message, settlement, text } from './harness.ts';
import { everything } from './queue-harness.ts';

const ann = 'ann@example.org';

const ever = Number.MAX_SAFE_INTEGER;

const sentOn = (id: string, from: string): Effect => ({
  ...{ kind: 'enqueue', reason: 'redirect' },
  message: {
    ...message(id, {
      prefix: 'Received: again\r\n',
      recipients: [at('c@far.test', 'mx:far.test')],
    }),
    content: { kind: 'queued', id: from },
  },
});

const remember = (key: string, until: number, account = ann): Effect => ({
  ...{ kind: 'remember', account, key, until },
});

const kept = (id: string, folder = 'INBOX', create = false): Effect => ({
  ...{ kind: 'append', account: ann, folder, create, prefix: '', flags: ['\\Seen'], received: 1 },
  content: { kind: 'queued', id },
});

/** A message for ann, leased. */
async function arrived({ stores }: TestStores, id: string, content = text('Subject: x\r\n\r\ny')) {
  const given = message(id, { recipients: [at(ann, 'local')], content });
  const [lease] = await stores.queue.enqueue(given, { leaseUntil: 5_000_000 });
  return lease!;
}

export function testEffects(open: OpenTestStores): void {
  it('mail that follows may be held, and brings its records along', async () => {
    await using test = await open();
    const { queue, records } = test.stores;
    const lease = await arrived(test, 'm1');
    const effect = sentOn('c1', 'm1') as Extract<Effect, { kind: 'enqueue' }>;
    const record = { kind: 'sent', key: 'c1', value: 'x' };
    const message = { ...effect.message, held: true, records: [record] };
    const effects = [{ ...effect, message }];
    assert.equal(await queue.settle(settlement(lease, delivered, { effects })), true);
    assert.deepEqual(await records.get('sent', 'c1'), record);
    assert.equal((await queue.get('c1'))?.recipients[0]?.state, 'held');
    assert.deepEqual(await queue.claim(everything), []);
  });

  it('all effects of a settlement happen with it, and are there after a crash', async () => {
    await using test = await open();
    const lease = await arrived(test, 'm1');
    const effects = [kept('m1'), sentOn('c1', 'm1'), remember('k', ever)];
    assert.equal(await test.stores.queue.settle(settlement(lease, delivered, { effects })), true);
    assert.equal(await test.stores.queue.settle(settlement(lease, delivered, { effects })), false);
    await test.restart();
    const { queue } = test.stores;
    assert.equal((await listed(test.stores.folders, ann)).length, 1);
    assert.equal(await queue.remembered(ann, 'k'), true);
    assert.deepEqual(await countOf(queue), { messages: 1, recipients: 1 });
    const [child] = await queue.claim(everything);
    assert.equal(child?.message.id, 'c1');
    assert.equal(child?.message.prefix, 'Received: again\r\n');
    assert.equal(Buffer.from(child!.message.content.bytes!).toString(), 'Subject: x\r\n\r\ny');
  });

  it('none happens when one cannot, nor under a lease that is lost', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const lease = await arrived(test, 'm1');
    // An id that is taken.
    const effects = [kept('m1'), remember('k', ever), sentOn('c1', 'm1'), sentOn('m1', 'm1')];
    await assert.rejects(queue.settle(settlement(lease, delivered, { effects })));
    await queue.release([lease]);
    assert.equal(
      await queue.settle(settlement(lease, delivered, { effects: effects.slice(0, 3) })),
      false,
    );
    assert.deepEqual(await listed(test.stores.folders, ann), []);
    assert.equal(await queue.remembered(ann, 'k'), false);
    assert.deepEqual(await countOf(queue), { messages: 1, recipients: 1 });
  });

  for (const octets of [100, 300_000])
    it(`content of ${octets} octets that is sent on is kept once, until the last has gone`, async () => {
      await using test = await open();
      const { queue, spool } = test.stores;
      const writer = spool.create();
      await writer.write(Buffer.alloc(octets, 'x'));
      const content = await writer.commit();
      const lease = await arrived(test, 'm1', content);
      const effects = [kept('m1'), sentOn('c1', 'm1'), sentOn('c2', 'm1')];
      assert.equal(await queue.settle(settlement(lease, delivered, { effects })), true);
      assert.equal((await queue.get('c1'))?.size, octets);
      for (const child of await queue.claim(everything)) {
        let read = 0;
        for await (const piece of child.message.content.read()) read += piece.length;
        assert.equal(read, octets);
        assert.equal(await queue.settle(settlement(child, delivered)), true);
      }
      assert.deepEqual(await countOf(queue), { messages: 0, recipients: 0 });
      assert.equal((await listed(test.stores.folders, ann))[0]?.size, octets);
    });

  it('RFC 5490 §3.2: a folder is made where that is asked for; otherwise the message is in INBOX', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const lease = await arrived(test, 'm1');
    const effects = [kept('m1', 'Lists/One', true), kept('m1', 'Lists/Two'), kept('m1')];
    await queue.settle(settlement(lease, delivered, { effects }));
    const again = await arrived(test, 'm2');
    await queue.settle(settlement(again, delivered, { effects: [kept('m2', 'Lists/One', true)] }));
    const found = async (folder: string) =>
      (await listed(test.stores.folders, ann, { path: folder })).map(({ flags }) => flags);
    assert.deepEqual(await found('Lists/One'), [['\\Seen'], ['\\Seen']]);
    assert.deepEqual(await found('Lists/Two'), []);
    assert.deepEqual(await found('INBOX'), [['\\Seen'], ['\\Seen']]);
  });

  it('RFC 5230 §4.2: what is remembered is so until its time, for its account, and anew from the last time', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const now = test.clock.now();
    const settled = async (id: string, ...effects: readonly Effect[]) =>
      queue.settle(settlement(await arrived(test, id), delivered, { effects }));
    const long = 'long'.repeat(1000);
    await settled('m1', remember('k', now + 1000), remember(long, now + 1000));
    assert.equal(await queue.remembered(ann, 'k'), true);
    assert.equal(await queue.remembered(ann, long), true);
    assert.equal(await queue.remembered(ann, `${long}er`), false);
    assert.equal(await queue.remembered(ann, 'K'), false);
    assert.equal(await queue.remembered('bob@example.org', 'k'), false);
    await test.clock.advance(999);
    assert.equal(await queue.remembered(ann, 'k'), true);
    await settled('m2', remember('k', now + 2000));
    await test.clock.advance(1);
    assert.equal(await queue.remembered(ann, long), false);
    assert.equal(await queue.remembered(ann, 'k'), true);
    await test.clock.advance(1000);
    assert.equal(await queue.remembered(ann, 'k'), false);
  });

  it('an account remembers so much and no more: what it would forget first goes', async () => {
    await using test = await open();
    const { queue } = test.stores;
    const now = test.clock.now();
    const effects = [remember('soon', now + 1000), remember('late', now + 9000)];
    for (let i = 1; i < rememberedMax; i += 1) effects.push(remember(`k${i}`, now + 5000));
    await queue.settle(settlement(await arrived(test, 'm1'), delivered, { effects }));
    assert.equal(await queue.remembered(ann, 'soon'), false);
    for (const key of ['late', 'k1', `k${rememberedMax - 1}`])
      assert.equal(await queue.remembered(ann, key), true, key);
  });

  it('what an account remembers goes with it', async () => {
    await using test = await open();
    const { queue, accounts } = test.stores;
    await accounts.add(ann, undefined, 0);
    const effects = [remember('k', ever), remember('k', ever, 'bob@example.org')];
    await queue.settle(settlement(await arrived(test, 'm1'), delivered, { effects }));
    await accounts.remove(ann);
    assert.equal(await queue.remembered(ann, 'k'), false);
    assert.equal(await queue.remembered('bob@example.org', 'k'), true);
  });
}
