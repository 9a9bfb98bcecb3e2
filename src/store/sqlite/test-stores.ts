// The embedded store as the conformance suites want it: in memory, or in a directory of its own.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { OpenTestStores, TestStores } from '../conformance/harness.ts';
import type { Stores } from '../stores.ts';
import { emptyDatabase } from './database.ts';
import type { JournalOptions } from './stores.ts';
import { MemoryDisk, openSqliteStores } from './stores.ts';
import { startSharedThread } from './test-threads.ts';

/** A restart is a crash here: the old store gets no chance to put anything in order. */
const openCrashing = async (journal: JournalOptions | undefined): Promise<TestStores> => {
  const disk = new MemoryDisk();
  const clock = new FakeClock();
  const open = () =>
    openSqliteStores({ ...{ directory: ':memory:', disk, clock, log: silentLog }, journal });
  let stores: Stores = await open();
  return {
    clock,
    get stores() {
      return stores;
    },
    async restart() {
      await clock.advance(1000); // what is written down a moment later is, but for the last moment
      disk.journal.crash();
      stores = await open();
    },
    async [Symbol.asyncDispose]() {
      await stores[Symbol.asyncDispose]();
      disk.database.close();
    },
  };
};

export const openInMemory: OpenTestStores = () => openCrashing(undefined);

/** Small segments, so that they are used again and again. */
export const openJournaledInMemory: OpenTestStores = () =>
  openCrashing({ prepare: true, segmentBytes: 512 * 1024 });

export const openInDirectory =
  (transport: 'worker' | 'in-process', journal?: JournalOptions | false): OpenTestStores =>
  async () => {
    const directory = await temporaryDirectory();
    // As if opened before: the migrations have tests of their own.
    await writeFile(join(directory, 'postrider.db'), emptyDatabase(), { mode: 0o600 });
    const clock = new FakeClock();
    const options = { directory, clock, log: silentLog, transport, journal };
    const open = () => openSqliteStores({ ...options, startThread: startSharedThread });
    let stores: Stores = await open();
    return {
      clock,
      get stores() {
        return stores;
      },
      async restart() {
        await stores[Symbol.asyncDispose]();
        stores = await open();
      },
      async [Symbol.asyncDispose]() {
        await stores[Symbol.asyncDispose]();
        await rm(directory, { recursive: true });
      },
    };
  };

export const temporaryDirectory = (): Promise<string> =>
  mkdtemp(join(tmpdir(), 'postrider-store-'));
