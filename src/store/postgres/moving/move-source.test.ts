import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import { Database } from '../database.ts';
import { ask, testCluster, withoutPostgres } from '../test-cluster.ts';
import { openNode } from '../test-stores.ts';
import { eventually } from '../test-two-nodes.ts';
import { openPostgresMoveSource } from './move-source.ts';

describe('a store that a move begins to follow', { skip: withoutPostgres() }, () => {
  for (const what of ['watch', 'unwatch'] as const)
    it(`holds up nobody's transaction for as long as it waits for that itself (${what})`, async () => {
      const url = await (await testCluster()).database();
      await (await openNode(url, 'one'))[Symbol.asyncDispose]();
      await using source = await openPostgresMoveSource({ url, clock: new FakeClock() } as never);
      if (what === 'unwatch') await source.watch();
      await using database = new Database({ url, log: silentLog });
      const writer = database.client('test');
      await writer.connect();
      await writer.query('BEGIN; LOCK TABLE recipient IN ROW EXCLUSIVE MODE');
      const followed = source[what]();
      const waits = `SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'recipient'::regclass`;
      await eventually(async () => (await ask(url, waits)).rowCount === 1);
      // As a delivery does.
      await writer.query('LOCK TABLE email, mail, folder, message IN ROW EXCLUSIVE MODE NOWAIT');
      await writer.query('COMMIT');
      await followed;
      await writer.end();
    });
});
