import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import type { Log } from '../../../base/log.ts';
import { silentLog } from '../../../base/log.ts';
import { StorageError } from '../../../smtp/smtp-error.ts';
import { happenings } from '../../conformance/history-events.ts';
import { Database } from '../database.ts';
import { ask, testCluster, withoutPostgres } from '../test-cluster.ts';
import { eventually } from '../test-two-nodes.ts';
import { HistoryCopier } from './copier.ts';
import { HistoryDays } from './days.ts';
import { dayMs } from './test-history.ts';

describe('what is copied', { skip: withoutPostgres() }, () => {
  it('waits in the files while the database is away, and comes by itself, once', async () => {
    const url = await (await testCluster()).database();
    await using folder = await mkdtempDisposable(join(tmpdir(), 'postrider-history-'));
    const clock = new FakeClock();
    const told: string[] = [];
    const log: Log = { ...silentLog, warn: (event) => told.push(event) };
    await using database = new Database({ url, log: silentLog });
    let tries = 0;
    let isAway = true;
    const transaction = database.transaction.bind(database);
    database.transaction = async (work) => {
      tries += 1;
      if (isAway) throw new StorageError('the database: gone');
      return transaction(work);
    };
    const days = new HistoryDays({ database, clock }, dayMs);
    const node = { name: 'one', number: 1 };
    await using copier = new HistoryCopier({
      ...{ database, clock, log, days, node, directory: folder.path },
    });
    const { received, attempt } = happenings(clock.now());
    const came = received();
    const lines = [came, attempt(came, 'relayed')].map((event) => `${JSON.stringify(event)}\n`);
    appendFileSync(join(folder.path, '000001.jsonl'), lines.join(''));
    copier.wrote();
    await clock.advance(1000);
    await eventually(() => tries === 1);
    await assert.rejects(copier.catchUp(1000), StorageError);
    isAway = false;
    await eventually(() => clock.nextTimer() !== undefined);
    await clock.advance(5000);
    const states = async () =>
      (await ask(url, 'SELECT state, delivered FROM history_message')).rows;
    await eventually(async () => (await states()).length === 1);
    assert.equal(await copier.catchUp(1000), true);
    assert.deepEqual(await states(), [{ state: 'delivered', delivered: 1 }]);
    assert.deepEqual(told, [], 'the database has said so itself');
  });
});
