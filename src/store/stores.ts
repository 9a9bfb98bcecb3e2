// Everything durable, opened together: whoever implements one of the stores implements them all,
// since a local delivery and the settling of the queue are one transaction.

import type { AccountStore } from './account-store.ts';
import type { FolderStore } from './folder-store.ts';
import type { StoreMaintenance } from './maintenance.ts';
import type { QueueStore } from './queue-store.ts';
import type { Spool } from './spool.ts';

export interface Stores extends AsyncDisposable {
  readonly queue: QueueStore;
  readonly folders: FolderStore;
  readonly accounts: AccountStore;
  readonly spool: Spool;
  readonly maintenance: StoreMaintenance;
}
