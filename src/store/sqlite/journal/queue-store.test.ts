// What the journal adds to the suite of conformance/queue-store.ts: what is saved into the store behind
// and when, and that no crash, wherever it happens, loses or makes up anything.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import { fc } from '../../../base/test-properties.ts';
import { StorageError } from '../../../smtp/smtp-error.ts';
import {
  at,
  collected,
  countOf,
  deferred,
  delivered,
  message,
  settlement,
} from '../../conformance/harness.ts';
import { queueEntries } from '../../queue-entries.ts';
import type { Lease, NewMessage, QueueStore } from '../../queue-store.ts';
import type { SqliteStoresOptions } from '../stores.ts';
import { MemoryDisk, openSqliteStores } from '../stores.ts';
import type { Fault } from '../transport.ts';

const claim = { limit: 100, perDestination: 100, skip: new Set<string>(), leaseMs: 60_000 };
const inLine = 1e15;

async function open(disk = new MemoryDisk(), options: Partial<SqliteStoresOptions> = {}) {
  const operations: string[] = [];
  const clock = (options.clock as FakeClock | undefined) ?? new FakeClock();
  const stores = await openSqliteStores({
    ...{ directory: ':memory:', disk, clock, log: silentLog },
    journal: { prepare: true, segmentBytes: 64 * 1024 },
    faults: (batch) => {
      operations.push(...batch);
      return undefined;
    },
    ...options,
  });
  operations.length = 0;
  return { disk, clock, operations, stores, queue: stores.queue };
}

const rows = ({ database }: MemoryDisk): unknown =>
  database.prepare('SELECT count(*) AS n FROM message').get()?.n;

async function leased(queue: QueueStore, id: string, changes = {}): Promise<Lease> {
  const [lease] = await queue.enqueue(message(id, changes), { leaseUntil: inLine });
  return lease!;
}

const moved = () => ({ delivery: 'relay', destination: 'mx:new' }) as const;

describe('mail that is relayed at once', () => {
  it('never comes near the database', async () => {
    const { queue, operations, clock, disk } = await open();
    for (let i = 0; i < 10; i += 1)
      assert.equal(await queue.settle(settlement(await leased(queue, `m${i}`), delivered)), true);
    await clock.advance(10_000);
    assert.deepEqual(operations, []);
    disk.journal.crash();
    const next = await open(disk);
    assert.deepEqual(next.operations, []);
    assert.equal(rows(disk), 0);
  });

  it('to two destinations is done with when both are', async () => {
    const { queue, disk, clock } = await open();
    const recipients = [at('a@a.test', 'mx:a'), at('b@b.test', 'mx:b')];
    const given = message('m1', { recipients });
    const [first, second] = await queue.enqueue(given, { leaseUntil: inLine });
    assert.equal(await queue.settle(settlement(first!, delivered)), true);
    assert.equal(await queue.settle(settlement(first!, delivered)), false, 'once');
    await clock.advance(100);
    disk.journal.crash();
    const next = await open(disk);
    const entry = await next.queue.get('m1');
    assert.deepEqual(
      entry?.recipients.map(({ index, address, attempts }) => [index, address, attempts]),
      [[1, 'b@b.test', 1]],
    );
    assert.equal(await next.queue.settle(settlement(second!, delivered)), false);
  });

  it('leaves the room it took, however much of it comes', async () => {
    const { queue, operations, clock } = await open();
    const content = { kind: 'inline', bytes: Buffer.alloc(20_000, 'x') } as const;
    for (let i = 0; i < 60; i += 1) {
      await queue.settle(settlement(await leased(queue, `m${i}`, { content }), delivered));
      await clock.advance(0);
    }
    assert.deepEqual(operations, []);
    await clock.advance(10_000);
    assert.equal(clock.nextTimer(), undefined, 'nothing is waited for any more');
  });

  it('is queued once', async () => {
    const { queue } = await open();
    await leased(queue, 'm1');
    await assert.rejects(leased(queue, 'm1'), /queued already/);
  });

  it('that is delivered while it is saved is done with in the store', async () => {
    const { queue, disk } = await open();
    const lease = await leased(queue, 'm1');
    const asked = queue.get('m1');
    assert.equal(await queue.settle(settlement(lease, delivered)), true);
    await asked;
    assert.equal(rows(disk), 0);
    assert.equal(await queue.settle(settlement(lease, delivered)), false);
  });

  it('goes straight to the store with more than a thousand recipients', async () => {
    const { queue, operations } = await open(undefined, {
      journal: { prepare: true, segmentBytes: 2 ** 20 },
    });
    const many = (count: number) =>
      Array.from({ length: count }, (_, i) => at(`r${i}@a.test`, 'mx:a'));
    await leased(queue, 'm1', { recipients: many(1000) });
    assert.deepEqual(operations, []);
    await leased(queue, 'm2', { recipients: many(1001) });
    assert.deepEqual(operations, ['enqueue']);
  });

  it('goes straight to the store when a mailbox here is among the recipients', async () => {
    const { queue, operations } = await open();
    const recipients = [at('ann@example.org', 'local'), at('b@b.test', 'mx:b')];
    await queue.enqueue(message('m1', { recipients }), { leaseUntil: inLine });
    assert.deepEqual(operations, ['enqueue']);
  });
});

