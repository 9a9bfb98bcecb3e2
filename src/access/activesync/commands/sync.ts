// Sync: what changed here goes to the device, what changed there comes from it. [MS-ASCMD] 2.2.1.21. The same request
// twice has the same answer, and changes nothing twice: collection-book.ts says how.

import type { SyncCollection, SyncRequest } from '../../../activesync/sync-request.ts';
import { readSyncRequest } from '../../../activesync/sync-request.ts';
import type { Element } from '../../../activesync/wbxml/element.ts';
import { element } from '../../../activesync/wbxml/element.ts';
import type { Answer, Context } from '../context.ts';
import { answerWith } from '../context.ts';
import { heartbeat, waitForNews } from '../heartbeat.ts';
import { answerBytesMax } from '../items.ts';
import { syncCollection } from './sync-collection.ts';
import { syncStatus } from './sync-status.ts';

/** [MS-ASCMD] 2.2.3.198: the most, and what is usual. */
const windowMax = 512;
const windowUsual = 100;

export async function sync(context: Context): Promise<Answer> {
  const request = wholeRequest(context);
  if (request === undefined) return statusAlone(syncStatus.malformed);
  if (request === 'incomplete') return statusAlone(syncStatus.incomplete);
  const { waitSeconds, waitUnit } = request;
  if (waitSeconds !== undefined && (waitSeconds < heartbeat.min || waitSeconds > heartbeat.max)) {
    const limit = waitSeconds < heartbeat.min ? heartbeat.min : heartbeat.max;
    // [MS-ASCMD] 2.2.3, Limit (Sync): in minutes where the device asked in minutes.
    return statusAlone(syncStatus.badWait, [element('AirSync:Limit', limit / waitUnit)]);
  }
  await remember(context, request);
  const answers = await answersTo(context, request);
  if (answers.length > 0 || waitSeconds === undefined) return answerOf(answers);
  const folders = request.collections.map(({ id }) => id);
  const woken = await waitForNews(context, { folders, seconds: waitSeconds });
  if (woken === 'hierarchy') return statusAlone(syncStatus.folders);
  return answerOf(woken === 'changed' ? await answersTo(context, request) : []);
}

async function answersTo(
  context: Context,
  { collections, windowSize = windowMax }: SyncRequest,
): Promise<readonly Element[]> {
  const answers: Element[] = [];
  let left = Math.min(windowMax, windowSize || windowMax);
  let bytes = answerBytesMax;
  for (const collection of collections) {
    const items = Math.min(left, collection.windowSize || windowUsual, windowMax);
    const {
      answer,
      told,
      bytes: used,
    } = await syncCollection(context, collection, { items, bytes });
    if (answer !== undefined) answers.push(answer);
    left = Math.max(0, left - told);
    bytes = Math.max(0, bytes - used);
  }
  return answers;
}

function answerOf(collections: readonly Element[]): Answer {
  if (collections.length === 0) return { kind: 'empty' };
  return answerWith(element('AirSync:Sync', [element('AirSync:Collections', collections)]));
}

const statusAlone = (status: string, more: readonly Element[] = []): Answer =>
  answerWith(element('AirSync:Sync', [element('AirSync:Status', status), ...more]));

/** [MS-ASCMD] 2.2.3.130: what is not said is as in the last one. An empty request says nothing at all. */
function wholeRequest({ call, device }: Context): SyncRequest | 'incomplete' | undefined {
  const known = device.sync;
  if (call.document === undefined) {
    if (call.body.length > 0) return undefined;
    if (known === undefined) return 'incomplete';
    const waitSeconds = known.seconds;
    const collections = known.collections.map(asBefore);
    return { collections, waitSeconds, waitUnit: 1, windowSize: undefined, partial: false };
  }
  const request = readSyncRequest(call.document);
  if (request === undefined) return undefined;
  if (!request.partial) return request.collections.length === 0 ? 'incomplete' : request;
  if (known === undefined) return 'incomplete';
  const said = new Set(request.collections.map(({ id }) => id));
  const others = known.collections.filter((id) => !said.has(id)).map(asBefore);
  const waitSeconds = request.waitSeconds ?? known.seconds;
  return { ...request, waitSeconds, collections: [...request.collections, ...others] };
}

const asBefore = (id: string): SyncCollection => ({
  ...{ id, key: undefined, options: undefined, windowSize: undefined },
  ...{ getChanges: true, deletesAsMoves: true, commands: [] },
});

/** For the next empty request. */
async function remember({ device, devices }: Context, request: SyncRequest): Promise<void> {
  const collections = request.collections.map(({ id }) => id);
  const known = device.sync;
  const isSame = known?.seconds === request.waitSeconds;
  if (isSame && known?.collections.join(' ') === collections.join(' ')) return;
  await devices.change(device, { sync: { seconds: request.waitSeconds, collections } });
}
