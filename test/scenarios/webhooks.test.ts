// A server tells a program of the operator what becomes of mail: from the configuration's file to the request.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { ConfigError } from '../../src/config/parse-config.ts';
import { startTestServer } from '../../src/testing/index.ts';

it('webhooks hear of mail that came and was refused; a reload takes them away', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'postrider-webhooks-'));
  const secretFile = join(directory, 'secret');
  await writeFile(secretFile, `whsec_${Buffer.alloc(32, 7).toString('base64')}\n`);
  const told: { type: string; data: Record<string, unknown> }[] = [];
  const { promise: all, resolve } = Promise.withResolvers<void>();
  const receiver = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (body) => {
      told.push(JSON.parse(body));
      response.writeHead(204).end();
      if (told.length === 3) resolve();
    });
  }).listen(0, '127.0.0.1');
  after(async () => {
    receiver.closeAllConnections();
    receiver.close();
    await rm(directory, { recursive: true });
  });
  await once(receiver, 'listening');
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const config = {
    domains: ['example.org'],
    listeners: [{ service: 'smtp' as const, host: '127.0.0.1', port: 0 }],
  };
  const hook = { name: 'app', url, secretFile, allowPrivate: true };
  await using server = await startTestServer({
    accounts: ['bob@example.org'],
    config: { ...config, webhooks: [{ ...hook, events: ['received', 'delivered', 'refused'] }] },
  });
  const mail = { from: 'ann@example.net', message: 'Subject: Hello\r\n\r\nx\r\n' };
  await server.send({ ...mail, to: 'bob@example.org' });
  await assert.rejects(server.send({ ...mail, to: 'nobody@example.org' }));
  await all;
  assert.deepEqual(told.map(({ type }) => type).sort(), [
    ...['message.delivered', 'message.received', 'message.refused'],
  ]);
  const refused = told.find(({ type }) => type === 'message.refused');
  assert.equal(refused?.data.recipient, 'nobody@example.org');

  const { operations } = server.server;
  const tested = await operations.webhookTest({ name: 'app' });
  assert.deepEqual([tested.status, tested.problem], [204, null]);
  await server.reload(config);
  await assert.rejects(operations.webhookTest({ name: 'app' }), /there is no webhook app/);

  await assert.rejects(
    server.reload({ ...config, webhooks: [{ ...hook, allowPrivate: false, events: ['bounced'] }] }),
    (error) => error instanceof ConfigError && /must be https/.test(error.message),
  );
});
