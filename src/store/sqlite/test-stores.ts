// The embedded store as the conformance suites want it: in memory, or in a directory of its own.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { OpenTestStores } from '../conformance/harness.ts';
import type { Stores } from '../stores.ts';
import { MemoryDisk, openSqliteStores } from './stores.ts';

/** A restart is a crash here: the old store gets no chance to put anything in order. */
export const openInMemory: OpenTestStores = async () => {
  const disk = new MemoryDisk();
  const clock = new FakeClock();
  const open = () => openSqliteStores({ directory: ':memory:', disk, clock, log: silentLog });
  let stores: Stores = await open();
  return {
    clock,
    get stores() {
      return stores;
    },
    async restart() {
      stores = await open();
    },
    async [Symbol.asyncDispose]() {
      await stores[Symbol.asyncDispose]();
      disk.database.close();
    },
  };
};

export const openInDirectory =
  (transport: 'worker' | 'in-process'): OpenTestStores =>
  async () => {
    const directory = await temporaryDirectory();
    const clock = new FakeClock();
    const open = () => openSqliteStores({ directory, clock, log: silentLog, transport });
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
