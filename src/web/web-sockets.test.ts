// What becomes of a connection that asks for a WebSocket while the server goes away.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { WebSockets } from './web-sockets.ts';

it('one that is asked for and not begun when the server goes away is told 503, and is none', async () => {
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<Response>();
  let begun = 0;
  const sockets = new WebSockets<{ secure: boolean }>((_, { upgrade }) => {
    upgrade?.(() => {
      begun += 1;
    });
    asked.resolve();
    return answered.promise;
  }, silentLog);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.on('upgrade', (incoming, socket, head) =>
    sockets.take({ incoming, socket, head }, { secure: false }),
  );
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write(
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await asked.promise;
  sockets.close();
  answered.resolve(new Response());
  let said = '';
  for await (const piece of client) said += String(piece);
  assert.match(said, /^HTTP\/1\.1 503 /);
  assert.equal(begun, 0);
  server.close();
});
