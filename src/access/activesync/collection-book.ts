// What a device has of a folder, by the key that it shows for it. The state before the last is kept until the device has
// shown the key of the last, and so is what it was told: whoever did not hear the answer asks again with the key before, and
// gets the same answer, whatever has become of the folder meanwhile.

import type { SyncOptions } from '../../activesync/sync-options.ts';
import { defaultSyncOptions } from '../../activesync/sync-options.ts';
import { UidSet } from '../../activesync/uid-set.ts';
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import { removeRecords } from '../../store/all-records.ts';
import type { RecordStore } from '../../store/record-store.ts';
import { getLong, putLong } from './long-records.ts';

/** All that a device knows of a folder. Never changed: a Sync makes another. */
export interface CollectionState {
  /** Counts the answers; with the epoch it is the key. */
  readonly number: number;
  /** Everything up to this modseq was told, but for what `told` says. */
  readonly modseq: number;
  /** Told of them as they were at `toldAt`, which is beyond `modseq`. */
  readonly told: UidSet;
  readonly toldAt: number;
  /** The messages that the device has. */
  readonly has: UidSet;
  /** It has everything that it wants: changes alone are looked at. */
  readonly complete: boolean;
  /** The filter that `has` is by, and the day when it was looked at. */
  readonly filterType: number;
  readonly oldest: number;
}

/** What one answer told: UIDs. Of the additions the newest come first. */
export interface ToldLast {
  readonly add: UidSet;
  readonly change: UidSet;
  readonly delete: UidSet;
  readonly softDelete: UidSet;
  /** MoreAvailable. */
  readonly more: boolean;
}

/** What became of a change of the device's, so that it is not made again when it is asked again. */
export interface CommandResult {
  readonly command: 'Add' | 'Change' | 'Delete';
  readonly clientId?: string | undefined;
  readonly serverId?: string | undefined;
  readonly status: string;
  readonly attached?: AttachedFiles | undefined;
}

/** Files that a device added to a draft, as it names them: of either kind the last ones that the draft has. */
export interface AttachedFiles {
  /** Shown within the text. */
  readonly inline: readonly string[];
  readonly beside: readonly string[];
}

export interface Collection {
  readonly epoch: string;
  readonly options: SyncOptions;
  readonly current: CollectionState;
  readonly previous: CollectionState | undefined;
  /** What the request that led to `current` changed, and how it wanted to be answered. */
  readonly asked: string;
  readonly wanted: string;
  readonly told: ToldLast;
  readonly results: readonly CommandResult[];
  /** UIDs that it took away, and that it made. */
  readonly removed: readonly number[];
  readonly added: readonly number[];
  /** Drafts that were written anew: the UIDs that the device knows them by, and those that they have now. */
  readonly renamed: Renamed;
  /** Those of `previous` that were written anew since: their UIDs there, and those that they have now. */
  readonly rewritten: Renamed;
}

export type Renamed = readonly (readonly [shown: number, is: number])[];

/** The UID that a device is shown for a message. */
export const shownUid = (renamed: Renamed, uid: number): number =>
  renamed.find(([, is]) => is === uid)?.[0] ?? uid;

/** The UID of what a device shows. */
export const uidShown = (renamed: Renamed, shown: number): number =>
  renamed.find(([was]) => was === shown)?.[1] ?? shown;

const kind = 'activesync-collection';
/** Limit: a device that is not heard of for as long starts anew. */
const keptMs = 120 * 24 * 60 * 60_000;
/** Limit: folders of devices of which it is known that their record is long; of others pieces may be left to expire. */
const piecesKnownMax = 10_000;
/** Limit: drafts that were written anew, of one folder of one device. Others get another id: they go, and come as new. */
export const renamedMax = 500;

export const keyOf = ({ epoch }: Pick<Collection, 'epoch'>, { number }: CollectionState): string =>
  `${epoch}-${number}`;

export const nothingKnown: Omit<CollectionState, 'filterType'> = {
  ...{ number: 1, modseq: 0, toldAt: 0, complete: false, oldest: 0 },
  ...{ told: UidSet.empty(), has: UidSet.empty() },
};

export const nothingTold: ToldLast = {
  ...{ add: UidSet.empty(), change: UidSet.empty(), more: false },
  ...{ delete: UidSet.empty(), softDelete: UidSet.empty() },
};

