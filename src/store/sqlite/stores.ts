// Opens the embedded store: one directory, or nothing but memory. Queue, mailboxes and accounts are
// in one database, large content in files beside it. Everything that was left half done by the last
// process is cleared up before this resolves.

import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { StorageError } from '../../smtp/smtp-error.ts';
import { inlineBytesMax, journalBytesMax } from '../content.ts';
import { openDataDirectory } from '../files/directory.ts';
import { MemorySpool } from '../files/memory-spool.ts';
import { FileSpool } from '../files/spool.ts';
import { FileWatch } from '../files/watch.ts';
import type { FolderFacts } from '../folder-store.ts';
import { alone } from '../nodes.ts';
import { StoreOpenError } from '../open-error.ts';
import type { QueueStore } from '../queue-store.ts';
import type { OpenStoresOptions, Stores } from '../stores.ts';
import { SqliteAccountStore } from './account-store.ts';
import {
  damageAdvice,
  isNoRoom,
  openAsItLies,
  openDatabase,
  openError,
  openMemoryDatabase,
  prepareDatabase,
} from './database.ts';
import { DirectoryLock } from './directory-lock.ts';
import { forgetTouched, SqliteFolderStore } from './folders/folder-store.ts';
import { MailboxEvents } from './folders/mailbox-events.ts';
import { DamagedStoreError, GroupCommit } from './group-commit.ts';
import { journalDirectory } from './journal/disk.ts';
import type { JournalDirectory } from './journal/file.ts';
import { Journal } from './journal/journal.ts';
import { leftBehind } from './journal/live.ts';
import { MemoryJournalDirectory } from './journal/memory-directory.ts';
import { JournaledQueueStore } from './journal/queue-store.ts';
import { restore } from './journal/restore.ts';
import { SqliteMaintenance } from './maintenance.ts';
import { refuseMoved } from './moving/marks.ts';
import { SqliteQueueStore } from './queue/queue-store.ts';
import type { ReaderClient } from './reader/reader-client.ts';
import { ReaderThread, readInProcess } from './reader/reader-client.ts';
import { SqliteRecordStore } from './record-store.ts';
import { Remembered } from './remembered.ts';
import { discardForeignSearch } from './search/search-database.ts';
import { SqliteSpamStore } from './spam-store.ts';
import { headReader } from './spool-head.ts';
import type { StartThread } from './thread.ts';
import type { Faults, Transport } from './transport.ts';
import { openInProcess, openInWorker, reading } from './transport.ts';

export interface SqliteStoresOptions extends OpenStoresOptions {
  /** `worker` (the default for a directory) or in the caller's thread (always for ':memory:'). */
  readonly transport?: 'worker' | 'in-process';
  /** How threads come about, where that is not for the store alone. */
  readonly startThread?: StartThread | undefined;
  /** In-process only: what a simulation lets happen to each batch. */
  readonly faults?: Faults;
  /** With ':memory:': what survives a simulated crash. Opening it again is a restart. */
  readonly disk?: MemoryDisk;
  /** A limit in database pages of 4 KiB, so that a test can fill the disk. */
  readonly pagesMax?: number;
  /**
   * The queue's journal: in the directory (the default there), or, with ':memory:', on the disk given.
   * False for none: what one left is read all the same.
   */
  readonly journal?: JournalOptions | false | undefined;
}

export interface JournalOptions {
  readonly segmentBytes?: number;
  readonly segmentsMax?: number;
  /** Makes its first file while opening, not when the first message comes. */
  readonly prepare?: boolean;
}

/** A database and a spool in memory that outlive the stores opened on them. */
export class MemoryDisk {
  readonly database: DatabaseSync = openMemoryDatabase();
  readonly spool: MemorySpool = new MemorySpool();
  readonly journal: MemoryJournalDirectory = new MemoryJournalDirectory();
}

/** @throws StoreOpenError */
export async function openSqliteStores(options: SqliteStoresOptions): Promise<Stores> {
  return options.directory === ':memory:' ? openInMemory(options) : openDirectory(options);
}

async function openInMemory(options: SqliteStoresOptions): Promise<Stores> {
  const { disk = new MemoryDisk(), exclusive = true, clock, faults, pagesMax } = options;
  const { database, spool } = disk;
  prepareDatabase(database, ':memory:');
  if (pagesMax !== undefined) database.exec(`PRAGMA max_page_count = ${pagesMax}`);
  const engine = {
    ...{ database, exclusive, now: clock.now() },
    ...{ closes: options.disk === undefined },
    readHead: (file: string, bytesMax: number) => spool.head(file, bytesMax),
  };
  const transport = await openInProcess(engine, faults);
  const journal = options.journal === undefined || !exclusive ? undefined : disk.journal;
  const isJournaled = journal !== undefined && options.journal !== false;
  spool.relayedBytesMax = isJournaled ? journalBytesMax : inlineBytesMax;
  return assemble(options, { spool, transport, journal });
}