describe('large content', () => {
  const large = { content: { kind: 'inline', bytes: Buffer.alloc(300_000, 'x') } } as const;
  const settings = { journal: { prepare: true, segmentBytes: 2 ** 20 } };
  const files = (disk: MemoryDisk) => disk.spool.files;

  it('that is relayed at once comes in no file', async () => {
    const { disk, stores, queue, operations } = await open(undefined, settings);
    const writer = stores.spool.create({ relayed: true });
    await writer.write(large.content.bytes);
    const content = await writer.commit();
    assert.equal(content.kind, 'inline');
    const lease = await leased(queue, 'm1', { content });
    assert.equal(lease.message.content.size, 300_000);
    assert.equal(await queue.settle(settlement(lease, delivered)), true);
    assert.deepEqual([files(disk), operations], [0, []]);
  });

  it('becomes a file when it is saved, after a crash, and for those who want no lease', async () => {
    const ways: readonly ((one: Awaited<ReturnType<typeof open>>) => Promise<unknown>)[] = [
      async ({ queue }) => queue.settle(settlement(await leased(queue, 'm1', large), deferred(9))),
      async ({ queue }) => {
        await leased(queue, 'm1', large);
        assert.equal((await queue.get('m1'))?.size, 300_000);
      },
      async ({ queue, disk }) => {
        await leased(queue, 'm1', large);
        disk.journal.crash();
      },
      async ({ queue }) => queue.enqueue(message('m1', large), { leaseUntil: undefined }),
    ];
    for (const way of ways) {
      const one = await open(undefined, settings);
      await way(one);
      const { queue, stores } = await open(one.disk, settings);
      assert.equal(files(one.disk), 1);
      const [lease] = await queue.claim({ now: 1e14, ...claim });
      const pieces = await collected(lease!.message.content.read());
      assert.equal(Buffer.compare(Buffer.concat(pieces), large.content.bytes), 0);
      await queue.settle(settlement(lease!, delivered));
      await stores[Symbol.asyncDispose]();
      assert.equal(files(one.disk), 0);
    }
  });

  it('128 KiB are in a row, an octet more is in a file, and what is in one stays there', async () => {
    const { queue, disk, stores } = await open(undefined, settings);
    const enqueue = (id: string, content: NewMessage['content']) =>
      queue.enqueue(message(id, { content }), { leaseUntil: undefined });
    const most = 128 * 1024;
    await enqueue('m1', { kind: 'inline', bytes: Buffer.alloc(most) });
    assert.equal(files(disk), 0);
    await enqueue('m2', { kind: 'inline', bytes: Buffer.alloc(most + 1) });
    assert.equal(files(disk), 1);
    const writer = stores.spool.create();
    await writer.write(large.content.bytes);
    const content = await writer.commit();
    assert.equal(content.kind, 'file');
    await enqueue('m3', content);
    assert.equal(files(disk), 2);
  });

  it('becomes a file for a mailbox with room, and leaves none where there is no room', async () => {
    const { queue, disk } = await open(undefined, settings);
    const account = 'ann@example.org';
    const enqueue = (id: string, bytes: number) =>
      queue.enqueueWithRoom(message(id, { ...large, recipients: [at(account, 'local')] }), {
        leaseUntil: undefined,
        room: {
          quota: { bytes: 1000, messages: 10 },
          needs: [{ account, bytes }],
          replies: [[0]],
        },
      });
    assert.deepEqual((await enqueue('m1', 1001)).queued, []);
    assert.equal(files(disk), 0);
    assert.deepEqual((await enqueue('m2', 1000)).queued, [0]);
    assert.equal(files(disk), 1);
    const content = (await queue.open('m2'))!.content;
    assert.equal(Buffer.concat(await collected(content.read())).length, 300_000);
  });

  it('leaves no file behind when the store refuses it', async () => {
    let fault: Fault | undefined;
    const { queue, disk } = await open(undefined, { ...settings, faults: () => fault });
    const lease = await leased(queue, 'm1', large);
    fault = 'full';
    await assert.rejects(queue.settle(settlement(lease, deferred(9))), StorageError);
    assert.equal(files(disk), 0);
    fault = undefined;
    assert.equal(await queue.settle(settlement(lease, deferred(9))), true);
    assert.equal(files(disk), 1);
  });
});