export interface CollectionBookParts {
  readonly records: RecordStore;
  readonly clock: Pick<Clock, 'now'>;
  /** Whether this node still is the one that the device speaks to. */
  readonly isOurs?: ((device: string) => boolean) | undefined;
}

export class CollectionBook {
  readonly #parts: CollectionBookParts;
  /** Of those that are long, how many pieces they have. */
  readonly #pieces = new BoundedMap<string, number>(piecesKnownMax);

  constructor(parts: CollectionBookParts) {
    this.#parts = parts;
  }

  /** `device` is its key: account and name. Undefined where nothing, or nothing that makes sense, is known. */
  async find(device: string, folder: string): Promise<Collection | undefined> {
    const key = `${device} ${folder}`;
    const { text, pieces } = await getLong(this.#parts.records, kind, key);
    this.#note(key, pieces);
    return text === undefined ? undefined : collectionOf(text);
  }

  /**
   * Durable when it resolves. A million single UIDs have room. Whoever saves has looked with `find` before: what a longer
   * one had more is removed then. @throws RangeError when it is too long; StorageError when another node may answer the
   * device by now.
   */
  async save(device: string, folder: string, collection: Collection): Promise<void> {
    if (this.#parts.isOurs?.(device) === false)
      throw new StorageError('another node may answer this device by now');
    const key = `${device} ${folder}`;
    const pieces = await putLong(this.#parts.records, {
      ...{ kind, key, text: textOf(collection) },
      expires: this.#parts.clock.now() + keptMs,
      piecesBefore: this.#pieces.get(key) ?? 0,
    });
    this.#note(key, pieces);
  }

  #note(key: string, pieces: number): void {
    if (pieces > 0) this.#pieces.set(key, pieces);
    else this.#pieces.delete(key);
  }

  /** All that the device knows. */
  forget(device: string): Promise<void> {
    return removeRecords(this.#parts.records, kind, `${device} `);
  }
}

/** Of all devices of an account. */
export const forgetCollections = (records: RecordStore, account: string): Promise<void> =>
  removeRecords(records, kind, `${account} `);

interface WrittenState extends Omit<CollectionState, 'told' | 'has'> {
  readonly told: string;
  readonly has: string;
  /** Of the state before: what the last has beside `has`, and does not have. */
  readonly without?: string;
}

type WrittenTold = Readonly<Record<keyof Omit<ToldLast, 'more'>, string>> & Pick<ToldLast, 'more'>;

interface WrittenCollection
  extends Omit<Collection, 'current' | 'previous' | 'told' | 'rewritten'> {
  readonly current: WrittenState;
  readonly previous?: WrittenState | undefined;
  readonly told?: WrittenTold;
  readonly rewritten?: Renamed;
}

function textOf({ current, previous, told, ...rest }: Collection): string {
  const collection: WrittenCollection = {
    ...rest,
    current: { ...current, told: String(current.told), has: String(current.has) },
    // They have nearly the same.
    previous: previous && {
      ...previous,
      told: String(previous.told),
      has: String(previous.has.without(current.has)),
      without: String(current.has.without(previous.has)),
    },
    told: {
      ...{ add: String(told.add), change: String(told.change), more: told.more },
      ...{ delete: String(told.delete), softDelete: String(told.softDelete) },
    },
  };
  return JSON.stringify(collection);
}

function collectionOf(text: string): Collection {
  const { current, previous, told, ...rest } = JSON.parse(text) as WrittenCollection;
  const has = UidSet.parse(current.has);
  return {
    ...{ ...rest, rewritten: rest.rewritten ?? [] },
    options: { ...defaultSyncOptions, ...rest.options },
    current: { ...current, told: UidSet.parse(current.told), has },
    previous: previous && before(previous, has),
    told: told === undefined ? nothingTold : toldIn(told),
  };
}

function before({ without, ...state }: WrittenState, current: UidSet): CollectionState {
  const own = UidSet.parse(state.has);
  // Before this was said `has` was all of it.
  const has = without === undefined ? own : current.without(UidSet.parse(without)).with(own);
  return { ...state, told: UidSet.parse(state.told), has };
}

const toldIn = ({ add, change, delete: gone, softDelete, more }: WrittenTold): ToldLast => ({
  ...{ add: UidSet.parse(add), change: UidSet.parse(change), more },
  ...{ delete: UidSet.parse(gone), softDelete: UidSet.parse(softDelete) },
});
