import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import { StorageError } from '../../../smtp/smtp-error.ts';
import { collected } from '../../conformance/harness.ts';
import type { TestSpool } from '../../conformance/spool.ts';
import { testSpool } from '../../conformance/spool.ts';
import { ContentError } from '../../content.ts';
import type { SpoolMemory } from '../../files/spool-memory.ts';
import { Database } from '../database.ts';
import { testCluster, withoutPostgres } from '../test-cluster.ts';
import { Bucket } from './bucket.ts';
import { ContentTable } from './content-table.ts';
import { PostgresSpool } from './spool.ts';
import { hurriedClock, startObjectStore } from './test-object-store.ts';

async function open(memory: SpoolMemory = {}, bucket?: Bucket) {
  const url = await (await testCluster()).database();
  const database = new Database({ url, log: silentLog });
  const contents = new ContentTable(database, bucket);
  await contents.open();
  const spool = new PostgresSpool({ contents, memory });
  return {
    ...{ database, contents, spool },
    async files() {
      const [row] = await database.rows('SELECT count(*) AS n FROM content WHERE freed IS NULL');
      return Number(row?.n);
    },
    async [Symbol.asyncDispose]() {
      await spool[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  } satisfies TestSpool & Record<string, unknown>;
}

const large = 3 * 128 * 1024 + 5;

async function stored({ spool }: Awaited<ReturnType<typeof open>>) {
  const content = await spool.store(Buffer.alloc(large, 'x'));
  assert.ok(content.kind === 'file');
  return content;
}

describe('PostgreSQL', { skip: withoutPostgres() }, () => {
  testSpool('PostgreSQL', () => open());
  testSpool('PostgreSQL, read back from the database', () => open({ recentBytesMax: 0 }));

  it('who reads large content goes on when the last reference goes; nobody else begins', async () => {
    await using test = await open({ recentBytesMax: 0 });
    const content = await stored(test);
    const opened = test.spool.open(content);
    const reading = opened.read()[Symbol.asyncIterator]();
    let octets = (await reading.next()).value.length;
    await test.spool.remove(content.key);
    await test.contents.sweep();
    await assert.rejects(collected(opened.read()), ContentError);
    for (let next = await reading.next(); !next.done; next = await reading.next())
      octets += next.value.length;
    assert.equal(octets, large);
  });

  it('sweeps what was freed long ago, and what is left of receptions that broke off', async () => {
    await using test = await open();
    const { database, contents, spool } = test;
    const freed = await stored(test);
    await spool.remove(freed.key);
    const broken = await stored(test);
    const rows = async () =>
      Number((await database.rows('SELECT count(*) AS n FROM content_piece'))[0]?.n);
    assert.equal(await contents.sweep(), 0);
    await database.run(`UPDATE content SET freed = freed - interval '61 minutes'`);
    assert.equal(await contents.sweep(), 1);
    assert.equal(await rows(), 4);
    await database.run(`UPDATE content SET created = created - interval '25 hours'`);
    assert.equal(await contents.sweep(), 0, 'it is freed now');
    await assert.rejects(spool.open(broken).check!(), ContentError);
    await database.run(`UPDATE content SET freed = freed - interval '61 minutes'`);
    assert.equal(await contents.sweep(), 1);
    assert.equal(await rows(), 0);
  });

  const withBucket = async (clock = systemClock()) => {
    const store = await startObjectStore();
    const test = await open({ recentBytesMax: 0 }, new Bucket(store.settings, clock));
    const { [Symbol.asyncDispose]: close } = test;
    return {
      ...test,
      store,
      async [Symbol.asyncDispose]() {
        await close();
        await store[Symbol.asyncDispose]();
      },
    };
  };

  testSpool('PostgreSQL with a bucket', () => withBucket());

  it('in a bucket: in parts, with its beginning in its row, until it is swept', async () => {
    await using test = await withBucket();
    const { store, contents, database, spool } = test;
    const bytes = Buffer.from(Array.from({ length: 12 * 2 ** 20 + 7 }, (_, i) => i % 253));
    const writer = spool.create();
    for (let at = 0; at < bytes.length; at += 100_000)
      await writer.write(bytes.subarray(at, at + 100_000));
    const content = await writer.commit();
    assert.ok(content.kind === 'file');
    const read = Buffer.concat(await collected(spool.open(content).read({ from: 11 * 2 ** 20 })));
    assert.ok(read.equals(bytes.subarray(11 * 2 ** 20)));
    const [row] = await database.rows('SELECT head, bytes FROM content');
    assert.deepEqual(row, { head: bytes.subarray(0, 32 * 2 ** 10), bytes: null });
    await spool.remove(content.key);
    await assert.rejects(collected(spool.open(content).read()), ContentError);
    assert.deepEqual([await contents.sweep(), store.objects.size], [0, 1]);
    await database.run(`UPDATE content SET freed = freed - interval '61 minutes'`);
    assert.deepEqual([await contents.sweep(), store.objects.size], [1, 0]);
  });

  it('a bucket that is away: nothing is taken, nothing is lost', async () => {
    await using test = await withBucket(hurriedClock());
    const kept = await stored(test);
    await test.store[Symbol.asyncDispose]();
    await assert.rejects(stored(test), (error) => {
      return error instanceof StorageError && !(error instanceof ContentError);
    });
    await assert.rejects(collected(test.spool.open(kept).read()), (error) => {
      return error instanceof StorageError && !(error instanceof ContentError);
    });
    await test.spool.remove(kept.key);
    await test.database.run(`UPDATE content SET freed = freed - interval '61 minutes'`);
    await assert.rejects(test.contents.sweep(), StorageError);
    assert.equal((await test.database.rows('SELECT FROM content WHERE size > 0')).length, 1);
  });
});
