// Where a server keeps things: its stores, brought along or in the data directory, and its history.

import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { FileHistory } from '../store/files/history.ts';
import { openStores } from '../store/open-stores.ts';
import type { Stores } from '../store/stores.ts';
import type { Basics } from './basics.ts';

export interface Storage {
  readonly stores: Stores;
  readonly history: FileHistory;
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
  const history = undo.use(openHistory(config, basics));
  return { stores, history };
}

const openOwnStores = (
  { dataDirectory: directory }: Config,
  { clock, log, metrics }: Basics,
): Promise<Stores> =>
  openStores({
    ...{ directory, log, clock, flushSeconds: metrics.flush },
    onFailure: endLoudly,
  });

const openHistory = ({ dataDirectory, history }: Config, { clock, log }: Basics): FileHistory =>
  new FileHistory({
    directory: join(dataDirectory, 'history'),
    bytesMax: history.size,
    ...{ clock, log },
  });

/** Without its store a server can only refuse: better that it ends, and recovers when started anew. */
function endLoudly(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}
