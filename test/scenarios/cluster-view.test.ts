// What an operator sees of all nodes at any of them: connections, which can be dropped from there, the log with the name
// of the node, what webhooks wait for, and the name of one that does not answer.

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { connectControl } from '../../src/admin/control-client.ts';
import { testCluster, withoutPostgres } from '../../src/store/postgres/test-cluster.ts';
import { freePorts } from '../ports.ts';
import { eventually, startProcess } from '../process.ts';
import { connectClient } from './wire.ts';

interface Seen {
  readonly statistics: { readonly nodes: readonly { node: string; received: number }[] };
  readonly sessions: readonly { readonly node: string; readonly service: string }[];
  readonly silent: readonly { readonly node: string; readonly state: string }[];
}

describe('what is seen of all nodes at one', { skip: withoutPostgres() }, () => {
  it('connections and the log, and who does not answer', async () => {
    const ports = (await freePorts(2)) as [number, number];
    const url = await (await testCluster()).database();
    const secretFile = join(tmpdir(), `postrider-view-${process.pid}`);
    writeFileSync(secretFile, `whsec_${Buffer.alloc(32, 7).toString('base64')}\n`);
    after(() => rmSync(secretFile));
    const hook = { name: 'app', url: 'http://127.0.0.1:9/', secretFile, allowPrivate: true };
    const config = (node: string, port: number) => ({
      webhooks: [{ ...hook, events: ['refused'] }],
      hostname: `${node}.cluster.test`,
      store: { kind: 'postgres', url, node, connections: 4, nodeTimeout: '30s' },
      listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
    });
    await using first = await startProcess(config('one', ports[0]));
    await using second = await startProcess(config('two', ports[1]));
    const open = (port: number) => {
      const socket = connect(port, '127.0.0.1');
      return socket.on('data', () => {}).on('error', () => {});
    };
    const [here, there] = [open(ports[0]), open(ports[1])];
    const look = async () => JSON.parse(await first.command('top', '--json')) as Seen;
    const both = await eventually(async () => {
      const seen = await look();
      return seen.sessions.length === 2 ? seen : undefined;
    }, 'both connections to be seen');
    assert.deepEqual(both.sessions.map(({ node, service }) => `${node} ${service}`).sort(), [
      'one smtp',
      'two smtp',
    ]);
    assert.deepEqual(both.silent, []);
    assert.deepEqual(both.statistics.nodes.map(({ node }) => node)[0], 'one');
    const logged = first.command('log', '--event', 'refused', '-n', '1', '--json');
    // Again and again, for nobody knows from when on it is told; each time by another, who has made no mistake yet.
    const refused = async () => {
      const client = await connectClient(ports[1]);
      for (const line of ['EHLO a.test', 'MAIL FROM:<a@b.example>', 'RCPT TO:<x@x.example>'])
        await client.say(`${line}\r\n`);
      client.close();
      return Promise.race([logged, new Promise((resolve) => setTimeout(resolve, 1000))]);
    };
    const line = await eventually(refused, 'what is logged at the other node');
    assert.equal(JSON.parse(String(line)).onNode, 'two');
    await using control = await connectControl(join(first.directory, 'data'));
    const webhook = async () => (await Array.fromAsync(control!.webhookList()))[0]!;
    const waiting = await eventually(async () => {
      const one = await webhook();
      return one.attempts.length > 0 ? one : undefined;
    }, 'what the other node has posted');
    assert.equal(waiting.attempts[0]!.node, 'two');
    assert.deepEqual(
      waiting.nodes.map(({ node, waiting }) => [node, waiting > 0]),
      [
        ['one', false],
        ['two', true],
      ],
    );
    assert.deepEqual(waiting.silent, []);
    second.child.kill('SIGSTOP');
    try {
      const { sessions, silent } = await look();
      assert.deepEqual(
        sessions.map(({ node }) => node),
        ['one'],
      );
      assert.deepEqual(silent, [{ node: 'two', state: 'silent' }]);
      assert.deepEqual((await webhook()).silent, silent);
      assert.match(await first.command('top', '--once'), /^node two does not answer$/m);
    } finally {
      second.child.kill('SIGCONT');
    }
    for (const socket of [here, there]) socket.destroy();
  });
});
