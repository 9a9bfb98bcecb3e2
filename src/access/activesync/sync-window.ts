// What a device has to be told of a folder, and what of it in one answer: a pure function of what it knows and what the
// folder has. Changes come from the store's feed; only while the device is still given its first messages, when its
// filter has changed, or once a day for what has become too old, all rows are looked at.

import { UidSet } from '../../activesync/uid-set.ts';
import { deletedBit } from '../../mailbox/flags.ts';
import type { MailColumns } from '../../store/folder-store.ts';
import type { CollectionState } from './collection-book.ts';

/** Of a folder at one moment. */
export interface FolderNews {
  /** HIGHESTMODSEQ. */
  readonly modseq: number;
  /** Everything, or what changed since the state. */
  readonly all: boolean;
  readonly columns: MailColumns;
  /** Where `all` is false: what went since the state. */
  readonly vanished: Uint32Array;
}

export interface Wanted {
  readonly filterType: number;
  /** Milliseconds since the epoch. */
  readonly oldest: number;
  /** What the device itself has just changed: UIDs and the modseq that came of it. */
  readonly own: ReadonlyMap<number, number>;
}

export type Told =
  | { readonly kind: 'delete' | 'soft-delete'; readonly uid: number }
  /** `row` of the columns. */
  | { readonly kind: 'change' | 'add'; readonly uid: number; readonly row: number };

/** Whether only the feed has to be looked at. */
export const needsAll = (state: CollectionState, wanted: Pick<Wanted, 'filterType' | 'oldest'>) =>
  !state.complete || state.filterType !== wanted.filterType || state.oldest !== wanted.oldest;

/** In the order in which they are told: what goes, what changes, what is new, the newest first. */
export function toTell(state: CollectionState, news: FolderNews, wanted: Wanted): Told[] {
  const gone: Told[] = [...goneOf(state, news)].map((uid) => ({ kind: 'delete', uid }));
  const changed: Told[] = [];
  const added: Told[] = [];
  const { length, uid: uids, flags, received, modseq } = news.columns;
  for (let row = length - 1; row >= 0; row -= 1) {
    const uid = uids[row]!;
    const isDeleted = (flags[row]! & deletedBit) !== 0;
    const isWanted = !isDeleted && received[row]! >= wanted.oldest;
    if (!state.has.has(uid)) {
      if (isWanted) added.push({ kind: 'add', uid, row });
    } else if (!isWanted) gone.push({ kind: isDeleted ? 'delete' : 'soft-delete', uid });
    else if (!isKnown(state, wanted, uid, modseq[row]!)) changed.push({ kind: 'change', uid, row });
  }
  return [...gone, ...changed.reverse(), ...added];
}

/** The device was told of the message as it is, or made it so itself. */
export const isKnown = (
  state: CollectionState,
  { own }: Pick<Wanted, 'own'>,
  uid: number,
  modseq: number,
): boolean =>
  modseq <= state.modseq ||
  own.get(uid) === modseq ||
  (modseq <= state.toldAt && state.told.has(uid));

function* goneOf({ has }: CollectionState, { all, vanished, columns }: FolderNews) {
  if (!all) {
    for (const uid of vanished) if (has.has(uid)) yield uid;
    return;
  }
  let row = 0;
  for (const uid of has) {
    while (row < columns.length && columns.uid[row]! < uid) row += 1;
    if (row >= columns.length || columns.uid[row] !== uid) yield uid;
  }
}

/** What the device knows when it was told `sent` of `found`, which is all that there was to tell. */
export function stateAfter(
  state: CollectionState,
  { news, wanted, found, sent }: AfterParts,
): CollectionState {
  const uidsOf = (wants: (kind: Told['kind']) => boolean) =>
    UidSet.of(sent.flatMap(({ kind, uid }) => (wants(kind) ? [uid] : [])));
  const has = state.has
    .with(uidsOf((kind) => kind === 'add'))
    .without(uidsOf((kind) => kind === 'delete' || kind === 'soft-delete'));
  const { filterType, oldest } = wanted;
  const next = { ...{ number: state.number + 1, has, filterType, oldest } };
  const left = found.slice(sent.length);
  if (left.length === 0)
    return { ...next, modseq: news.modseq, told: UidSet.empty(), toldAt: 0, complete: true };
  // Where only first messages are left, everything else was told.
  if (news.all && left.every(({ kind }) => kind === 'add'))
    return { ...next, modseq: news.modseq, told: UidSet.empty(), toldAt: 0, complete: false };
  const told = state.told
    .with(UidSet.of([...wanted.own.keys(), ...sent.map(({ uid }) => uid)]))
    .without(UidSet.of(left.map(({ uid }) => uid)));
  return { ...next, modseq: state.modseq, told, toldAt: news.modseq, complete: !news.all };
}

export interface AfterParts {
  readonly news: FolderNews;
  readonly wanted: Wanted;
  readonly found: readonly Told[];
  /** The first of them. */
  readonly sent: readonly Told[];
}
