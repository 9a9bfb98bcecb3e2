import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import type { MailboxEvent } from '../../store/folder-store.ts';
import type { Context } from './context.ts';
import type { Device } from './device-book.ts';
import { waitForNews } from './heartbeat.ts';
import { Waiting } from './waiting.ts';

const device = { id: 'phone1', folders: { key: 'k-1', state: '1' } };

const account = 'ann@example.org';

/** There is a new folder when it looks for the second time; somebody makes it as soon as it has looked once. */
async function newsFor(now: Partial<Device> | undefined) {
  let tell: (event: MailboxEvent) => void = () => {};
  let asked = 0;
  const changedFolders = async () => {
    asked += 1;
    const created = asked > 1 ? ['F7'] : [];
    if (asked === 1) tell({ kind: 'folders', account });
    return { complete: true, hasMore: false, state: '2', created, updated: [], destroyed: [] };
  };
  const watch = (listener: typeof tell) => {
    tell = listener;
    return () => {};
  };
  const clock = new FakeClock();
  const context = {
    ...{ device, clock, store: { changedFolders } },
    call: { account, line: { deviceId: 'phone1' }, left: new AbortController().signal },
    devices: { find: async () => now },
    waiting: new Waiting({ watch }, clock),
  } as unknown as Context;
  const news = waitForNews(context, { folders: [], seconds: 60 });
  await clock.advance(61_000);
  return news;
}

it('what changes while it is looked for news is heard of', async () => {
  assert.equal(await newsFor(device), 'hierarchy');
});

it('a device that is shut out while it waits is told nothing', async () => {
  assert.equal(await newsFor(device), 'hierarchy');
  assert.equal(await newsFor({ ...device, blocked: true }), 'nothing');
  assert.equal(await newsFor({ ...device, wipe: 'account' }), 'nothing');
  assert.equal(await newsFor(undefined), 'nothing');
});
