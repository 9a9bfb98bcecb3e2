// A primary and a standby that follows it, for tests of failovers: a commit waits for both, as an operator has it who
// wants no 250 lost.

import type { TestServer } from './test-cluster.ts';
import { ask, startTestServer } from './test-cluster.ts';

export interface TestPair extends AsyncDisposable {
  readonly primary: TestServer;
  readonly standby: TestServer;
  /** Of the empty database `mail`; the standby is named first. */
  readonly url: string;
  /** The standby is the primary from now on, and waits for nobody. */
  promote(): Promise<void>;
}

export async function startPair(): Promise<TestPair> {
  const primary = await startTestServer({ wal_level: 'replica', max_wal_senders: 4 });
  await ask(primary.url, 'CREATE DATABASE mail');
  const standby = await startTestServer({ wal_level: 'replica', max_wal_senders: 4 }, primary);
  const waitFor = async ({ url }: TestServer, names: string) => {
    await ask(url, `ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
    await ask(url, 'SELECT pg_reload_conf()');
  };
  await waitFor(primary, '*');
  const hosts = [standby, primary].map(({ directory }) => encodeURIComponent(directory)).join();
  return {
    ...{ primary, standby },
    url: `postgres://postrider@/mail?host=${hosts}&target_session_attrs=read-write`,
    async promote() {
      await ask(standby.url, 'SELECT pg_promote()');
      await waitFor(standby, '');
    },
    async [Symbol.asyncDispose]() {
      await standby.crash();
      await primary.crash();
    },
  };
}
