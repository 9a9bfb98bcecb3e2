import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Context } from './context.ts';
import type { Device } from './device-book.ts';
import { waitForNews } from './heartbeat.ts';

const device = { id: 'phone1', folders: { key: 'k-1', state: '1' } };

/** The folders change while it waits. */
function newsFor(now: Partial<Device> | undefined) {
  let asked = 0;
  const changedFolders = async () => {
    asked += 1;
    const created = asked > 1 ? ['F7'] : [];
    return { complete: true, hasMore: false, state: '2', created, updated: [], destroyed: [] };
  };
  const context = {
    ...{
      device,
      call: { account: 'ann@example.org', line: { deviceId: 'phone1' } },
      store: { changedFolders },
    },
    devices: { find: async () => now },
    waiting: { wait: async () => 'changed' },
    clock: { now: () => 0, after: (_: number, then: () => void) => then() },
  } as unknown as Context;
  return waitForNews(context, { folders: [], seconds: 60 });
}

it('a device that is shut out while it waits is told nothing', async () => {
  assert.equal(await newsFor(device), 'hierarchy');
  assert.equal(await newsFor({ ...device, blocked: true }), 'nothing');
  assert.equal(await newsFor({ ...device, wipe: 'account' }), 'nothing');
  assert.equal(await newsFor(undefined), 'nothing');
});
