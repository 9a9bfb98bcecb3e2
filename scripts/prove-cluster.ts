// Proves on this machine that mail survives what happens to nodes, their database and the network between:
//
//   node scripts/prove-cluster.ts [kill-nodes|freeze-nodes|kill-database|hinder-database|fail-over|cut-network]
//     [--minutes 10] [--nodes 3] [--every 4] [--rate 40]
//
// A PostgreSQL of its own in a temporary folder, nodes on loopback, clients that send to all of them. Prints what was
// counted, and ends with 1 if anything was lost, or came twice that was not in flight. `cut-network` makes network
// namespaces, and needs root.

import { parseArgs } from 'node:util';
import { ask, startTestServer, testCluster } from '../src/store/postgres/test-cluster.ts';
import { startPair } from '../src/store/postgres/test-pair.ts';
import type { ClusterOptions } from '../test/cluster/cluster.ts';
import * as disturbances from '../test/cluster/disturbances.ts';
import { assertKept } from '../test/cluster/ledger.ts';
import { makeNetworks } from '../test/cluster/networks.ts';
import type { Disturbance, Proof } from '../test/cluster/proof.ts';
import { prove } from '../test/cluster/proof.ts';

const { values, positionals } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    nodes: { type: 'string', default: '3' },
    every: { type: 'string', default: '4' },
    rate: { type: 'string', default: '40' },
  },
  allowPositionals: true,
});

const run = (
  disturb: Disturbance,
  place: Pick<ClusterOptions, 'url' | 'countAt' | 'hop' | 'places'>,
) =>
  prove(disturb, {
    ...{ nodes: Number(values.nodes), nodeTimeout: disturbances.nodeTimeout, ...place },
    ...{ seconds: 60 * Number(values.minutes), rate: Number(values.rate) },
    say: (line) => console.log(new Date().toISOString().slice(11, 19), line),
  });

/** On a server that is nobody else's. */
async function ofItsOwn(
  make: (server: Parameters<typeof disturbances.killDatabase>[0]) => Disturbance,
) {
  const server = await startTestServer();
  await ask(server.url, 'CREATE DATABASE test');
  return run(make(server), { url: server.url.replace('/postgres?', '/test?') });
}

const proofs: Readonly<Record<string, () => Promise<Proof>>> = {
  'kill-nodes': async () =>
    run(disturbances.killNodes(Number(values.every)), {
      url: await (await testCluster()).database(),
    }),
  'freeze-nodes': async () =>
    run(disturbances.freezeNodes, { url: await (await testCluster()).database() }),
  'kill-database': () => ofItsOwn(disturbances.killDatabase),
  'hinder-database': () => ofItsOwn((server) => disturbances.hinderDatabase(server, 'test')),
  async 'fail-over'() {
    await using pair = await startPair();
    return await run(disturbances.failOver(pair), {
      ...{ url: pair.url, countAt: pair.standby.url.replace('/postgres?', '/mail?') },
    });
  },
  async 'cut-network'() {
    using networks = makeNetworks();
    const server = await startTestServer({ listen_addresses: networks.database });
    await ask(server.url, 'CREATE DATABASE test');
    const url = (host: string) => `postgres://postrider@${host}/test`;
    const place = {
      within: ['ip', 'netns', 'exec', networks.node],
      ...{ host: networks.nodeHost, url: url(networks.database) },
    };
    // 30 s at first; then by turns less than it takes to be taken for dead, and more.
    const seconds = (round: number) => (round === 0 ? 30 : round % 2 === 1 ? 2 : 12);
    return await run(disturbances.cutNetwork(networks.router, 'n1', seconds), {
      ...{ url: server.url.replace('/postgres?', '/test?'), hop: networks.mailHost },
      places: new Map([['n1', place]]),
    });
  },
};

const [name = 'kill-nodes'] = positionals;
const proof = proofs[name];
if (proof === undefined) throw new Error(`there are: ${Object.keys(proofs).join(', ')}`);
const counted = await proof();
console.log(name, JSON.stringify(counted));
assertKept(counted);
