// Flags and size of one message.

import type { Context } from './context.ts';
import type { ItemFacts } from './items.ts';
import { factsAt } from './items.ts';

/** Undefined when it is gone. */
export async function factsOf(
  { openFolders }: Pick<Context, 'openFolders'>,
  folder: number,
  uid: number,
): Promise<ItemFacts | undefined> {
  const open = await openFolders.open(folder);
  if (open === undefined) return undefined;
  try {
    const row = open.rows.rowOf(uid);
    return row < 0 ? undefined : factsAt(open.rows, row);
  } finally {
    openFolders.close(open);
  }
}
