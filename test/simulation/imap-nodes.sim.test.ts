// The same sessions on two nodes that share a PostgreSQL: what one does the other tells its sessions, in their own numbers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { FolderStore } from '../../src/store/folder-store.ts';
import { openPostgresStores } from '../../src/store/postgres/stores.ts';
import { testCluster, withoutPostgres } from '../../src/store/postgres/test-cluster.ts';
import { alternateImap, simulateImap } from './imap.sim.ts';

const seeds = Array.from({ length: 2 }, (_, i) => i + 1);

describe('IMAP sessions on two nodes: each knows in the end what the folder holds', {
  skip: withoutPostgres(),
}, () => {
  async function onTwo<T>(run: (one: FolderStore, two: FolderStore) => Promise<T>): Promise<T> {
    const url = await (await testCluster()).database();
    const open = (node: string) =>
      openPostgresStores({ url, node, clock: systemClock(), log: silentLog });
    await using one = await open('one');
    await using two = await open('two');
    return await run(one.folders, two.folders);
  }

  for (const seed of seeds) {
    it(`seed ${seed}, all at once`, async () => {
      const { commands } = await onTwo((one, two) => simulateImap(seed, one, two));
      assert.ok(commands > 20, 'something happened');
    });

    it(`seed ${seed}, by turns`, async () => {
      const { commands } = await onTwo((one, two) => alternateImap(seed, one, two));
      assert.ok(commands > 40, 'something happened');
    });
  }
});