describe('a destination in trouble', () => {
  it('is remembered among a thousand; then all are forgotten', async () => {
    const { queue, operations } = await open();
    const mailTo = (i: number) => ({ recipients: [at(`x@d${i}.test`, `mx:d${i}`)] });
    for (let i = 0; i < 1000; i += 1)
      await queue.settle(settlement(await leased(queue, `m${i}`, mailTo(i)), deferred(1e14)));
    operations.length = 0;
    await leased(queue, 'first', mailTo(0));
    assert.deepEqual(operations, ['enqueue']);
    const last = await leased(queue, 'm1000', mailTo(1000));
    await queue.settle(settlement(last, deferred(1e14)));
    operations.length = 0;
    await leased(queue, 'first-again', mailTo(0));
    assert.deepEqual(operations, []);
    await leased(queue, 'last-again', mailTo(1000));
    assert.deepEqual(operations, ['enqueue']);
  });

  it('has its mail in the store from the beginning, for some seconds', async () => {
    const { queue, operations, clock } = await open();
    await queue.settle(settlement(await leased(queue, 'm1'), deferred(9)));
    operations.length = 0;
    await leased(queue, 'm2');
    assert.deepEqual(operations, ['enqueue']);
    await leased(queue, 'm3', { recipients: [at('x@other.test', 'mx:other')] });
    assert.deepEqual(operations, ['enqueue']);
    await clock.advance(6000);
    operations.length = 0;
    await leased(queue, 'm4');
    assert.deepEqual(operations, []);
  });
});

