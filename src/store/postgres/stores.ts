// Opens the stores of several machines: everything is in one PostgreSQL, and every node is as good as the others.

import { StoreOpenError } from '../open-error.ts';
import type { ObjectSettings, OpenStoresOptions, Stores } from '../stores.ts';
import { PostgresAccountStore } from './account-store.ts';
import { Bucket } from './content/bucket.ts';
import { ContentTable } from './content/content-table.ts';
import { PostgresSpool } from './content/spool.ts';
import { Database } from './database.ts';
import { openMailboxes } from './folders/open-mailboxes.ts';
import { oldestVersion, versionOf } from './inspection.ts';
import { PostgresMaintenance } from './maintenance.ts';
import { migrate } from './migrations.ts';
import { PostgresNodes } from './nodes.ts';
import { forgetRemembered } from './queue/memory.ts';
import { PostgresQueueStore } from './queue/queue-store.ts';
import { PostgresRecordStore } from './record-store.ts';
import { forgetSpam, PostgresSpamStore } from './spam-store.ts';
import { Upkeep } from './upkeep.ts';

export interface PostgresStoresOptions
  extends Pick<OpenStoresOptions, 'log' | 'clock' | 'exclusive' | 'brief' | 'onFailure'> {
  /** `postgres://user:password@host/database` */
  readonly url: string;
  /** What this machine is called among the others. */
  readonly node: string;
  readonly connectionsMax?: number | undefined;
  /** Where large content goes; in the database without. */
  readonly objects?: ObjectSettings | undefined;
  /** After so long without a word a node is taken for dead, in milliseconds. */
  readonly timeoutMs?: number | undefined;
}

export const nodeTimeoutMs = 15_000;

/** @throws StoreOpenError, StorageError when the database is away */
export async function openPostgresStores(options: PostgresStoresOptions): Promise<Stores> {
  const {
    url,
    node,
    log,
    clock,
    connectionsMax,
    objects,
    exclusive = true,
    brief = false,
  } = options;
  const name = `postrider ${node}`;
  await using undo = new AsyncDisposableStack();
  const database = undo.use(
    new Database({ url, log, name, ...(connectionsMax && { connectionsMax }) }),
  );
  if ((await versionOf(database)) < oldestVersion)
    throw new StoreOpenError('no-access', 'PostgreSQL is too old: 15 is the oldest that is served');
  await migrate(database);
  const contents = new ContentTable(database, objects && new Bucket(objects, clock));
  await contents.open();
  const spool = undo.use(new PostgresSpool({ contents }));
  const mailboxes = undo.use(openMailboxes({ database, contents, clock, url }));
  const { folders, deliveries } = mailboxes;
  const accounts = new PostgresAccountStore({
    ...{ database, clock },
    onRemove: async (transaction, account) => {
      await deliveries.removeMailbox(transaction, account);
      await forgetRemembered(transaction, account);
      await forgetSpam(transaction, account);
    },
  });
  await accounts.load();
  const queue: PostgresQueueStore = new PostgresQueueStore({
    ...{ database, contents, spool, deliveries, clock },
    session: () => nodes.session,
  });
  const nodes = new PostgresNodes({
    ...{ database, clock, log, name: node, timeoutMs: options.timeoutMs ?? nodeTimeoutMs },
    giveBack: (queries, session) => queue.leasing.giveBack(queries, session, clock.now()),
    onReplaced(error) {
      log.error('node replaced', { error: error.message });
      options.onFailure?.(error);
    },
  });
  // What is asked for is answered before the node leaves.
  undo.use(nodes);
  undo.use(queue);
  const upkeep = new Upkeep({
    ...{ database, clock, log },
    sweeps: [() => queue.sweep(), () => contents.sweep()],
  });
  undo.use(upkeep);
  if (exclusive && !brief) {
    await nodes.join();
    await queue.recover();
    upkeep.start();
  } else await nodes.visit();
  const opened = undo.move();
  return {
    queue,
    nodes,
    folders,
    accounts,
    records: new PostgresRecordStore({ database, clock }),
    spam: new PostgresSpamStore(database),
    spool,
    maintenance: new PostgresMaintenance(database, contents),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
