// The door to the implementation of the stores: whoever opens them gets the interfaces of stores.ts, and
// knows nothing of what is behind. Which one it is, is decided here.

import { unreachable } from '../base/assert.ts';
import type { DatabaseFacts } from './database-facts.ts';
import { openSqliteStores } from './sqlite/stores.ts';
import type { OpenStoresOptions, StoreSettings, Stores } from './stores.ts';

export { type OpenHistory, openHistory } from './open-history.ts';

/** @throws StoreOpenError saying what to do */
export async function openStores(options: OpenStoresOptions): Promise<Stores> {
  const { store = { kind: 'sqlite' } } = options;
  switch (store.kind) {
    case 'sqlite':
      return openSqliteStores(options);
    case 'postgres': {
      // Its driver is read where it is used.
      const { openPostgresStores } = await import('./postgres/stores.ts');
      const { url, node, connections, nodeTimeout, notify, content } = store;
      return openPostgresStores({
        ...options,
        ...{ url, node, connectionsMax: connections, timeoutMs: nodeTimeout, notify },
        objects: content?.s3,
      });
    }
    default:
      return unreachable(store);
  }
}

type PostgresSettings = Extract<StoreSettings, { kind: 'postgres' }>;

/** Looks at a database that nodes share, and changes nothing. @throws StorageError when it is away */
export async function inspectDatabase(
  settings: Pick<PostgresSettings, 'url' | 'notify'>,
): Promise<DatabaseFacts> {
  const { inspectDatabase: inspect } = await import('./postgres/inspection.ts');
  return inspect(settings);
}
