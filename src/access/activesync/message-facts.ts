// Flags and size of messages.

import type { Context } from './context.ts';
import type { ItemFacts } from './items.ts';
import { factsAt } from './items.ts';

/** Undefined when it is gone. */
export async function factsOf(
  sources: Pick<Context, 'openFolders'>,
  folder: number,
  uid: number,
): Promise<ItemFacts | undefined> {
  return (await factsAmong(sources, folder, [uid])).get(uid);
}

/** By UID; without those that are gone. */
export async function factsAmong(
  { openFolders }: Pick<Context, 'openFolders'>,
  folder: number,
  uids: Iterable<number>,
): Promise<ReadonlyMap<number, ItemFacts>> {
  const found = new Map<number, ItemFacts>();
  const open = await openFolders.open(folder);
  if (open === undefined) return found;
  try {
    for (const uid of uids) {
      const row = open.rows.rowOf(uid);
      if (row >= 0) found.set(uid, factsAt(open.rows, row));
    }
    return found;
  } finally {
    openFolders.close(open);
  }
}
