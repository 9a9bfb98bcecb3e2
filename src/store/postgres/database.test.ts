import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../base/log.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import { Database } from './database.ts';
import { migrate, migrations } from './migrations.ts';
import { ask, testCluster, withoutPostgres } from './test-cluster.ts';

const open = async (url?: string) => {
  const cluster = await testCluster();
  return new Database({ url: url ?? (await cluster.database()), log: silentLog });
};

describe('Database', { skip: withoutPostgres() }, () => {
  it('a transaction happens as a whole or not at all', async () => {
    await using database = await open();
    await database.run('CREATE TABLE t (n bigint PRIMARY KEY)');
    const failing = database.transaction(async (transaction) => {
      await transaction.run('INSERT INTO t VALUES (1)');
      throw new Error('no');
    });
    await assert.rejects(failing, /^Error: no$/);
    let committed = false;
    await database.transaction(async (transaction) => {
      transaction.onCommit(() => {
        committed = true;
      });
      await transaction.run('INSERT INTO t VALUES ($1)', [2 ** 53 - 1]);
    });
    assert.equal(committed, true);
    assert.deepEqual(await database.rows('SELECT n FROM t'), [{ n: 2 ** 53 - 1 }]);
  });

  it('a statement that failed fails the transaction, even if nobody minds', async () => {
    await using database = await open();
    await database.run('CREATE TABLE t (n bigint PRIMARY KEY)');
    let committed = false;
    const failing = database.transaction(async (transaction) => {
      transaction.onCommit(() => {
        committed = true;
      });
      await transaction.run('INSERT INTO t VALUES (1)');
      await transaction.run('INSERT INTO t VALUES (1)').catch(() => {});
    });
    await assert.rejects(failing, /rolled back/);
    assert.equal(committed, false);
    assert.deepEqual(await database.rows('SELECT n FROM t'), []);
  });

  it('connections that others have used up are "later", and it goes on once there are some again', async () => {
    const { url } = await testCluster();
    const limit = (connections: number) =>
      ask(url, `ALTER ROLE crowded CONNECTION LIMIT ${connections}`);
    await ask(url, 'CREATE ROLE crowded LOGIN CONNECTION LIMIT 0');
    await using database = await open(url.replace('postrider@', 'crowded@'));
    for (let tries = 0; tries < 2; tries += 1)
      await assert.rejects(database.rows('SELECT 1'), (error: unknown) => {
        assert.ok(error instanceof StorageError);
        return /too many connections/.test(error.message);
      });
    await limit(1);
    assert.deepEqual(await database.rows('SELECT 1 AS one'), [{ one: 1 }]);
  });

  it('that it is away, and back, is said once each, whatever was under way', async () => {
    const said: string[] = [];
    const note = (event: string) => void said.push(event);
    const log = { ...silentLog, info: note, error: note };
    const cluster = await testCluster();
    await using database = new Database({ url: await cluster.database(), log });
    const cutOff = () =>
      assert.rejects(database.rows('SELECT pg_terminate_backend(pg_backend_pid())'), StorageError);
    await database.transaction(async (transaction) => {
      await transaction.rows('SELECT 1');
      await cutOff();
      await cutOff();
    });
    assert.deepEqual(said, ['database does not answer'], 'what had begun before says nothing');
    await database.rows('SELECT 1');
    assert.deepEqual(said, ['database does not answer', 'database works again']);
    await cutOff();
    assert.equal(said.length, 3);
  });

  it('two that wait for each other both come through', async () => {
    await using database = await open();
    await database.run('CREATE TABLE t (n integer PRIMARY KEY, v integer NOT NULL)');
    await database.run('INSERT INTO t VALUES (1, 0), (2, 0)');
    let met = 0;
    let meet = () => {};
    const both = new Promise<void>((resolve) => {
      meet = resolve;
    });
    const change = (order: readonly number[]) =>
      database.transaction(async (transaction) => {
        for (const n of order) {
          await transaction.run('UPDATE t SET v = v + 1 WHERE n = $1', [n]);
          met += 1;
          if (met === 2) meet();
          await both;
        }
      });
    await Promise.all([change([1, 2]), change([2, 1])]);
    assert.deepEqual(await database.rows('SELECT v FROM t ORDER BY n'), [{ v: 2 }, { v: 2 }]);
  });

  it('a database that is away is a StorageError, and what comes afterwards works', async () => {
    const cluster = await testCluster();
    await using database = await open();
    await database.run('SELECT 1');
    await cluster.crash();
    await assert.rejects(database.run('SELECT 1'), StorageError);
    await assert.rejects(
      database.transaction((transaction) => transaction.run('SELECT 1')),
      StorageError,
    );
    await cluster.start();
    assert.equal((await database.rows('SELECT 1 AS one'))[0]?.one, 1);
  });

  it('a connection that is ended under a transaction rolls it back', async () => {
    const cluster = await testCluster();
    await using database = await open();
    await database.run('CREATE TABLE t (n integer)');
    const cut = database.transaction(async (transaction) => {
      await transaction.run('INSERT INTO t VALUES (1)');
      const [row] = await transaction.rows('SELECT pg_backend_pid() AS pid');
      await ask(cluster.url, `SELECT pg_terminate_backend(${row?.pid})`);
      await transaction.run('INSERT INTO t VALUES (2)');
    });
    await assert.rejects(cut, StorageError);
    assert.deepEqual(await database.rows('SELECT n FROM t'), []);
  });
});

describe('migrations', { skip: withoutPostgres() }, () => {
  it('are numbered without gaps', () => {
    const numbers = migrations().map(({ version }) => version);
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i + 1),
    );
  });

  it('several nodes that begin at once change it once; a newer one that serves us still is used', async () => {
    const cluster = await testCluster();
    await ask(cluster.url, 'CREATE DATABASE fresh');
    const url = (await cluster.database()).replace(/test_\d+/, 'fresh');
    await using one = await open(url);
    await using other = await open(url);
    await Promise.all([migrate(one), migrate(other), migrate(one)]);
    const newest = migrations().length;
    assert.deepEqual(await one.rows('SELECT version, oldest FROM schema_version'), [
      { version: newest, oldest: 0 },
    ]);
    await one.run('UPDATE schema_version SET version = $1, oldest = $2', [newest + 1, newest]);
    await migrate(other);
    await one.run('UPDATE schema_version SET oldest = $1', [newest + 1]);
    await assert.rejects(migrate(other), /newer Postrider .* install that version here/);
  });
});