describe('whoever only looks', () => {
  const looks: readonly ((queue: QueueStore) => Promise<unknown>)[] = [
    async (queue) => (await collected(queueEntries(queue))).map(({ id }) => id),
    async (queue) =>
      (await queue.search({ sender: 'ann@example.org' }, { limit: 9 })).entries.length,
    async (queue) => (await queue.totals({})).messages,
    async (queue) => (await queue.totals({ sender: 'eve@example.org' })).messages,
    (queue) => queue.recipientCount(),
    async (queue) => (await queue.get('m1'))?.recipients.map(({ state }) => state),
    async (queue) => (await queue.get('m2'))?.recipients.map(({ state }) => state),
    async (queue) =>
      Buffer.concat(await collected((await queue.open('m1'))!.content.read())).length,
    async (queue) => (await queue.open('m1'))!.prefix,
    async (queue) => queue.newest(),
  ];
  const trace = 'Received: by mx.example.org\r\n';
  const seen = [['m1', 'm2'], 2, 2, 0, 2, ['active'], ['queued'], 25, trace, 'm2'];

  it('writes nothing, so that a full disk keeps nobody from it', async () => {
    let full = false;
    const { queue, disk } = await open(undefined, {
      // Nothing but questions is answered.
      faults: (batch) => {
        const asks = new Set(['queuePage', 'entry', 'message', 'newest', 'recipientCount']);
        return full && batch.some((name) => !asks.has(name)) ? 'full' : undefined;
      },
    });
    const lease = await leased(queue, 'm1');
    await queue.enqueue(message('m2'), { leaseUntil: undefined });
    full = true;
    assert.deepEqual(await Promise.all(looks.map((look) => look(queue))), seen);
    assert.equal(rows(disk), 1, 'what is in the journal stays there');
    assert.equal(await queue.settle(settlement(lease, delivered)), true);
  });

  it('sees what the journal has had last, when ids are made', async () => {
    const { queue } = await open();
    await queue.enqueue(message('m1'), { leaseUntil: undefined });
    for (const id of ['m3', 'm2']) await leased(queue, id);
    assert.equal(await queue.newest(), 'm3');
  });
});

describe('what is saved into the store', () => {
  it('a message that waits for seconds, under the lease it has', async () => {
    const { queue, operations, clock, disk } = await open();
    const lease = await leased(queue, 'm1');
    await clock.advance(4900);
    assert.deepEqual(operations, []);
    await clock.advance(1200);
    assert.deepEqual(operations, ['adopt']);
    assert.equal(rows(disk), 1);
    assert.deepEqual(await queue.claim({ now: 1e14, ...claim }), [], 'it is held');
    assert.equal(await queue.settle(settlement(lease, delivered)), true);
    assert.equal(rows(disk), 0);
  });

  it('a message that is deferred, with its outcome, in one transaction', async () => {
    const { queue, operations } = await open();
    const lease = await leased(queue, 'm1');
    assert.equal(await queue.settle(settlement(lease, deferred(5000))), true);
    assert.deepEqual(operations, ['adopt', 'settle']);
    assert.equal((await queue.get('m1'))?.recipients[0]?.nextAttempt, 5000);
  });

  it('a message that failed, with its report', async () => {
    const { queue } = await open();
    const lease = await leased(queue, 'm1');
    const enqueue = [message('n1', { sender: '' })];
    assert.equal(await queue.settle(settlement(lease, { kind: 'failed' }, { enqueue })), true);
    assert.deepEqual(
      (await collected(queueEntries(queue))).map(({ id }) => id),
      ['n1'],
    );
  });

  it('what somebody changes, whatever it is', async () => {
    const asks: readonly ((queue: QueueStore, lease: Lease) => Promise<unknown>)[] = [
      async (queue) => assert.equal(await queue.hold(['m1']), 1),
      async (queue) => assert.equal(await queue.retry(['m1'], 1), 0),
      async (queue) => assert.equal(await queue.retry(undefined, 1), 0),
      async (queue) => assert.equal(await queue.unhold(['m1'], 1), 0),
      async (queue) => assert.deepEqual(await queue.take('m1', { now: 1, leaseMs: 1 }), []),
      async (queue) => assert.equal(await queue.reroute(moved), 1),
      async (queue) => assert.equal(await queue.rerouteSome(['m1'], moved), 0),
      async (queue, lease) => queue.release([lease]),
    ];
    for (const ask of asks) {
      const { queue, disk } = await open();
      const lease = await leased(queue, 'm1');
      await ask(queue, lease);
      assert.equal(rows(disk), 1, String(ask));
    }
  });

  it('no less when the outcome comes meanwhile: what was delivered is in neither', async () => {
    const { queue } = await open();
    const lease = await leased(queue, 'm1');
    const held = queue.hold(['m1']);
    assert.equal(await queue.settle(settlement(lease, delivered)), true);
    await held;
    assert.equal((await countOf(queue)).messages, 0);
  });

  it('everything for a copy of the database', async () => {
    const { queue, stores, disk } = await open();
    await leased(queue, 'm1');
    const release = await stores.maintenance.hold();
    assert.equal(rows(disk), 1);
    release();
  });

  it('an expired lease, so that it is passed on', async () => {
    const { queue } = await open();
    const [lost] = await queue.enqueue(message('m1'), { leaseUntil: 2000 });
    await queue.enqueue(message('m2'), { leaseUntil: 5000 });
    assert.equal(await queue.nextDue(new Set()), 2000);
    assert.deepEqual(await queue.claim({ now: 1999, ...claim }), []);
    const [held] = await queue.claim({ now: 2000, ...claim });
    assert.equal(held?.recipients[0]?.attempt, 2);
    assert.equal(await queue.nextDue(new Set()), 5000, 'the next one');
    assert.equal(await queue.settle(settlement(lost!, delivered)), false);
  });

  it('a lease that is given back, for whoever claims next', async () => {
    const { queue } = await open();
    assert.equal(await queue.nextDue(new Set()), undefined);
    await queue.release([await leased(queue, 'm1')]);
    const [next] = await queue.claim({ now: 1e14, ...claim });
    assert.equal(next?.message.id, 'm1');
  });

  it('everything when the store is closed: the journal is empty then', async () => {
    const { queue, stores, disk } = await open();
    await leased(queue, 'm1');
    await stores[Symbol.asyncDispose]();
    assert.equal(rows(disk), 1);
    await assert.rejects(leased(queue, 'm2'), StorageError);
    const next = await open(disk);
    assert.deepEqual(next.operations, []);
    assert.equal((await countOf(next.queue)).messages, 1);
  });
});

