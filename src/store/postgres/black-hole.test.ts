// A network that swallows everything and says nothing: what is asked ends in its time, and so does the end.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { silentLog } from '../../base/log.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import { Database } from './database.ts';
import { ask, testCluster, withoutPostgres } from './test-cluster.ts';

/** Between us and the database: all that is open now, and what is opened while `isOpen` is false, is silent for ever. */
async function startHole() {
  const cluster = await testCluster();
  const url = await cluster.database();
  const [, name, directory] = /@\/(\w+)\?host=(.*)$/.exec(url)!;
  const sockets = new Set<Socket>();
  const hole = { isOpen: true };
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    if (!hole.isOpen) return;
    const inner = connect(`${decodeURIComponent(directory!)}/.s.PGSQL.5432`).on('error', () => {});
    sockets.add(inner);
    socket.on('data', (bytes) => hole.isOpen && inner.write(bytes));
    inner.on('data', (bytes) => hole.isOpen && socket.write(bytes));
    inner.on('close', () => hole.isOpen && socket.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    ...{ hole, direct: url },
    ...{ url: `postgres://postrider@127.0.0.1:${port}/${name}` },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('a network that swallows everything', { skip: withoutPostgres() }, () => {
  it('statements, transactions and new connections end in StorageError, and all goes on when it is over', async () => {
    await using test = await startHole();
    await using database = new Database({ url: test.url, log: silentLog, patienceMs: 1500 });
    await ask(test.direct, 'CREATE TABLE t (n integer)');
    const inserts = (from: number) =>
      Array.from({ length: 20 }, (_, i) => database.run('INSERT INTO t VALUES ($1)', [from + i]));
    // On a machine that stands still, its patience ends here already.
    const first = await Promise.allSettled(inserts(0));
    const promised = first.filter(({ status }) => status === 'fulfilled').length;
    test.hole.isOpen = false;
    const asked = [
      ...inserts(100),
      database.transaction(async (transaction) => {
        await transaction.run('INSERT INTO t VALUES (200)');
      }),
    ];
    for (const result of await Promise.allSettled(asked)) {
      assert.equal(result.status, 'rejected');
      assert.ok(result.reason instanceof StorageError, String(result.reason));
    }
    await assert.rejects(database.run('SELECT 1'), StorageError);
    test.hole.isOpen = true;
    for (;;) {
      const [row] = await database.rows('SELECT count(*) AS n FROM t').catch(() => []);
      if (row === undefined) continue;
      assert.ok(Number(row.n) >= promised);
      return;
    }
  });

  it('what is cut off within a transaction lets go of its locks before others give up', async () => {
    await using test = await startHole();
    await using cut = new Database({ url: test.url, log: silentLog, patienceMs: 1500 });
    await ask(test.direct, 'CREATE TABLE t (n integer); INSERT INTO t VALUES (0)');
    await using other = new Database({ url: test.direct, log: silentLog });
    const asked = cut.transaction(async (transaction) => {
      await transaction.run('UPDATE t SET n = 1');
      test.hole.isOpen = false;
      await other.run('UPDATE t SET n = 2');
      await transaction.run('UPDATE t SET n = 3');
    });
    await assert.rejects(asked, StorageError);
    assert.deepEqual(await other.rows('SELECT n FROM t'), [{ n: 2 }]);
  });

  it('the end does not wait for connections that nobody answers on', async () => {
    await using test = await startHole();
    const database = new Database({ url: test.url, log: silentLog, patienceMs: 1500 });
    await database.run('SELECT 1');
    test.hole.isOpen = false;
    const asked = database.run('SELECT 2');
    const ended = database[Symbol.asyncDispose]();
    await assert.rejects(asked, StorageError);
    await ended;
  });
});
