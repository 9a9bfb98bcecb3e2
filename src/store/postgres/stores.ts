// Opens the stores of several machines: everything is in one PostgreSQL, and every node is as good as the others.

import type { FolderStore } from '../folder-store.ts';
import type { StoreMaintenance } from '../maintenance.ts';
import type { QueueStore } from '../queue-store.ts';
import type { OpenStoresOptions, Stores } from '../stores.ts';
import { PostgresAccountStore } from './account-store.ts';
import { ContentTable } from './content/content-table.ts';
import { PostgresSpool } from './content/spool.ts';
import { Database } from './database.ts';
import { migrate } from './migrations.ts';
import { PostgresRecordStore } from './record-store.ts';
import { forgetSpam, PostgresSpamStore } from './spam-store.ts';

export interface PostgresStoresOptions
  extends Pick<OpenStoresOptions, 'log' | 'clock' | 'exclusive' | 'brief' | 'onFailure'> {
  /** `postgres://user:password@host/database` */
  readonly url: string;
  /** What this machine is called among the others. */
  readonly node: string;
  readonly connectionsMax?: number | undefined;
}

/** @throws StoreOpenError, StorageError when the database is away */
export async function openPostgresStores(options: PostgresStoresOptions): Promise<Stores> {
  const { url, node, log, clock, connectionsMax } = options;
  const name = `postrider ${node}`;
  const database = new Database({ url, log, name, ...(connectionsMax && { connectionsMax }) });
  try {
    await migrate(database);
    const contents = new ContentTable(database);
    await contents.open();
    const spool = new PostgresSpool({ database, contents });
    const accounts = new PostgresAccountStore({
      ...{ database, clock },
      onRemove: async (transaction, account) => {
        await forgetSpam(transaction, account);
      },
    });
    await accounts.load();
    return {
      queue: {} as QueueStore,
      folders: {} as FolderStore,
      accounts,
      records: new PostgresRecordStore({ database, clock }),
      spam: new PostgresSpamStore(database),
      spool,
      maintenance: {} as StoreMaintenance,
      async [Symbol.asyncDispose]() {
        await spool[Symbol.asyncDispose]();
        await database[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}
