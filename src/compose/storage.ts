// Where a server keeps things: its stores, brought along or in the data directory, and its history.

import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { FileHistory } from '../store/files/history.ts';
import type { HistorySearch } from '../store/history-search.ts';
import type { OpenHistorySearch } from '../store/open-stores.ts';
import { openHistorySearch, openStores } from '../store/open-stores.ts';
import type { Stores } from '../store/stores.ts';
import type { Basics } from './basics.ts';

export interface Storage {
  readonly stores: Stores;
  readonly history: FileHistory;
  readonly search: HistorySearch & AsyncDisposable;
}

export interface StorageOptions {
  readonly config: Config;
  /** Instead of those in the data directory. */
  readonly stores?: Stores;
}

/** @throws StorageError with a message for the operator. */
export async function openStorage(
  { config, stores: brought }: StorageOptions,
  basics: Basics,
  undo: AsyncDisposableStack,
): Promise<Storage> {
  const stores = undo.use(brought ?? (await openOwnStores(config, basics)));
  const { happenings, clock, log } = basics;
  const directory = join(config.dataDirectory, 'history');
  const search = undo.use(openHistorySearch({ directory, clock, log }));
  const history = undo.use(
    new FileHistory({
      ...{ directory, bytesMax: config.history.size, clock, log },
      onRecorded: (event) => happenings.recorded(event),
      onWritten: (bytes) => search.wrote(bytes),
    }),
  );
  return { stores, history, search: flushed(history, search) };
}

/** What was recorded until now is found. */
const flushed = (history: FileHistory, search: OpenHistorySearch): Storage['search'] => ({
  async messages(asked) {
    await history.flush();
    return search.messages(asked);
  },
  async refusals(asked) {
    await history.flush();
    return search.refusals(asked);
  },
  [Symbol.asyncDispose]: () => search[Symbol.asyncDispose](),
});

const openOwnStores = (
  { dataDirectory: directory, store }: Config,
  { clock, log, metrics }: Basics,
): Promise<Stores> =>
  openStores({
    ...{ directory, store, log, clock, flushSeconds: metrics.flush },
    onFailure: endLoudly,
  });

/** Without its store a server can only refuse: better that it ends, and recovers when started anew. */
function endLoudly(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}