async function openDirectory(options: SqliteStoresOptions): Promise<Stores> {
  try {
    return await openToUse(options);
  } catch (error) {
    const isFull = isNoRoom(error) || error instanceof StorageError;
    if (options.brief !== true || !isFull) throw error;
    return await openToLook(options);
  }
}

/** For one command on a full disk: what is there is shown, and nothing is written, made or cleared up. */
async function openToLook(options: SqliteStoresOptions): Promise<Stores> {
  const { directory, clock } = options;
  const path = databasePath(directory);
  const spoolDirectory = join(directory, 'spool');
  const watch = new FileWatch(clock);
  const lock = new DirectoryLock(options, watch);
  const release = () => {
    watch.close();
    lock.close();
  };
  try {
    const database = openAsItLies(path);
    const readHead = headReader(spoolDirectory);
    const engine = { database, exclusive: false, now: clock.now(), readHead, closes: true };
    const transport = reading(await openInProcess(engine));
    const spool = new FileSpool({ directory: spoolDirectory, relayedBytesMax: inlineBytesMax });
    const journal = journalDirectory(join(directory, 'journal'));
    const look = { ...options, exclusive: false };
    return await assemble(look, { spool, transport, journal, release });
  } catch (error) {
    release();
    throw error;
  }
}

async function openToUse(options: SqliteStoresOptions): Promise<Stores> {
  const { directory, clock, exclusive = true } = options;
  const path = databasePath(directory);
  const spoolDirectory = join(directory, 'spool');
  await openDataDirectory(directory);
  refuseMoved(directory, path);
  const watch = exclusive ? new FileWatch(clock) : undefined;
  let lock: DirectoryLock | undefined;
  const release = () => {
    watch?.close();
    lock?.close();
  };
  try {
    lock = watch && new DirectoryLock(options, watch);
    // Whoever had the lock until now may have moved everything away.
    if (exclusive) refuseMoved(directory, path);
    const transport = await openTransport(options, path, spoolDirectory);
    if (exclusive) discardForeignSearch(path, searchPath(directory));
    const isJournaled = exclusive && options.journal !== false;
    const relayedBytesMax = isJournaled ? journalBytesMax : inlineBytesMax;
    const spool = new FileSpool({ directory: spoolDirectory, relayedBytesMax });
    const journal = exclusive ? journalDirectory(join(directory, 'journal')) : undefined;
    return await assemble(options, { spool, transport, journal, watch, release });
  } catch (error) {
    release();
    throw error;
  }

  async function openTransport(
    {
      brief = false,
      transport,
      startThread: start,
      faults,
      pagesMax,
      log,
      onFailure,
    }: SqliteStoresOptions,
    file: string,
    spoolPath: string,
  ): Promise<Transport> {
    const now = clock.now();
    if (transport !== 'in-process' && !brief)
      return openInWorker({
        ...{ path: file, spoolDirectory: spoolPath, exclusive, now, pagesMax, start },
        onFailure(error) {
          log.error('store-stopped', { error: String(error.cause ?? error) });
          onFailure?.(error);
        },
      });
    const database = openDatabase({ path: file, pagesMax });
    try {
      const readHead = headReader(spoolPath);
      return await openInProcess({ database, exclusive, now, readHead, closes: true }, faults);
    } catch (error) {
      database.close();
      throw openError(file, error);
    }
  }
}

interface Assembly {
  readonly spool: FileSpool | MemorySpool;
  readonly transport: Transport;
  readonly journal: JournalDirectory | undefined;
  readonly watch?: FileWatch | undefined;
  readonly release?: () => void;
}

