// Waiting for news of folders: of Ping, and of a Sync that says for how long.

import { oldestWanted } from '../../activesync/sync-options.ts';
import { sleep } from '../../base/clock.ts';
import type { Context } from './context.ts';
import { deviceKey } from './device-book.ts';
import { folderNumber } from './folder-names.ts';
import { estimate } from './folder-news.ts';
import { hierarchyChanged } from './hierarchy.ts';

/** Limit: seconds. A connection has to live as long; [MS-ASCMD] 2.2.3.84 has a minute to an hour. */
export const heartbeat = { min: 60, max: 3_540 } as const;

/** Limit: what comes in a row wakes a device once. */
const gatherMs = 100;

export type News = 'changed' | 'hierarchy' | 'nothing';

export interface NewsOf {
  readonly folders: readonly string[];
  readonly seconds: number;
}

export async function waitForNews(context: Context, { folders, seconds }: NewsOf): Promise<News> {
  const { call, clock, waiting, devices } = context;
  const until = clock.now() + seconds * 1_000;
  const { account } = call;
  for (let isFirst = true; ; isFirst = false) {
    if (!isFirst) await sleep(clock, gatherMs);
    using wait = waiting.begin({ account, ms: until - clock.now(), left: call.left });
    // Whoever was shut out meanwhile is told nothing, and refused when it asks again.
    const device = isFirst ? context.device : await devices.find(account, context.device.id);
    if (device === undefined || device.blocked || device.wipe !== undefined) return 'nothing';
    if (device.folders !== undefined && (await hierarchyChanged(context, device.folders)))
      return 'hierarchy';
    if ((await foldersWithNews(context, folders)).length > 0) return 'changed';
    if ((await wait.woken) !== 'changed') return 'nothing';
  }
}

/** Those of which there is something to tell. A folder that is gone is the hierarchy's affair. */
export async function foldersWithNews(
  context: Context,
  folders: readonly string[],
): Promise<readonly string[]> {
  const { call, collections, clock, store } = context;
  const device = deviceKey(call.account, call.line.deviceId);
  const changed: string[] = [];
  for (const id of folders) {
    const folder = folderNumber(id);
    if (folder === undefined) continue;
    const known = await collections.find(device, id);
    if (known === undefined) continue;
    const { current: state, options } = known;
    const facts = await store.folder(folder);
    if (facts === undefined || facts.account !== call.account) continue;
    if (state.complete && facts.modseq === state.modseq) continue;
    const { filterType } = options;
    const wanted = { filterType, oldest: oldestWanted(filterType, clock.now()), own: new Map() };
    const found = await estimate(context, { folder, state, wanted });
    if (found !== undefined && found > 0) changed.push(id);
  }
  return changed;
}
