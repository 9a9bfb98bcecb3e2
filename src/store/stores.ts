// Everything durable, opened together: whoever implements one of the stores implements them all,
// since a local delivery and the settling of the queue are one transaction.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Histogram } from '../base/metrics.ts';
import type { AccountStore } from './account-store.ts';
import type { FolderStore } from './folder-store.ts';
import type { StoreMaintenance } from './maintenance.ts';
import type { Nodes } from './nodes.ts';
import type { QueueStore } from './queue-store.ts';
import type { RecordStore } from './record-store.ts';
import type { OwnDiary, SharedHistory } from './shared-history.ts';
import type { SpamStore } from './spam-store.ts';
import type { Spool } from './spool.ts';

/** The configuration's `store`. */
export type StoreSettings =
  /** In the data directory. */
  | { readonly kind: 'sqlite' }
  /** Shared with other nodes. */
  | {
      readonly kind: 'postgres';
      readonly url: string;
      /** What this machine is called among the others. */
      readonly node: string;
      readonly connections: number;
      /** In milliseconds: a node that was silent for so long is taken for dead. */
      readonly nodeTimeout: number;
      /** Whether nodes wake each other, for which each keeps a connection that listens. */
      readonly notify: boolean;
      readonly content?: LargeContentSettings | undefined;
    };

/** Where large content lies, if not in the database. */
export interface LargeContentSettings {
  readonly s3: ObjectSettings;
}

/** A store that speaks S3. */
export interface ObjectSettings {
  /** `https://s3.example.net`, without the bucket. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface OpenStoresOptions {
  /** Default: in the directory. */
  readonly store?: StoreSettings | undefined;
  /** Where everything lies; ':memory:' for stores that die with the process. */
  readonly directory: string;
  readonly log: Log;
  readonly clock: Clock;
  /**
   * Whether the queue is ours (the default): one process at a time, which recovers what the last
   * one left. With `false`, beside a running server, reading is safe, and so are changes of
   * accounts and mailboxes and the queue's retry, hold, unhold and reroute; the store puts them in
   * order. Whoever is not the owner must not enqueue with a lease, claim, settle, release or take.
   */
  readonly exclusive?: boolean;
  /** For one command, which has nothing else to do meanwhile: fewer threads are started for it. */
  readonly brief?: boolean;
  /** People look at mail as it comes (`dev`): what is derived from it keeps up with it, also while the machine is busy. */
  readonly keepsUp?: boolean | undefined;
  /** The store is gone: nothing more will be stored. The server should end, loudly. */
  readonly onFailure?: (error: Error) => void;
  /** How long commits and flushes took. */
  readonly flushSeconds?: Histogram | undefined;
}

export interface Stores extends AsyncDisposable {
  readonly queue: QueueStore;
  readonly folders: FolderStore;
  readonly accounts: AccountStore;
  readonly records: RecordStore;
  readonly spam: SpamStore;
  readonly spool: Spool;
  readonly maintenance: StoreMaintenance;
  /** Who shares all of this. */
  readonly nodes: Nodes;
  /** The history, where it is shared with others. What it has opened is closed before the stores are. */
  readonly openHistory?: ((own: OwnDiary) => SharedHistory) | undefined;
}
