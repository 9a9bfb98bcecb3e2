// Opens the stores of several machines: everything is in one PostgreSQL, and every node is as good as the others.

import { randomInt } from 'node:crypto';
import { silentLog } from '../../base/log.ts';
import { StoreOpenError } from '../open-error.ts';
import type { ObjectSettings, OpenStoresOptions, Stores } from '../stores.ts';
import type { PostgresAccountStoreParts } from './account-store.ts';
import { PostgresAccountStore } from './account-store.ts';
import { Changes } from './changes.ts';
import { Bucket } from './content/bucket.ts';
import { ContentTable } from './content/content-table.ts';
import { PostgresSpool } from './content/spool.ts';
import { Counted } from './counted.ts';
import type { DatabaseOptions } from './database.ts';
import { Database } from './database.ts';
import type { Deliveries } from './deliveries.ts';
import { openMailboxes } from './folders/open-mailboxes.ts';
import { PostgresHistory } from './history/shared-history.ts';
import { PostgresHoldings, sweepHoldings } from './holdings.ts';
import { Hosts } from './hosts.ts';
import { oldestVersion, versionOf } from './inspection.ts';
import { PostgresMaintenance } from './maintenance.ts';
import { migrate } from './migrations.ts';
import { refuseMoved } from './moving/move-place.ts';
import { PostgresNodeTable } from './node-table.ts';
import { beatsPerTimeout, PostgresNodes } from './nodes.ts';
import { forgetRemembered } from './queue/memory.ts';
import { PostgresQueueStore } from './queue/queue-store.ts';
import { PostgresRecordStore } from './record-store.ts';
import { Signals } from './signals.ts';
import { forgetSpam, PostgresSpamStore } from './spam-store.ts';
import { Turns } from './turns.ts';
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
  /** Whether nodes wake each other (the default). False where a pooler hands connections around. */
  readonly notify?: boolean | undefined;
}

export const nodeTimeoutMs = 15_000;

/** @throws StoreOpenError, StorageError when the database is away */
export async function openPostgresStores(options: PostgresStoresOptions): Promise<Stores> {
  const { node, log, clock, objects, exclusive = true, brief = false } = options;
  const [name, isPooled] = [`postrider ${node}`, options.notify === false];
  await using undo = new AsyncDisposableStack();
  const url = new Hosts(options.url);
  const database = undo.use(connect(options, { url, name }));
  await migrated(database);
  await refuseMoved(database, options.url);
  const contents = new ContentTable(database, objects && new Bucket(objects, clock));
  await contents.open();
  const spool = undo.use(new PostgresSpool({ contents }));
  /** Nobody else's, whatever this node is called. */
  const process = randomInt(1, 2 ** 48 - 1);
  const signals = undo.use(new Signals({ database, clock, session: process, isOn: !isPooled }));
  const changes = undo.use(new Changes({ database, signals, clock }));
  const { folders, deliveries } = undo.use(
    openMailboxes({ database, contents, clock, signals, session: process }),
  );
  const accounts = await openAccounts({ database, clock, changes, deliveries });
  const isServing = exclusive && !brief;
  const queue: PostgresQueueStore = new PostgresQueueStore({
    ...{ database, contents, spool, deliveries, clock, signals },
    session: () => nodes.session,
    isHeard: () => !isServing || nodes.isHeard,
  });
  const { timeoutMs = nodeTimeoutMs } = options;
  const beats = undo.use(forBeats({ url, name, timeoutMs, isPooled }));
  const counted = undo.use(new Counted({ database, clock, session: () => nodes.session }));
  const nodes: PostgresNodes = new PostgresNodes({
    table: new PostgresNodeTable({
      ...{ database, beats, timeoutMs },
      giveBack: (queries, session) => queue.leasing.giveBack(queries, session, clock.now()),
      onGivenBack: () => queue.givenBack(),
    }),
    ...{ clock, log, signals, name: node, timeoutMs, tellOthers: counted.tellOthers },
    turns: (session) => new Turns(database, session).inTurn,
    holdings: (node) => new PostgresHoldings(database, node),
    giveBackOrphans: () => queue.leasing.giveBackOrphans(),
    onHeard: () => queue.heard(),
    onReplaced: endLoudly(options),
  });
  // What is asked for is answered before the node leaves.
  undo.use(nodes);
  undo.use(queue);
  let history: PostgresHistory | undefined;
  const sweeps = [
    ...[() => queue.sweep(), () => contents.sweep(), () => counted.sweep()],
    ...[() => sweepHoldings(database), async () => history?.sweep()],
  ];
  const looks = [() => queue.giveBackMissed()];
  const { inTurn } = nodes;
  const upkeep = undo.use(new Upkeep({ database, clock, log, inTurn, sweeps, looks }));
  if (isServing) await serve({ nodes, queue, accounts, upkeep });
  else await nodes.visit();
  const opened = undo.move();
  return {
    ...{ queue, nodes, folders, accounts, spool },
    records: new PostgresRecordStore({ database, clock, changes }),
    spam: new PostgresSpamStore(database),
    maintenance: new PostgresMaintenance(database, contents),
    openHistory(own) {
      const here = { name: node, number: nodes.number };
      history = new PostgresHistory({ database, clock, log, node: here }, own);
      return history;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** As one of the nodes, with whatever the last process of its name has left. */
async function serve({ nodes, queue, accounts, upkeep }: Serving): Promise<void> {
  await nodes.join();
  await queue.recover();
  accounts.watch();
  upkeep.start();
}

interface Serving {
  readonly nodes: PostgresNodes;
  readonly queue: PostgresQueueStore;
  readonly accounts: Pick<PostgresAccountStore, 'watch'>;
  readonly upkeep: Upkeep;
}

const endLoudly =
  ({ log, onFailure }: PostgresStoresOptions) =>
  (error: Error): void => {
    log.error('node replaced', { error: error.message });
    onFailure?.(error);
  };

/** One that gives up in time to try again before the node is taken for dead. */
const forBeats = ({
  name,
  timeoutMs,
  ...settings
}: Pick<DatabaseOptions, 'url' | 'isPooled'> & {
  readonly name: string;
  readonly timeoutMs: number;
}): Database =>
  new Database({
    ...settings,
    ...{ log: silentLog, name: `${name} is alive`, connectionsMax: 1 },
    patienceMs: timeoutMs / beatsPerTimeout,
  });

const connect = (
  { log, connectionsMax, notify = true }: PostgresStoresOptions,
  { url, name }: { readonly url: Hosts; readonly name: string },
): Database =>
  new Database({
    ...{ url, log, name, isPooled: !notify },
    ...(connectionsMax && { connectionsMax }),
  });

async function migrated(database: Database): Promise<void> {
  if ((await versionOf(database)) < oldestVersion)
    throw new StoreOpenError('no-access', 'PostgreSQL is too old: 15 is the oldest that is served');
  await migrate(database);
}

async function openAccounts({
  deliveries,
  ...parts
}: Omit<PostgresAccountStoreParts, 'onRemove'> & {
  readonly deliveries: Pick<Deliveries, 'removeMailbox'>;
}): Promise<PostgresAccountStore> {
  const accounts = new PostgresAccountStore({
    ...parts,
    onRemove: async (transaction, account) => {
      await deliveries.removeMailbox(transaction, account);
      await forgetRemembered(transaction, account);
      await forgetSpam(transaction, account);
    },
  });
  await accounts.load();
  return accounts;
}
