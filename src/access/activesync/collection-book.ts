// What a device has of a folder, by the key that it shows for it. The state before the last is kept until the device has
// shown the key of the last: whoever did not hear the answer asks again with the key before, and gets the same changes.

import type { SyncOptions } from '../../activesync/sync-options.ts';
import { defaultSyncOptions } from '../../activesync/sync-options.ts';
import { UidSet } from '../../activesync/uid-set.ts';
import type { Clock } from '../../base/clock.ts';
import type { RecordStore } from '../../store/record-store.ts';

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

/** What became of a change of the device's, so that it is not made again when it is asked again. */
export interface CommandResult {
  readonly command: 'Add' | 'Change' | 'Delete';
  readonly clientId?: string | undefined;
  readonly serverId?: string | undefined;
  readonly status: string;
}

export interface Collection {
  readonly epoch: string;
  readonly options: SyncOptions;
  readonly current: CollectionState;
  readonly previous: CollectionState | undefined;
  /** Of the request that led to `current`. */
  readonly asked: string;
  readonly results: readonly CommandResult[];
  /** UIDs that it took away, and that it made. */
  readonly removed: readonly number[];
  readonly added: readonly number[];
  /** Drafts that were written anew: their ids as the device has them, and the UIDs they have now. */
  readonly renamed: readonly (readonly [was: number, is: number])[];
}

const kind = 'activesync-collection';
/** Limit: a device that is not heard of for as long starts anew. */
const keptMs = 120 * 24 * 60 * 60_000;
/** Limit: drafts that were written anew, of one folder of one device. */
const renamedMax = 50;

export const keyOf = ({ epoch }: Pick<Collection, 'epoch'>, { number }: CollectionState): string =>
  `${epoch}-${number}`;

export const nothingKnown: Omit<CollectionState, 'filterType'> = {
  ...{ number: 1, modseq: 0, toldAt: 0, complete: false, oldest: 0 },
  ...{ told: UidSet.empty(), has: UidSet.empty() },
};

export interface CollectionBookParts {
  readonly records: RecordStore;
  readonly clock: Pick<Clock, 'now'>;
}

export class CollectionBook {
  readonly #parts: CollectionBookParts;

  constructor(parts: CollectionBookParts) {
    this.#parts = parts;
  }

  /** `device` is its key: account and name. Undefined where nothing, or nothing that makes sense, is known. */
  async find(device: string, folder: string): Promise<Collection | undefined> {
    const record = await this.#parts.records.get(kind, `${device} ${folder}`);
    return record && collectionOf(record.value);
  }

  /** Durable when it resolves. @throws RangeError when it is too long: over a million single UIDs. */
  async save(device: string, folder: string, collection: Collection): Promise<void> {
    const expires = this.#parts.clock.now() + keptMs;
    const value = textOf(collection);
    await this.#parts.records.put([{ kind, key: `${device} ${folder}`, value, expires }]);
  }

  /** All that the device knows. */
  async forget(device: string): Promise<void> {
    const { records } = this.#parts;
    for (;;) {
      const page = await records.list(kind, { prefix: `${device} `, limit: 500 });
      if (page.length === 0) return;
      await records.remove(
        kind,
        page.map(({ key }) => key),
      );
    }
  }
}

interface WrittenState extends Omit<CollectionState, 'told' | 'has'> {
  readonly told: string;
  readonly has: string;
}

interface WrittenCollection extends Omit<Collection, 'current' | 'previous'> {
  readonly current: WrittenState;
  readonly previous?: WrittenState | undefined;
}

const written = (state: CollectionState): WrittenState => ({
  ...state,
  told: state.told.toString(),
  has: state.has.toString(),
});

const read = (state: WrittenState): CollectionState => ({
  ...state,
  told: UidSet.parse(state.told),
  has: UidSet.parse(state.has),
});

function textOf({ current, previous, renamed, ...rest }: Collection): string {
  const collection: WrittenCollection = {
    ...rest,
    renamed: renamed.slice(-renamedMax),
    current: written(current),
    previous: previous && written(previous),
  };
  return JSON.stringify(collection);
}

function collectionOf(text: string): Collection {
  const { current, previous, ...rest } = JSON.parse(text) as WrittenCollection;
  return {
    ...rest,
    options: { ...defaultSyncOptions, ...rest.options },
    current: read(current),
    previous: previous && read(previous),
  };
}