async function assemble(options: SqliteStoresOptions, parts: Assembly): Promise<Stores> {
  const { directory, log, clock, exclusive = true } = options;
  const { spool, transport, release } = parts;
  const path = databasePath(directory);
  const removeFile = (key: string) => void spool.remove(key);
  const facts = new Remembered<FolderFacts>(factsMax);
  const mailboxEvents: MailboxEvents = new MailboxEvents({
    clock,
    gather: transport.gather,
    version: () => commit.call('version', []),
  });
  const commit = new GroupCommit({
    ...{ transport, clock, log, removeFile, flushSeconds: options.flushSeconds },
    touched(events) {
      forgetTouched(facts, events);
      mailboxEvents.publish(events);
      reader.wake();
    },
  });
  parts.watch?.add(path, () => {
    log.error('store-removed', { error: removedAdvice(path) });
    commit.refuse(removedAdvice(path));
  });
  const reader = await openReader(transport, options);
  try {
    const files = exclusive ? await commit.call('files', []) : [];
    const { removed, faults } = exclusive ? await spool.recover(files) : nothingFound;
    if (transport.recovered + removed > 0)
      log.info('store-recovered', { recipients: transport.recovered, leftovers: removed });
    for (const { message } of faults.slice(0, faultsLoggedMax))
      log.error('content-damaged', { error: message });
    if (faults.length > 0) log.error('content-damaged', { files: faults.length, advice });
    const accounts = new SqliteAccountStore({ commit, clock });
    await accounts.load();
    const store = new SqliteQueueStore({ commit, reader, spool, clock });
    const { queue, saveJournal } = await openJournaled(options, store, parts);
    let closing: Promise<void> | undefined;
    const close = async () => {
      await queue[Symbol.asyncDispose]();
      mailboxEvents.close();
      await reader.close();
      await commit.close();
      await spool[Symbol.asyncDispose]();
      release?.();
    };
    return {
      queue,
      folders: new SqliteFolderStore({
        ...{ commit, reader, events: mailboxEvents, facts, spool, clock },
      }),
      accounts,
      records: new SqliteRecordStore({ commit, clock }),
      spam: new SqliteSpamStore(commit),
      spool,
      maintenance: new SqliteMaintenance({ commit, saveJournal, spool, clock }),
      nodes: alone,
      [Symbol.asyncDispose]: () => {
        closing ??= close();
        return closing;
      },
    };
  } catch (error) {
    await commit.close();
    throw error instanceof DamagedStoreError
      ? new StoreOpenError('damaged', damageAdvice(path), { cause: error })
      : error;
  }
}

/** Limit: folders of which it is remembered how they are, some 300 octets each. */
const factsMax = 4096;
const nothingFound = { removed: 0, faults: [] } as const;
const faultsLoggedMax = 10;
const advice = '`postrider verify` names the messages, and says what can be done';

interface OpenedQueue {
  readonly queue: QueueStore;
  readonly saveJournal: () => Promise<void>;
}

const withoutJournal = (queue: QueueStore): OpenedQueue => ({ queue, saveJournal: async () => {} });

/** What is alive in the journal goes into the store; new mail goes into the journal. */
async function openJournaled(
  { log, clock, journal: options, flushSeconds, exclusive = true }: SqliteStoresOptions,
  store: SqliteQueueStore,
  { journal: directory, spool, watch }: Assembly,
): Promise<OpenedQueue> {
  if (directory === undefined) return withoutJournal(store);
  if (!exclusive) {
    const { journal, left } = await Journal.atRest({ directory, clock, log });
    const queue = new JournaledQueueStore({
      ...{ store, journal, spool, clock },
      left: left.map(leftBehind),
    });
    return { queue, saveJournal: () => queue.saveAll() };
  }
  const settings = options === false ? {} : options;
  const journal = await Journal.open({ directory, clock, log, flushSeconds, ...settings }, (live) =>
    restore(live, store, { spool, clock }),
  );
  if (options === false) {
    await journal.close({ empty: true });
    return withoutJournal(store);
  }
  if (options?.prepare === true) await journal.prepare();
  const watchJournal = () =>
    watch?.add(directory.path, () => {
      journal.giveUp(`${directory.path} was removed or replaced`);
      watchJournal();
    });
  watchJournal();
  const queue = new JournaledQueueStore({ store, journal, spool, clock });
  return { queue, saveJournal: () => queue.saveAll() };
}

async function openReader(
  transport: Transport,
  options: SqliteStoresOptions,
): Promise<ReaderClient> {
  const { directory, log, exclusive = true, brief = false, keepsUp } = options;
  const { local, alive } = transport;
  // What searches derive is for the server, too, in a file: it is the reader's thread that keeps it.
  const isHere = local !== undefined && !(brief && exclusive && directory !== ':memory:');
  // A command beside a running server leaves the server's files alone.
  const own = exclusive && directory !== ':memory:' && !isHere;
  const search = own ? searchPath(directory) : ':memory:';
  if (isHere) return readInProcess({ ...local, searchPath: search, alive: () => alive?.(), log });
  const path = databasePath(directory);
  return new ReaderThread(
    { path, searchPath: search, spoolDirectory: join(directory, 'spool'), keepsUp },
    log,
    options.startThread,
  );
}

const searchPath = (directory: string): string => join(directory, 'search.db');

const databasePath = (directory: string): string => join(directory, 'postrider.db');

const removedAdvice = (path: string): string =>
  `${path} was removed or replaced under the running server, which takes nothing any more. What it ` +
  `holds can be copied from /proc/${process.pid}/fd for as long as it runs`;
