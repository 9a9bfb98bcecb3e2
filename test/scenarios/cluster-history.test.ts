// What happened is known at every node, whichever did it: a message comes in at one, which dies, and leaves by the other.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testCluster, withoutPostgres } from '../../src/store/postgres/test-cluster.ts';
import { freePorts } from '../ports.ts';
import { eventually, type RunningProcess, startProcess } from '../process.ts';
import { connectClient, startNextHop, submit } from './wire.ts';

describe('the history of two nodes', { skip: withoutPostgres() }, () => {
  it('`why` at either tells all of a message that one took and the other sent', async () => {
    const [one, two, closed] = (await freePorts(3)) as [number, number, number];
    await using hop = await startNextHop();
    const url = await (await testCluster()).database();
    const config = (node: string, port: number, next: number) => ({
      hostname: `${node}.cluster.test`,
      store: { kind: 'postgres', url, node, connections: 4, nodeTimeout: '2s' },
      listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
      trustedNetworks: ['127.0.0.1/32'],
      domains: ['cluster.test'],
      routes: [{ domain: '*', host: '127.0.0.1', port: next, tls: 'none' }],
    });
    await using first = await startProcess(config('one', one, closed));
    const client = await connectClient(one);
    await client.say('EHLO client.test\r\n');
    assert.match(await client.say('MAIL FROM:<eve@far.test>\r\n'), /^250/);
    assert.match(await client.say('RCPT TO:<nobody@cluster.test>\r\n'), /^550/);
    await client.say('RSET\r\n');
    await submit(client, {
      from: 'ann@cluster.test',
      to: ['bob@far.test'],
      content: 'Subject: x\r\nMessage-ID: <both@cluster.test>\r\n\r\nx',
    });
    client.close();
    const why = (server: RunningProcess, of: string) =>
      server.command('why', of).catch((error: Error) => error.message);
    const tells = (server: RunningProcess, of: string, ...wanted: readonly RegExp[]) =>
      eventually(
        async () => {
          const told = await why(server, of);
          return wanted.every((one) => one.test(told)) ? told : undefined;
        },
        `why ${of} to tell ${wanted.join(', ')}`,
      );
    await tells(first, 'both@cluster.test', /attempt 1: deferred/);
    await first.end('SIGKILL');
    // Its routes are in force from now on; what the first took goes by them.
    await using second = await startProcess(config('two', two, hop.port));
    const id = /^Message (\S+)$/m.exec(await why(second, 'both@cluster.test'))?.[1] ?? '';
    assert.match(id, /-1$/);
    await second.command('queue', 'retry', id);
    await eventually(() => (hop.taken.length === 1 ? true : undefined), 'it to arrive');
    const whole = [
      /received\n.*from <ann@cluster\.test>/,
      /by ESMTP \(smtp\)/,
      /attempt 1: deferred/,
      /attempt 2: relayed to \[127\.0\.0\.1/,
    ];
    await tells(second, id, ...whole);
    await tells(second, 'nobody@cluster.test', /^Refused /, /from <eve@far\.test>/);
    await using again = await first.restart();
    const told = await tells(again, id, ...whole);
    assert.equal(told.match(/attempt 2:/g)?.length, 1, told);
  });
});