describe('a segment that is wanted for new mail', () => {
  const content = { kind: 'inline', bytes: Buffer.alloc(20_000, 'x') } as const;
  const adopted = (operations: readonly string[]) =>
    operations.filter((name) => name === 'adopt').length;

  it('has what is alive in it saved at once, and nothing else', async () => {
    const { queue, operations, clock } = await open();
    for (let i = 0; i < 40; i += 1) {
      const before = adopted(operations);
      await leased(queue, `m${i}`, { content });
      await clock.advance(0);
      assert.ok(adopted(operations) - before <= 2, 'a segment has room for two');
    }
    assert.ok(adopted(operations) > 0);
    const ids = (await collected(queueEntries(queue))).map(({ id }) => id);
    assert.equal(new Set(ids).size, 40);
  });

  it('is not asked for at each message where the store has no room', async () => {
    const operations: string[] = [];
    const faults = (batch: readonly string[]): Fault | undefined => {
      operations.push(...batch);
      return batch.includes('adopt') ? 'full' : undefined;
    };
    const { queue, clock } = await open(undefined, { faults });
    const tryOne = async (id: string) => {
      await leased(queue, id, { content }).catch(() => {});
      await clock.advance(0);
    };
    for (let i = 0; i < 30; i += 1) await tryOne(`m${i}`);
    assert.equal(adopted(operations), 2);
    await clock.advance(1000);
    await tryOne('later');
    assert.equal(adopted(operations), 4);
  });
});

describe('closing', () => {
  it('saves what is being written just then', async () => {
    const { queue, stores, disk } = await open();
    const asked = leased(queue, 'm1');
    const closing = stores[Symbol.asyncDispose]();
    await asked;
    await closing;
    const next = await open(disk);
    assert.equal((await countOf(next.queue)).messages, 1);
  });

  it('leaves in the journal what the store has no room for', async () => {
    let fault: Fault | undefined;
    const { queue, stores, disk } = await open(undefined, { faults: () => fault });
    await leased(queue, 'm1');
    fault = 'full';
    await stores[Symbol.asyncDispose]();
    assert.equal(rows(disk), 0);
    const next = await open(disk);
    assert.equal((await countOf(next.queue)).messages, 1);
  });

  it('brings nothing back that was done a moment before', async () => {
    const { queue, stores, disk } = await open();
    await queue.settle(settlement(await leased(queue, 'm1'), delivered));
    await stores[Symbol.asyncDispose]();
    const next = await open(disk);
    assert.equal((await countOf(next.queue)).messages, 0);
  });
});

