// Where a server keeps things: its stores, brought along or in the data directory, and its history.

import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import type { OpenHistory } from '../store/open-stores.ts';
import { openHistory, openStores } from '../store/open-stores.ts';
import type { Stores } from '../store/stores.ts';
import type { Basics } from './basics.ts';

export interface Storage extends Pick<OpenHistory, 'history' | 'search'> {
  readonly stores: Stores;
  /** Another configuration is in force. */
  change(config: Config): void;
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
  const { history, search, change } = openHistory({
    ...{ stores, directory, clock, log, settings: config.history },
    onRecorded: (event) => happenings.recorded(event),
  });
  undo.use(search);
  undo.use(history);
  return { stores, history, search, change: (next) => change(next.history) };
}

const openOwnStores = (
  { dataDirectory: directory, store, dev: keepsUp }: Config,
  { clock, log, metrics }: Basics,
): Promise<Stores> =>
  openStores({
    ...{ directory, store, log, clock, keepsUp, flushSeconds: metrics.flush },
    onFailure: endLoudly,
  });

/** Without its store a server can only refuse: better that it ends, and recovers when started anew. */
function endLoudly(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}
