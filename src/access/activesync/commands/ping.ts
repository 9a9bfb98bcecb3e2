// Ping: a device waits for news of folders. [MS-ASCMD] 2.2.1.13. What it does not say is as it was the last time.

import type { Element } from '../../../activesync/wbxml/element.ts';
import {
  child,
  childNumber,
  children,
  childText,
  element,
} from '../../../activesync/wbxml/element.ts';
import type { Answer, Context } from '../context.ts';
import { answerWith } from '../context.ts';
import { foldersWithNews, heartbeat, waitForNews } from '../heartbeat.ts';

/** [MS-ASCMD] 2.2.3.177.11 */
const status = {
  ...{ expired: '1', changes: '2', incomplete: '3', malformed: '4' },
  ...{ badHeartbeat: '5', tooMany: '6', hierarchy: '7' },
} as const;

/** Limit. */
const foldersMax = 200;

export async function ping(context: Context): Promise<Answer> {
  const { call, device, devices } = context;
  const { document } = call;
  if (document === undefined && call.body.length > 0) return answer(status.malformed);
  const given = children(child(document, 'Ping:Folders'), 'Ping:Folder').flatMap(
    (each) => childText(each, 'Ping:Id') ?? [],
  );
  const folders = given.length > 0 ? given : device.ping?.folders;
  const seconds = childNumber(document, 'Ping:HeartbeatInterval') ?? device.ping?.seconds;
  if (folders === undefined || seconds === undefined) return answer(status.incomplete);
  if (folders.length > foldersMax)
    return answer(status.tooMany, [element('Ping:MaxFolders', foldersMax)]);
  if (seconds < heartbeat.min || seconds > heartbeat.max) {
    const limit = seconds < heartbeat.min ? heartbeat.min : heartbeat.max;
    return answer(status.badHeartbeat, [element('Ping:HeartbeatInterval', limit)]);
  }
  const known = device.ping;
  if (known?.seconds !== seconds || known.folders.join(' ') !== folders.join(' '))
    await devices.change(device, { ping: { seconds, folders } });
  const news = await waitForNews(context, { folders, seconds });
  if (news === 'hierarchy') return answer(status.hierarchy);
  if (news === 'nothing') return answer(status.expired);
  const changed = await foldersWithNews(context, folders);
  return answer(status.changes, [
    element(
      'Ping:Folders',
      changed.map((id) => element('Ping:Folder', id)),
    ),
  ]);
}

const answer = (said: string, more: readonly Element[] = []): Answer =>
  answerWith(element('Ping:Ping', [element('Ping:Status', said), ...more]));
