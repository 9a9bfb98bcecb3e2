// Two servers on one PostgreSQL, killed one after the other with kill -9 while mail comes in and goes out: what was
// answered with 250 arrives, from whichever is left, and at most what was in flight arrives twice.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runCommand } from '../../src/cli/test-command.ts';
import { testCluster, withoutPostgres } from '../../src/store/postgres/test-cluster.ts';
import { freePorts } from '../ports.ts';
import { eventually, startProcess } from '../process.ts';
import { connectClient, startNextHop, submit } from './wire.ts';

const senders = 3;

describe('two nodes', { skip: withoutPostgres() }, () => {
  it('kill -9 of one: its mail goes out from the other', async (t) => {
    const [one, two] = (await freePorts(2)) as [number, number];
    await using hop = await startNextHop();
    const url = await (await testCluster()).database();
    const config = (node: string, port: number) => ({
      hostname: `${node}.cluster.test`,
      store: { kind: 'postgres', url, node, connections: 6, nodeTimeout: '2s' },
      listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
      trustedNetworks: ['127.0.0.1/32'],
      routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
    });
    await using first = await startProcess(config('one', one));
    await using second = await startProcess(config('two', two));
    const accepted = new Set<string>();
    let sent = 0;
    let isOver = false;
    const sendTo = async (port: number): Promise<void> => {
      try {
        const client = await connectClient(port);
        await client.say('EHLO client.test\r\n');
        while (!isOver) {
          const id = `m${sent++}`;
          const filler = sent % 10 === 0 ? `${'y'.repeat(70)}\r\n`.repeat(3_000) : 'short';
          await submit(client, {
            from: 'ann@cluster.test',
            to: ['bob@far.test'],
            content: `Subject: ${id}\r\nX-Id: ${id};\r\n\r\n${filler}`,
          });
          accepted.add(id);
        }
        client.close();
      } catch {
        // Cut off: whatever had its 250 by then counts.
      }
    };
    const sending = [one, two].flatMap((port) =>
      Array.from({ length: senders }, () => sendTo(port)),
    );
    await eventually(() => (accepted.size > 60 ? true : undefined), 'mail to be taken');
    await first.end('SIGKILL');
    const killedAt = accepted.size;
    await eventually(
      () => (accepted.size > killedAt + 30 ? true : undefined),
      'the other to go on',
    );
    isOver = true;
    await Promise.all(sending);
    const ids = () => hop.taken.map((text) => /X-Id: (m\d+);/.exec(text)?.[1] ?? '?');
    await eventually(() => {
      const seen = new Set(ids());
      return [...accepted].every((id) => seen.has(id)) ? true : undefined;
    }, 'every accepted message to arrive');
    const twice = ids().length - new Set(ids()).size;
    t.diagnostic(`accepted ${accepted.size}, arrived ${ids().length}, twice ${twice}`);
    assert.ok(twice <= 500, 'what may have been under way');
    const nodes = async () =>
      (await second.command('node', 'list', '--json'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { name: string; state: string; leased: number });
    await eventually(
      async () => ((await nodes()).every(({ leased }) => leased === 0) ? true : undefined),
      'nothing to be under way',
    );
    // One that others did not hear of for two seconds is gone for them until it says that it is not.
    const areIn = (...states: string[]) =>
      eventually(
        async () =>
          (await nodes()).every(({ state }, i) => state === states[i]) ? true : undefined,
        `the nodes to be ${states.join(' and ')}`,
      );
    assert.deepEqual(
      (await nodes()).map(({ name }) => name),
      ['one', 'two'],
    );
    await areIn('gone', 'active');
    await using again = await first.restart();
    await areIn('active', 'active');
    const reloaded = await runCommand(again.directory, ['reload', '--config', again.configFile]);
    assert.deepEqual(
      [reloaded.out, /at this node alone; .*, at the others as well: two$/m.test(reloaded.err)],
      ['reloaded\n', true],
    );
    await again.command('node', 'drain', 'two');
    await eventually(
      async () => (second.child.exitCode === 0 ? true : undefined),
      'the drained node to end',
    );
  });

  it('the database is killed and comes back: 451 meanwhile, and nothing with a 250 is lost', async () => {
    const [port] = (await freePorts(1)) as [number];
    await using hop = await startNextHop();
    const cluster = await testCluster();
    const url = await cluster.database();
    await using server = await startProcess({
      hostname: 'mx.cluster.test',
      store: { kind: 'postgres', url, node: 'mx', connections: 6 },
      listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
      trustedNetworks: ['127.0.0.1/32'],
      routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
    });
    const client = await connectClient(port);
    await client.say('EHLO client.test\r\n');
    let sent = 0;
    const accepted = new Set<string>();
    const send = async (): Promise<string> => {
      const id = `m${sent++}`;
      for (const line of ['MAIL FROM:<ann@cluster.test>', 'RCPT TO:<bob@far.test>', 'DATA']) {
        const reply = await client.say(`${line}\r\n`);
        if (/^[45]/.test(reply)) {
          await client.say('RSET\r\n');
          return reply;
        }
      }
      const reply = await client.say(`Subject: ${id}\r\nX-Id: ${id};\r\n\r\nshort\r\n.\r\n`);
      if (reply.startsWith('250')) accepted.add(id);
      return reply;
    };
    for (let i = 0; i < 20; i += 1) assert.match(await send(), /^250/);
    await cluster.crash();
    for (let i = 0; i < 3; i += 1) assert.match(await send(), /^451 4\.3\.0 /);
    await cluster.start();
    await eventually(async () => ((await send()).startsWith('250') ? true : undefined), 'a 250');
    for (let i = 0; i < 5; i += 1) assert.match(await send(), /^250/);
    client.close();
    await eventually(() => {
      const seen = new Set(hop.taken.map((text) => /X-Id: (m\d+);/.exec(text)?.[1]));
      return [...accepted].every((id) => seen.has(id)) ? true : undefined;
    }, 'every accepted message to arrive');
    await eventually(
      () => (server.log().includes('database works again') ? true : undefined),
      'the log to say so',
    );
    assert.equal(server.log().match(/database does not answer/g)?.length, 1);
    assert.equal(server.log().match(/database works again/g)?.length, 1);
  });
});
