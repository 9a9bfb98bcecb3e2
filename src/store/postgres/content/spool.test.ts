import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../../base/log.ts';
import { collected } from '../../conformance/harness.ts';
import type { TestSpool } from '../../conformance/spool.ts';
import { testSpool } from '../../conformance/spool.ts';
import { ContentError } from '../../content.ts';
import type { SpoolMemory } from '../../files/spool-memory.ts';
import { Database } from '../database.ts';
import { testCluster, withoutPostgres } from '../test-cluster.ts';
import { ContentTable } from './content-table.ts';
import { PostgresSpool } from './spool.ts';

async function open(memory: SpoolMemory = {}) {
  const url = await (await testCluster()).database();
  const database = new Database({ url, log: silentLog });
  const contents = new ContentTable(database);
  await contents.open();
  const spool = new PostgresSpool({ database, contents, memory });
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
});
