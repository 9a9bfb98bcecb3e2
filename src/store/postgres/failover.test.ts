// A primary that dies, a standby that takes its place; and a database that may be looked at only.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../base/log.ts';
import { StorageError, systemFull } from '../../smtp/smtp-error.ts';
import { Database } from './database.ts';
import { ask, testCluster, waitMsMax, withoutPostgres } from './test-cluster.ts';
import { startPair } from './test-pair.ts';

async function eventually<T>(work: () => Promise<T>): Promise<T> {
  for (const end = performance.now() + waitMsMax; ; )
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StorageError) || performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

describe('failover', { skip: withoutPostgres() }, () => {
  it('of two hosts the one is used that may be written to, also when it is the other one', async () => {
    await using pair = await startPair();
    await using database = new Database({ url: pair.url, log: silentLog });
    await database.run('CREATE TABLE t (n integer)');
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => database.run('INSERT INTO t VALUES ($1)', [n])),
    );
    await pair.primary.crash();
    await assert.rejects(database.run('INSERT INTO t VALUES (20)'), StorageError);
    await pair.promote();
    await eventually(() => database.run('INSERT INTO t VALUES (21)'));
    const [row] = await database.rows('SELECT count(*) AS n FROM t');
    assert.equal(row?.n, 21, 'everything that was committed, for the commit waited for both');
    const listener = database.client('listens');
    await listener.connect();
    assert.equal(
      (await listener.query('SHOW transaction_read_only')).rows[0].transaction_read_only,
      'off',
    );
    await listener.end();
  });

  it('none that may be written to is a StorageError, and passes', async () => {
    const cluster = await testCluster();
    const url = await cluster.database();
    const readOnly = async (value: string) => {
      const { rows } = await ask(url, 'SELECT current_database() AS name');
      await ask(url, 'SET default_transaction_read_only = off; SELECT 1');
      await ask(
        cluster.url,
        `ALTER DATABASE ${rows[0].name} SET default_transaction_read_only = ${value}`,
      );
    };
    const chosen = `${url}&target_session_attrs=read-write`;
    await using first = new Database({ url: chosen, log: silentLog });
    await using plain = new Database({ url, log: silentLog });
    await plain.run('CREATE TABLE t (n integer)');
    await readOnly('on');
    await assert.rejects(first.run('INSERT INTO t VALUES (1)'), StorageError);
    await using later = new Database({ url, log: silentLog });
    await assert.rejects(later.run('INSERT INTO t VALUES (1)'), (error) => {
      assert.ok(error instanceof StorageError);
      assert.match(error.message, /read-only/);
      return error.reply !== systemFull;
    });
    await readOnly('off');
    assert.equal(await first.run('INSERT INTO t VALUES (2)'), 1);
    assert.equal(await later.run('INSERT INTO t VALUES (3)'), 1, 'by a new connection');
  });

  it('all connections taken, a lock that is not given back, a statement that takes too long: each passes', async () => {
    const cluster = await testCluster();
    const url = await cluster.database();
    await using database = new Database({ url, log: silentLog, patienceMs: 1500 });
    await database.run('CREATE TABLE t (n integer)');
    await using holder = new Database({ url, log: silentLog });
    await holder.transaction(async (transaction) => {
      await transaction.run('LOCK TABLE t');
      await assert.rejects(database.run('INSERT INTO t VALUES (1)'), /(?:lock|statement) timeout/);
    });
    await assert.rejects(database.run('SELECT pg_sleep(20)'), /statement timeout/);
    const { rows } = await ask(url, 'SELECT current_database() AS name');
    await ask(cluster.url, `ALTER DATABASE ${rows[0].name} CONNECTION LIMIT 0`);
    await ask(cluster.url, `CREATE ROLE mail LOGIN`).catch(() => {});
    await using other = new Database({ url: url.replace('postrider@', 'mail@'), log: silentLog });
    await assert.rejects(other.run('SELECT 1'), (error) => error instanceof StorageError);
    await ask(cluster.url, `ALTER DATABASE ${rows[0].name} CONNECTION LIMIT -1`);
    assert.equal((await other.rows('SELECT 1 AS one'))[0]?.one, 1);
    assert.equal(await database.run('INSERT INTO t VALUES (1)'), 1);
  });
});
