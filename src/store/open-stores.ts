// The door to the implementation of the stores: whoever opens them gets the interfaces of stores.ts, and
// knows nothing of what is behind. Which one it is, is decided here.

import { openSqliteStores } from './sqlite/stores.ts';
import type { OpenStoresOptions, Stores } from './stores.ts';

export type { OpenHistorySearch } from './sqlite/history/open-history-search.ts';
export { historySearchHere, openHistorySearch } from './sqlite/history/open-history-search.ts';

/** @throws StoreOpenError saying what to do */
export function openStores(options: OpenStoresOptions): Promise<Stores> {
  return openSqliteStores(options);
}
