// What a device knows of the folders, and what has changed since: from the account's feed.

import type { Context } from './context.ts';
import type { FoldersKnown } from './device-book.ts';

/** Limit: folders of one page of the feed. */
const pageMax = 1_000;

export interface FolderChanges {
  readonly state: string;
  /** Numbers of folders. */
  readonly created: readonly number[];
  readonly updated: readonly number[];
  readonly destroyed: readonly number[];
}

type Source = Pick<Context, 'store' | 'call'>;

/** Undefined when nobody knows any more: the device begins anew. */
export async function folderChanges(
  { store, call }: Source,
  { state: since }: Pick<FoldersKnown, 'state'>,
): Promise<FolderChanges | undefined> {
  const created: number[] = [];
  const updated: number[] = [];
  const destroyed: number[] = [];
  for (let state = since; ; ) {
    const page = await store.changedFolders(call.account, state, pageMax);
    if (!page.complete) return undefined;
    created.push(...page.created.map(numberOf));
    if (!page.messagesOnly) updated.push(...page.updated.map(numberOf));
    destroyed.push(...page.destroyed.map(numberOf));
    state = page.state;
    if (!page.hasMore) return { state, created, updated, destroyed };
  }
}

/** mailboxId() of store/object-id.ts without its letter. */
const numberOf = (id: string): number => Number(id.slice(1));

export async function hierarchyChanged(source: Source, known: FoldersKnown): Promise<boolean> {
  const changes = await folderChanges(source, known);
  if (changes === undefined) return true;
  const { created, updated, destroyed } = changes;
  return created.length + updated.length + destroyed.length > 0;
}
