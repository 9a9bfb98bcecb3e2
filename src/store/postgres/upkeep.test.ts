import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pg from 'pg';
import { FakeClock } from '../../base/fake-clock.ts';
import type { Log } from '../../base/log.ts';
import { silentLog } from '../../base/log.ts';
import { message } from '../conformance/harness.ts';
import { due } from '../conformance/queue-harness.ts';
import { alone } from '../nodes.ts';
import { Database } from './database.ts';
import { ask, testCluster, withoutPostgres } from './test-cluster.ts';
import { openNode } from './test-stores.ts';
import { Upkeep } from './upkeep.ts';

describe('Upkeep', { skip: withoutPostgres() }, () => {
  it('names whoever keeps a transaction open, once', async () => {
    const url = await (await testCluster()).database();
    const clock = new FakeClock();
    const told: string[] = [];
    const log: Log = {
      ...silentLog,
      warn: (_, fields) => fields?.reason && told.push(fields.reason),
    };
    await using database = new Database({ url, log, connectionsMax: 1 });
    using upkeep = new Upkeep({
      ...{ database, clock, log, inTurn: alone.inTurn, sweeps: [], looks: [] },
    });
    // As if the clock of the database were a minute further.
    const rows = database.rows.bind(database);
    database.rows = (sql, values) => rows(sql.replace('- 60 *', '+ 60 *'), values);
    upkeep.start();
    const holder = new pg.Client({ connectionString: url, application_name: 'forgotten' });
    await holder.connect();
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await holder.query('SELECT 1');
    const look = async () => {
      await clock.advance(60_000);
      await rows('SELECT 1'); // by the same connection: the look has been answered by then
      await clock.advance(0);
    };
    for (let i = 0; i < 3; i += 1) await look();
    await holder.end();
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /^process \d+ of postrider \(forgotten\), open for \d+ s$/);
  });

  it('says that its clock is not that of the database, once', async () => {
    const url = await (await testCluster()).database();
    const told: unknown[] = [];
    const log: Log = { ...silentLog, warn: (...line) => told.push(line) };
    await using database = new Database({ url, log, connectionsMax: 1 });
    // Of a clock that is right when it is looked at first.
    for (const [wrongBy, looks, lines] of [
      [0, 1, 0],
      [600_000, 2, 1],
      [-600_000, 2, 1],
    ] as const) {
      told.length = 0;
      const clock = new FakeClock(Date.now() - 60_000 + wrongBy);
      using upkeep = new Upkeep({
        ...{ database, clock, log, inTurn: alone.inTurn, sweeps: [], looks: [] },
      });
      upkeep.start();
      for (let i = 0; i < looks; i += 1) {
        await clock.advance(60_000);
        // By the same connection: the looks have been answered by then.
        await database.rows('SELECT 1');
        await clock.advance(0);
      }
      assert.equal(told.length, lines, `${wrongBy}`);
    }
  });

  it('sweeps messages whose process ended before it could remove them', async () => {
    const url = await (await testCluster()).database();
    await using stores = await openNode(url, 'one');
    await stores.queue.enqueue(message('m1'), due);
    await stores.queue.enqueue(message('m2'), due);
    await ask(url, 'DELETE FROM recipient WHERE message = (SELECT min(key) FROM message)');
    assert.equal((await stores.queue.totals({})).messages, 1);
    assert.equal(await stores.queue.get('m1'), undefined);
    assert.equal(await stores.queue.open('m1'), undefined);
    await (stores.queue as unknown as { sweep(): Promise<void> }).sweep();
    const { rows } = await ask(url, 'SELECT id FROM message');
    assert.deepEqual(
      rows.map(({ id }) => id),
      ['m2'],
    );
  });
});
