// What HTTP clients can take from a server: slow ones, streams, bodies without an end. Others are answered meanwhile, and mail goes on
// also where nothing can be written into the history.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { silentLog } from '../../src/base/log.ts';
import { startServer } from '../../src/compose/server.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { connectClient, submit } from './wire.ts';

const http = { service: 'http', host: '127.0.0.1', port: 0 } as const;

/** What a client at that address of this machine is told. */
function ask(
  port: number,
  path: string,
  { from = '127.0.0.1', headers = {}, method = 'GET' } = {},
) {
  return new Promise<number>((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path, localAddress: from, agent: false, headers, method },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

describe('an HTTP listener', () => {
  it('answers others while 1,000 slow clients of one address hold what they can', async () => {
    await using server = await startTestServer({ config: { listeners: [http] } });
    const { port } = server.listeners[0]!;
    const slow: Socket[] = [];
    const turnedAway: string[] = [];
    await Promise.all(
      Array.from({ length: 1000 }, async () => {
        const socket = connect(port, '127.0.0.1');
        slow.push(socket);
        socket.on('error', () => {}).on('data', (text) => turnedAway.push(String(text)));
        await once(socket, 'connect');
        socket.write('GET /readyz HTTP/1.1\r\nHost: a\r\nX-Slow: ');
      }),
    );
    assert.equal(await ask(port, '/healthz', { from: '127.0.0.9' }), 200);
    const { sessions } = await server.server.operations.sessionList({});
    assert.ok(sessions.length <= 100, `${sessions.length} of one client`);
    assert.match(turnedAway[0] ?? '', /^HTTP\/1\.1 503 /);
    for (const socket of slow) socket.destroy();
  });

  it('takes no body of 1 GiB, whoever sends it and wherever to', async () => {
    await using server = await startTestServer({
      config: { domains: ['example.org'], listeners: [http] },
    });
    const { port } = server.listeners[0]!;
    const { token } = await server.server.operations.tokenCreate({ name: 'all', allows: ['all'] });
    const gibibyte = String(2 ** 30);
    for (const [path, type] of [
      ['/postrider/v1/queueList', 'application/json'],
      ['/postrider/v1/submit', 'application/json'],
      ['/postrider/v1/submit?from=a@example.org&to=b@example.net', 'message/rfc822'],
      ['/postrider/session', 'application/json'],
      ['/postrider/session/passkey', 'application/json'],
      ['/postrider/frame', 'application/x-www-form-urlencoded'],
    ] as const) {
      const heard = await announced(port, path, {
        ...{ 'content-type': type, 'content-length': gibibyte, authorization: `Bearer ${token}` },
        'sec-fetch-site': 'same-origin',
      });
      assert.match(heard, /^HTTP\/1\.1 413 /, path);
    }
    // Nobody who may not ask is listened to.
    const stranger = { 'content-type': 'application/json', 'content-length': gibibyte };
    assert.match(await announced(port, '/postrider/v1/submit', stranger), /^HTTP\/1\.1 401 /);
  });
});

/** What is said to whoever announces a body and sends its first octets. */
async function announced(port: number, path: string, headers: Record<string, string>) {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const lines = Object.entries({ host: 'a', ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n{"a":"`);
  const [first] = await once(socket, 'data');
  socket.destroy();
  return String(first);
}

it('a history that cannot be written stops no mail', async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'postrider-bounds-'));
  after(() => rm(dataDirectory, { recursive: true }));
  // There is a file where its folder would be.
  await writeFile(join(dataDirectory, 'history'), '');
  const resolution = resolveConfig(
    {
      ...{ hostname: 'mx.example.org', dataDirectory, domains: ['example.org'] },
      listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }],
    },
    dataDirectory,
  );
  assert.ok(resolution.kind === 'ok');
  const said: string[] = [];
  const warn = (event: string) => said.push(event);
  const log = { ...silentLog, warn, error: warn };
  await using server = await startServer({ config: resolution.config, log });
  const { operations, listeners } = server;
  await operations.accountAdd({ address: 'ann@example.org', password: 'correct horse battery' });
  const client = await connectClient(listeners[0]!.port);
  await client.say('EHLO client.test\r\n');
  const mail = { from: 'bob@example.net', to: ['ann@example.org'], content: 'Subject: x\r\n\r\nx' };
  for (let i = 0; i < 3; i += 1) await submit(client, mail);
  client.close();
  const arrived = async () =>
    (await Array.fromAsync(operations.mailList({ address: 'ann@example.org' }))).length;
  while ((await arrived()) < 3) await new Promise(setImmediate);
  await server.history.flush();
  assert.ok(said.includes('history not written'), said.join());
});
