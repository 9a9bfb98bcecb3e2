// The message that a device names. Of drafts that were written anew it goes on to use the id that they had at first:
// collection-book.ts remembers which message that is now.

import type { FolderFacts } from '../../store/folder-store.ts';
import type { Renamed } from './collection-book.ts';
import { uidShown } from './collection-book.ts';
import type { Context } from './context.ts';
import { deviceKey } from './device-book.ts';
import { findFolder, isDrafts, messagePlace } from './folder-names.ts';

export interface NamedMessage {
  readonly folder: FolderFacts;
  readonly uid: number;
}

/** By the id of a message; undefined where there is no such folder of the account's. Whether the message is there is not said. */
export async function namedMessage(
  context: Pick<Context, 'store' | 'call' | 'collections'>,
  id: string,
): Promise<NamedMessage | undefined> {
  const { store, call, collections } = context;
  const place = messagePlace(id);
  const folder = place && (await findFolder(store, call.account, String(place.folder)));
  if (place === undefined || folder === undefined) return undefined;
  if (!isDrafts(folder)) return { folder, uid: place.uid };
  const device = deviceKey(call.account, call.line.deviceId);
  const known = await collections.find(device, String(folder.id));
  return { folder, uid: uidShown(known?.renamed ?? [], place.uid) };
}

/** The UID of a message of that folder, by the id that the device has for it. */
export function uidOf(id: string, folder: number, renamed: Renamed): number | undefined {
  const place = messagePlace(id);
  return place?.folder === folder ? uidShown(renamed, place.uid) : undefined;
}
