// What a client did itself to mailboxes that it watches by NOTIFY, so that it is not told of it.
// RFC 5465 §5. Each change is put into what the client was told last: whatever others did at the same
// time remains a difference.

import { canonicalName } from '../../mailbox/folder-name.ts';
import type { FolderFacts } from '../../store/folder-store.ts';
import type { FolderNames, LocatedFolder } from './located-folder.ts';

export type OwnChange =
  /** CREATE. Mailboxes above it that were made, too, are news. */
  | { readonly kind: 'made'; readonly folder: FolderFacts }
  | { readonly kind: 'removed' | 'emptied'; readonly folder: number }
  /** With what is below it; not INBOX, which is emptied into one that is made. */
  | {
      readonly kind: 'renamed';
      readonly account: string;
      readonly from: string;
      readonly to: string;
    }
  | { readonly kind: 'subscribed'; readonly name: string; readonly on: boolean }
  /** SETMETADATA; of the server where there is no folder. */
  | {
      readonly kind: 'annotated';
      readonly folder: number | undefined;
      readonly entries: ReadonlyMap<string, Uint8Array | undefined>;
    }
  /** Messages that came or went by one transaction, `unseen` of them without \Seen; UIDs ascend. */
  | {
      readonly kind: 'added' | 'expunged';
      readonly folder: number;
      readonly uids: readonly number[];
      readonly unseen: number;
    };

/** Entry names, and what they hold as latin1. */
export type Notes = ReadonlyMap<string, string>;

export interface WatchState {
  readonly folders: ReadonlyMap<number, LocatedFolder>;
  readonly subscribed: ReadonlySet<string>;
  /** By folder; of the server under 0. */
  readonly notes: ReadonlyMap<number, Notes>;
}

export function withOwnChange(
  state: WatchState,
  change: OwnChange,
  names: Pick<FolderNames, 'nameOf'>,
): WatchState {
  switch (change.kind) {
    case 'made': {
      const { folder } = change;
      // Nothing is told of it before its rights are read anew.
      return withFolder(state, { folder, rights: '', name: names.nameOf(folder) });
    }
    case 'removed': {
      const folders = new Map(state.folders);
      folders.delete(change.folder);
      return { ...state, folders };
    }
    case 'emptied': {
      const located = state.folders.get(change.folder);
      if (located === undefined) return state;
      const { folder } = located;
      const emptied = { ...folder, messages: 0, unseen: 0, changes: folder.changes + 1 };
      return withFolder(state, { ...located, folder: emptied });
    }
    case 'renamed':
      return { ...state, folders: renamed(state.folders, change, names) };
    case 'subscribed': {
      const subscribed = new Set(state.subscribed);
      if (change.on) subscribed.add(canonicalName(change.name));
      else subscribed.delete(canonicalName(change.name));
      return { ...state, subscribed };
    }
    case 'annotated':
      return annotated(state, change);
    case 'added':
    case 'expunged': {
      const located = state.folders.get(change.folder);
      if (located === undefined) return state;
      return withFolder(state, { ...located, folder: withMessages(located.folder, change) });
    }
  }
}

const withFolder = (state: WatchState, located: LocatedFolder): WatchState => ({
  ...state,
  folders: new Map(state.folders).set(located.folder.id, located),
});

type OwnChangeOf<K extends OwnChange['kind']> = Extract<OwnChange, { readonly kind: K }>;

function renamed(
  folders: WatchState['folders'],
  { account, from, to }: OwnChangeOf<'renamed'>,
  names: Pick<FolderNames, 'nameOf'>,
): WatchState['folders'] {
  const entries = [...folders].map(([id, located]): [number, LocatedFolder] => {
    const { path, account: owner } = located.folder;
    if (owner !== account || (path !== from && !path.startsWith(`${from}/`))) return [id, located];
    const folder = { ...located.folder, path: to + path.slice(from.length) };
    return [id, { ...located, folder, name: names.nameOf(folder) }];
  });
  return new Map(entries);
}

function annotated(state: WatchState, change: OwnChangeOf<'annotated'>): WatchState {
  const id = change.folder ?? 0;
  const before = state.notes.get(id);
  if (before === undefined) return state;
  const notes = new Map(before);
  for (const [name, value] of change.entries)
    if (value === undefined) notes.delete(name);
    else notes.set(name, Buffer.from(value).toString('latin1'));
  return { ...state, notes: new Map(state.notes).set(id, notes) };
}

function withMessages(
  folder: FolderFacts,
  { kind, uids, unseen }: OwnChangeOf<'added' | 'expunged'>,
): FolderFacts {
  const sign = kind === 'added' ? 1 : -1;
  const next = kind === 'added' ? (uids.at(-1) ?? 0) + 1 : 0;
  return {
    ...folder,
    messages: folder.messages + sign * uids.length,
    unseen: folder.unseen + sign * unseen,
    uidNext: Math.max(folder.uidNext, next),
    // A transaction counts as one change. If others changed something too, the count is another and the client
    // is told.
    changes: folder.changes + 1,
  };
}