describe('trouble', () => {
  it('a store without room when the journal fails: it is asked again, then the journal is begun', async () => {
    let fault: Fault | undefined;
    const faults = (batch: readonly string[]) => {
      operations.push(...batch);
      return fault;
    };
    const operations: string[] = [];
    const { queue, disk, clock } = await open(undefined, { faults });
    await leased(queue, 'm1');
    disk.journal.faults = () => ({ kind: 'failed' });
    fault = 'full';
    await assert.rejects(leased(queue, 'm2'), StorageError);
    disk.journal.faults = undefined;
    await clock.advance(500);
    assert.equal(rows(disk), 0);
    fault = undefined;
    await clock.advance(1000);
    assert.equal(rows(disk), 1);
    await clock.advance(30_000);
    operations.length = 0;
    await queue.settle(settlement(await leased(queue, 'm3'), delivered));
    assert.deepEqual(operations, []);
  });

  it('a database without room leaves a message in the journal, and tries again', async () => {
    let fault: Fault | undefined = 'full';
    const disk = new MemoryDisk();
    const clock = new FakeClock();
    let open_ = false;
    const { queue } = await open(disk, { clock, faults: () => (open_ ? fault : undefined) });
    open_ = true;
    const lease = await leased(queue, 'm1');
    await assert.rejects(queue.settle(settlement(lease, deferred(9000))), StorageError);
    await clock.advance(8000);
    assert.equal(rows(disk), 0);
    fault = undefined;
    await clock.advance(2000);
    assert.equal(rows(disk), 1);
    assert.equal(await queue.settle(settlement(lease, deferred(9000))), true);
  });

  it('a journal that fails refuses who waits, saves the others, and is begun anew', async () => {
    const said: string[] = [];
    const log = { ...silentLog, error: (event: string) => said.push(event) };
    const { queue, disk, clock, operations } = await open(undefined, { log });
    const lease = await leased(queue, 'm1');
    disk.journal.faults = () => ({ kind: 'failed' });
    await assert.rejects(leased(queue, 'm2'), StorageError);
    disk.journal.faults = undefined;
    await clock.advance(0);
    assert.deepEqual(said, ['journal-failed']);
    assert.equal(rows(disk), 1);
    await leased(queue, 'm3');
    assert.equal(rows(disk), 2, 'the store takes what comes meanwhile');
    assert.equal(await queue.settle(settlement(lease, delivered)), true);
    await clock.advance(30_000);
    operations.length = 0;
    await queue.settle(settlement(await leased(queue, 'm4'), delivered));
    assert.deepEqual(operations, []);
  });

  it('a journal that fails while the store has no room: what is delivered meanwhile is not said to be recorded', async () => {
    let fault: Fault | undefined;
    const { queue, disk, clock } = await open(undefined, { faults: () => fault });
    const recipients = [at('a@one.test', 'mx:one.test'), at('b@two.test', 'mx:two.test')];
    const [one, two] = await queue.enqueue(message('m1', { recipients }), { leaseUntil: inLine });
    const other = await leased(queue, 'm2');
    disk.journal.faults = () => ({ kind: 'failed' });
    fault = 'full';
    await assert.rejects(leased(queue, 'm3'), StorageError);
    disk.journal.faults = undefined;
    await clock.advance(0);
    for (const lease of [one!, other])
      await assert.rejects(queue.settle(settlement(lease, delivered)), StorageError);
    fault = undefined;
    await clock.advance(1000);
    for (const lease of [one!, other])
      assert.equal(await queue.settle(settlement(lease, delivered)), true);
    disk.journal.crash();
    const next = await open(disk);
    const [entry, ...rest] = await collected(queueEntries(next.queue));
    assert.deepEqual(rest, []);
    assert.deepEqual(
      entry!.recipients.map(({ address }) => address),
      two!.recipients.map(({ address }) => address),
    );
  });

  it('a crash between the commit of a message and word of it: it is there once', async () => {
    const disk = new MemoryDisk();
    const { queue } = await open(disk, {
      faults: (batch) => (batch.includes('adopt') ? 'crash-after' : undefined),
    });
    const lease = await leased(queue, 'm1');
    await assert.rejects(queue.settle(settlement(lease, deferred(1e14))));
    disk.journal.crash();
    const next = await open(disk);
    assert.deepEqual(
      (await collected(queueEntries(next.queue))).map(({ id }) => id),
      ['m1'],
    );
  });
});

