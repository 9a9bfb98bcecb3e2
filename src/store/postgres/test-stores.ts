// The stores on PostgreSQL as the conformance suites want them: a database of their own.

import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { OpenTestStores } from '../conformance/harness.ts';
import type { Stores } from '../stores.ts';
import { openPostgresStores } from './stores.ts';
import { testCluster } from './test-cluster.ts';

/** As `node`, on the database with this address. */
export const openNode = (
  url: string,
  node: string,
  clock = new FakeClock(),
  { notify = true } = {},
): Promise<Stores> => openPostgresStores({ url, node, clock, notify, log: silentLog });

/** On a database that is made for it. A restart is a crash here: the process before gets no chance to put anything in order. */
export const openIn =
  (database: () => Promise<string>): OpenTestStores =>
  async () => {
    const url = await database();
    const clock = new FakeClock();
    const opened: Stores[] = [await openNode(url, 'one', clock)];
    return {
      clock,
      get stores() {
        return opened.at(-1)!;
      },
      async restart() {
        await clock.advance(1000);
        opened.push(await openNode(url, 'one', clock));
      },
      async [Symbol.asyncDispose]() {
        for (const stores of opened) await stores[Symbol.asyncDispose]();
      },
    };
  };

export const openInPostgres = openIn(async () => (await testCluster()).database());
