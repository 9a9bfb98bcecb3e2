// What is done to nodes, their database and the network between them.

import { execFileSync } from 'node:child_process';
import type { TestServer } from '../../src/store/postgres/test-cluster.ts';
import { ask } from '../../src/store/postgres/test-cluster.ts';
import type { TestPair } from '../../src/store/postgres/test-pair.ts';
import type { Cluster } from './cluster.ts';
import { pause } from './load.ts';
import type { Disturbance } from './proof.ts';

/** Longer than `nodeTimeout` of these clusters. */
export const nodeTimeout = '3s';
const longMs = 6_000;

const nodeOf = ({ names }: Cluster, round: number): string => names[round % names.length]!;

/** kill -9 of one after the other. By turns it is back at once, or after the others took what it had. */
export const killNodes =
  (everySeconds: number): Disturbance =>
  async (cluster, round) => {
    await pause(1000 * everySeconds);
    const node = nodeOf(cluster, round);
    await cluster.back(node);
    await cluster.otherBack(node);
    await cluster.kill(node);
    cluster.comeBack(node, async () => {
      await pause(round % 2 === 0 ? 0 : longMs);
      await cluster.restart(node);
    });
  };

/** One after the other stands still, for so long that the others take what it had. */
export const freezeNodes: Disturbance = async (cluster, round) => {
  const node = nodeOf(cluster, round);
  await pause(2000);
  cluster.process(node).child.kill('SIGSTOP');
  cluster.ledger.killed(node);
  await pause(longMs + Math.random() * longMs);
  cluster.process(node).child.kill('SIGCONT');
  cluster.ledger.killed(node);
};

/** kill -9 of the database as a whole, and of one of its processes, by turns. */
export const killDatabase =
  (server: TestServer): Disturbance =>
  async (cluster, round) => {
    await pause(4000);
    const all = () => {
      for (const node of cluster.names) cluster.ledger.killed(node);
    };
    if (round % 2 === 0) {
      process.kill(server.pid(), 'SIGKILL');
      all();
      await pause(3000);
      await server.crash(); // nothing is left of it
      await server.start();
    } else {
      const { rows } = await ask(
        server.url,
        `SELECT pid FROM pg_stat_activity WHERE datname LIKE 'test%' ORDER BY random() LIMIT 1`,
      );
      process.kill(rows[0].pid, 'SIGKILL');
      all();
    }
    await pause(2000);
    all();
  };

/** The primary dies once, and its standby takes its place. */
export const failOver =
  (pair: TestPair): Disturbance =>
  async (cluster, round) => {
    await pause(5000);
    if (round > 0) return;
    process.kill(pair.primary.pid(), 'SIGKILL');
    for (const node of cluster.names) cluster.ledger.killed(node);
    await pause(2000);
    await pair.promote();
    await pause(2000);
    for (const node of cluster.names) cluster.ledger.killed(node);
  };

/** The database may be looked at only; then a table is locked; then there are no connections to be had. */
export const hinderDatabase =
  (server: TestServer, database: string): Disturbance =>
  async (cluster, round) => {
    await pause(3000);
    const cut = () =>
      ask(
        server.url,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
      );
    const set = (what: string) => ask(server.url, `ALTER DATABASE ${database} ${what}`);
    const all = () => {
      for (const node of cluster.names) cluster.ledger.killed(node);
    };
    if (round % 3 === 0) {
      await set('SET default_transaction_read_only = on');
      await cut();
      all();
      await pause(4000);
      await set('RESET default_transaction_read_only');
    } else if (round % 3 === 1) {
      const url = server.url.replace('/postgres?', `/${database}?`);
      await ask(url, 'BEGIN; LOCK TABLE recipient; SELECT pg_sleep(14); COMMIT');
    } else {
      await set('ALLOW_CONNECTIONS false');
      await cut();
      all();
      await pause(4000);
      await set('ALLOW_CONNECTIONS true');
    }
    all();
  };

/** Between a node and its database every packet is dropped, both ways, for as long as `secondsOf` says. */
export const cutNetwork =
  (router: string, node: string, secondsOf: (round: number) => number): Disturbance =>
  async (cluster, round) => {
    await pause(4000);
    const forward = (on: boolean) =>
      execFileSync('ip', [
        'netns',
        'exec',
        router,
        'sysctl',
        '-qw',
        `net.ipv4.ip_forward=${on ? 1 : 0}`,
      ]);
    forward(false);
    cluster.ledger.killed(node);
    await pause(1000 * secondsOf(round));
    forward(true);
    cluster.ledger.killed(node);
  };
