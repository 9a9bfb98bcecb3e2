// What is new in a folder for a device, read where it costs least: from the feed, or from the rows that this process has
// in memory anyway.

import type { MailColumns } from '../../store/folder-store.ts';
import type { CollectionState } from './collection-book.ts';
import type { ActiveSyncParts } from './context.ts';
import type { ItemFacts } from './items.ts';
import { factsAt } from './items.ts';
import type { FolderNews, Told, Wanted } from './sync-window.ts';
import { needsAll, stateAfter, toTell } from './sync-window.ts';

export interface Window {
  /** In the order in which they are told. */
  readonly sent: readonly (Told & { readonly facts: ItemFacts | undefined })[];
  readonly more: boolean;
  /** What the device then knows. */
  readonly after: CollectionState;
}

export interface WindowSize {
  readonly items: number;
  /** Octets of all messages of a window; the first one always fits. */
  readonly bytes: number;
}

type Sources = Pick<ActiveSyncParts, 'store' | 'openFolders'>;

/** Undefined when the folder is gone. */
export async function windowOf(
  sources: Sources,
  { folder, state, wanted, size }: WindowParts,
): Promise<Window | undefined> {
  return withNews(sources, { folder, state, wanted }, (news) => {
    const found = toTell(state, news, wanted);
    const sent = found.slice(0, fitting(found, news.columns, size));
    return {
      sent: sent.map((each) => ({
        ...each,
        facts: 'row' in each ? factsAt(news.columns, each.row) : undefined,
      })),
      more: sent.length < found.length,
      after: stateAfter(state, { news, wanted, found, sent }),
    };
  });
}

/** How much there is to tell; undefined when the folder is gone. */
export const estimate = (sources: Sources, parts: Omit<WindowParts, 'size'>) =>
  withNews(sources, parts, (news) => toTell(parts.state, news, parts.wanted).length);

export interface WindowParts {
  readonly folder: number;
  readonly state: CollectionState;
  readonly wanted: Wanted;
  readonly size: WindowSize;
}

/** `look` does not wait: rows in memory are as they are at one moment. */
async function withNews<T>(
  { store, openFolders }: Sources,
  { folder, state, wanted }: Omit<WindowParts, 'size'>,
  look: (news: FolderNews) => T,
): Promise<T | undefined> {
  if (!needsAll(state, wanted)) {
    const changes = await store.changes(folder, state.modseq);
    if (changes === undefined) return undefined;
    const { changed: columns, vanished, complete } = changes;
    if (complete) return look({ modseq: changes.folder.modseq, all: false, columns, vanished });
  }
  const open = await openFolders.open(folder);
  if (open === undefined) return undefined;
  try {
    return look({ modseq: open.modseq, all: true, columns: open.rows, vanished: none });
  } finally {
    openFolders.close(open);
  }
}

const none = new Uint32Array(0);

function fitting(found: readonly Told[], { size }: MailColumns, { items, bytes }: WindowSize) {
  let room = bytes;
  let count = 0;
  for (const each of found) {
    if (count >= items) break;
    if (each.kind === 'add') room -= size[each.row]!;
    if (room < 0 && count > 0) break;
    count += 1;
  }
  return count;
}