type Step =
  | { readonly kind: 'enqueue'; readonly count: number; readonly size: number }
  | { readonly kind: 'deliver' | 'defer' | 'ask'; readonly which: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | {
      readonly kind: 'fault';
      readonly what: 'torn' | 'crash-after' | 'failed';
      readonly after: number;
    }
  | { readonly kind: 'store'; readonly fault: Fault }
  | { readonly kind: 'crash' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('enqueue' as const),
      count: fc.integer({ min: 1, max: 6 }),
      size: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 40_000 })),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('deliver' as const), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('defer' as const, 'ask' as const),
      which: fc.nat(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(0, 10, 60, 1000, 6000, 31_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      what: fc.constantFrom('torn' as const, 'crash-after' as const, 'failed' as const),
      after: fc.nat(3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('store' as const),
      fault: fc.constantFrom<Fault>('full', 'crash-before', 'crash-after'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
);

/** A store without room is asked again after a second. */
const storeAgainMs = 1_300;

/** What we know of one message. */
interface Fate {
  readonly content: string;
  lease: Lease | undefined;
  /** `accepted`: it is there. `maybe`: it may be. `delivered` since then. */
  state: 'maybe' | 'accepted' | { readonly delivered: number };
}

class World {
  readonly #disk = new MemoryDisk();
  readonly #clock = new FakeClock();
  readonly #fates = new Map<string, Fate>();
  #queue!: QueueStore;
  #dead = false;
  /** When the process died: time went on until it is started again. */
  #diedAt = 0;
  #storeFault: Fault | undefined;
  /** When the store had no room: what the journal cannot write waits for it then. */
  #fullAt = Number.NEGATIVE_INFINITY;
  #torn: number;
  #made = 0;

  constructor(torn: number) {
    this.#torn = torn;
  }

  async start(): Promise<void> {
    this.#dead = false;
    const { queue } = await open(this.#disk, {
      clock: this.#clock,
      faults: () => {
        if (this.#dead) return 'crash-before';
        const fault = this.#storeFault;
        this.#storeFault = undefined;
        if (fault === 'full') this.#fullAt = this.#clock.now();
        else if (fault !== undefined) this.#die();
        return fault;
      },
    });
    this.#queue = queue;
  }

  async run(one: Step): Promise<void> {
    switch (one.kind) {
      case 'enqueue':
        await Promise.all(Array.from({ length: one.count }, () => this.#enqueue(one.size)));
        break;
      case 'deliver':
      case 'defer':
      case 'ask':
        await this.#settle(one);
        break;
      case 'wait':
        await this.#clock.advance(one.ms);
        break;
      case 'fault':
        this.#arm(one);
        break;
      case 'store':
        this.#storeFault = one.fault;
        break;
      case 'crash':
        this.#die();
        break;
    }
    if (this.#dead) await this.restart();
  }

  async restart(): Promise<void> {
    this.#disk.journal.faults = undefined;
    this.#storeFault = undefined;
    await this.start();
    const there = new Map<string, string>();
    for await (const { id } of queueEntries(this.#queue)) {
      const content = (await this.#queue.open(id))!.content;
      there.set(id, Buffer.concat(await collected(content.read())).toString());
    }
    for (const [id, fate] of this.#fates) {
      const found = there.get(id);
      there.delete(id);
      fate.lease = undefined;
      if (found !== undefined) assert.equal(found, fate.content);
      if (fate.state === 'accepted') assert.notEqual(found, undefined, `${id} is lost`);
      const wordMs = this.#diedAt - this.#fullAt < storeAgainMs ? storeAgainMs : 100;
      if (typeof fate.state === 'object' && fate.state.delivered + wordMs < this.#diedAt)
        assert.equal(found, undefined, `${id} is there again`);
      if (found === undefined) this.#fates.delete(id);
      else fate.state = 'accepted';
    }
    assert.deepEqual([...there.keys()], [], 'nothing is made up');
  }

  #die(): void {
    this.#end();
    this.#disk.journal.crash();
  }

  #end(): void {
    if (!this.#dead) this.#diedAt = this.#clock.now();
    this.#dead = true;
  }

  #arm({ what, after }: { what: 'torn' | 'crash-after' | 'failed'; after: number }): void {
    let left = after;
    this.#disk.journal.faults = () => {
      left -= 1;
      if (left >= 0) return undefined;
      this.#disk.journal.faults = undefined;
      if (what !== 'failed') this.#end();
      if (what !== 'torn') return { kind: what };
      return { kind: what, keeps: (sector) => ((this.#torn >> (sector % 20)) & 1) === 1 };
    };
  }

  async #enqueue(size: number): Promise<void> {
    this.#made += 1;
    const id = `m${this.#made}`;
    const content = `${id}\r\n${'x'.repeat(size)}`;
    const fate: Fate = { content, lease: undefined, state: 'maybe' };
    this.#fates.set(id, fate);
    const given = message(id, { content: { kind: 'inline', bytes: Buffer.from(content) } });
    await this.#unlessDead(async () => {
      [fate.lease] = await this.#queue.enqueue(given, { leaseUntil: inLine });
      fate.state = 'accepted';
    });
  }

  async #settle({ kind, which }: { kind: 'deliver' | 'defer' | 'ask'; which: number }) {
    const held = [...this.#fates].filter(([, { lease }]) => lease !== undefined);
    const [id, fate] = held[which % held.length] ?? [];
    if (id === undefined || fate === undefined) return;
    await this.#unlessDead(async () => {
      if (kind === 'ask') return void (await this.#queue.get(id));
      const outcome = kind === 'deliver' ? delivered : deferred(1e14);
      // The one that died over it may have written it down.
      const before = fate.state;
      if (kind === 'deliver') fate.state = 'maybe';
      try {
        assert.equal(await this.#queue.settle(settlement(fate.lease!, outcome)), true);
      } catch (error) {
        if (!this.#dead) fate.state = before;
        throw error;
      }
      fate.lease = undefined;
      if (kind === 'deliver') fate.state = { delivered: this.#clock.now() };
    });
  }

  /** The dead answer nothing, or that the store crashed; the living may have no room. */
  async #unlessDead(work: () => Promise<void>): Promise<void> {
    let ended = false;
    const done = work().then(
      () => {
        ended = true;
      },
      (error) => {
        ended = true;
        if (!(error instanceof StorageError)) throw error;
      },
    );
    while (!ended && !this.#dead) await new Promise(setImmediate);
    if (ended) await done;
    else done.catch(() => {});
  }
}

describe('crashes', () => {
  it('lose nothing that was promised, bring back nothing that was done, make nothing up', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(2 ** 20), async (steps, torn) => {
        const world = new World(torn);
        await world.start();
        for (const one of steps) await world.run(one);
        await world.run({ kind: 'crash' });
      }),
      {
        numRuns: 150,
        examples: [
          [
            [
              { kind: 'enqueue', count: 1, size: 0 },
              { kind: 'deliver', which: 0 },
              { kind: 'fault', what: 'torn', after: 0 },
              { kind: 'wait', ms: 1000 },
            ],
            0,
          ],
          // Both fail: the word is written when there is room, and a crash before costs a second delivery.
          [
            [
              { kind: 'enqueue', count: 2, size: 0 },
              { kind: 'deliver', which: 0 },
              { kind: 'fault', what: 'failed', after: 0 },
              { kind: 'store', fault: 'full' },
              { kind: 'wait', ms: 1000 },
            ],
            0,
          ],
        ],
      },
    );
  });
});
