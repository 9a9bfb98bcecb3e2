// Behind pgbouncer, which hands a connection out for a transaction: nothing of ours depends on what a session was
// told before. https://www.pgbouncer.org/features.html#sql-feature-map-for-pooling-modes

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { deferred, delivered, message, settlement, text } from '../conformance/harness.ts';
import { due, everything } from '../conformance/queue-harness.ts';
import { moveStore } from '../moving/move.ts';
import { openMoveSource, openMoveTarget } from '../open-move.ts';
import { openStores } from '../open-stores.ts';
import { ask, testCluster, withoutPostgres } from './test-cluster.ts';
import { eventually, openTwo } from './test-two-nodes.ts';

const program = '/usr/sbin/pgbouncer';

function without(): string | false {
  const why = withoutPostgres();
  if (why !== false || existsSync(program)) return why;
  const missing = 'SKIPPED: pgbouncer is not installed (.ci/run installs it)';
  if (process.env.POSTRIDER_TEST_PEERS === 'required') throw new Error(missing);
  console.error(missing);
  return missing;
}

/** In front of the server of that address; on a socket in a folder of its own. */
async function pooler(url: string) {
  const behind = new URL(url.replace('@/', '@localhost/'));
  const home = mkdtempSync(join(tmpdir(), 'postrider-pool-'));
  const database = behind.pathname.slice(1);
  const file = join(home, 'pgbouncer.ini');
  writeFileSync(
    file,
    `[databases]
${database} = host=${behind.searchParams.get('host')} dbname=${database} user=postrider
[pgbouncer]
unix_socket_dir = ${home}
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = 3
logfile = ${join(home, 'log')}
`,
  );
  // It does not run as root.
  const owner: Owner = process.getuid?.() === 0 ? idsOf('postgres') : {};
  if (owner.uid !== undefined)
    for (const path of [home, file]) chownSync(path, owner.uid, owner.gid!);
  const server = spawn(program, [file], { stdio: 'ignore', ...owner });
  const through = `postgres://postrider@/${database}?host=${encodeURIComponent(home)}&port=6432`;
  await eventually(() => ask(through, 'SELECT 1').then(Boolean, () => false));
  return {
    url: through,
    async [Symbol.asyncDispose]() {
      server.kill('SIGINT');
      if (server.exitCode === null) await once(server, 'exit');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

const idsOf = (user: string): Owner => {
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
};

describe('behind a pooler', { skip: without() }, () => {
  it('two nodes share queue, mailboxes and accounts by three connections', async () => {
    await using pool = await pooler(await (await testCluster()).database());
    await using test = await openTwo({ url: pool.url, notify: false });
    const { one, two, clock } = test;
    const all = Array.from({ length: 30 }, (_, i) => `m${100 + i}`);
    await Promise.all(all.map((id, i) => [one, two][i % 2]!.queue.enqueue(message(id), due)));
    const done = new Set<string>();
    await Promise.all(
      [one, two, one, two].map(async ({ queue }) => {
        for (;;) {
          const leases = await queue.claim({ ...everything, now: clock.now(), limit: 5 });
          if (leases.length === 0 && (await queue.totals({})).recipients === 0) return;
          await Promise.all(
            leases.map(async (lease) => {
              const isFirst = lease.recipients[0]!.attempt === 1;
              const outcome = isFirst ? deferred(clock.now()) : delivered;
              assert.equal(await queue.settle(settlement(lease, outcome)), true);
              if (!isFirst) done.add(lease.message.id);
            }),
          );
        }
      }),
    );
    assert.deepEqual([...done].sort(), all);
    await one.accounts.add('ann@example.org', undefined, 0);
    await test.eventually(async () => (await two.accounts.find('ann@example.org')) !== undefined);
    await one.folders.ensure('ann@example.org');
    const inbox = (await two.folders.find('ann@example.org', 'INBOX'))!;
    const mail = { content: text('Subject: x\r\n\r\nbody'), flags: [], received: 0 };
    await Promise.all([one, two].map(({ folders }) => folders.append(inbox.id, [mail])));
    assert.equal((await two.folders.find('ann@example.org', 'INBOX'))?.messages, 2);
    assert.equal(await one.nodes.inTurn('reports', async () => 1), 1);
  });

  it('everything moves through it, there and back', async () => {
    await using pool = await pooler(await (await testCluster()).database());
    const home = mkdtempSync(join(tmpdir(), 'postrider-pool-move-'));
    const clock = new FakeClock();
    const own = { node: 'mx1', connections: 4, nodeTimeout: 15_000, notify: false };
    const there = { store: { kind: 'postgres', url: pool.url, ...own }, directory: home } as const;
    const at = (name: string) =>
      ({ store: { kind: 'sqlite' }, directory: join(home, name) }) as const;
    const opened = (name: string) =>
      openStores({ ...at(name), clock, log: silentLog, brief: true });
    {
      await using stores = await opened('here');
      await stores.accounts.add('ann@example.org', undefined, 0);
    }
    for (const [from, to] of [
      [at('here'), there],
      [there, at('back')],
    ] as const) {
      await using source = await openMoveSource({ ...from, clock });
      await using target = await openMoveTarget({ ...to, clock, replace: false });
      await moveStore({ source, target, clock, stopServers: async () => assert.fail() });
    }
    {
      await using stores = await opened('back');
      assert.notEqual(await stores.accounts.find('ann@example.org'), undefined);
    }
    rmSync(home, { recursive: true });
  });
});
