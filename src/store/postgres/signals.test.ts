import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { Database } from './database.ts';
import { Signals } from './signals.ts';

it('whoever listens while the connection is away makes none beside the one that comes back', async () => {
  const sockets: Socket[] = [];
  await using server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const clock = new FakeClock();
  const url = `postgres://postrider@127.0.0.1:${port}/none`;
  await using database = new Database({ url, log: silentLog });
  const signals = new Signals({ clock, session: 1, database });
  signals.listen('one', () => {});
  await once(server, 'connection');
  sockets[0]!.destroy();
  while (clock.nextTimer() === undefined) await new Promise((resolve) => setImmediate(resolve));
  signals.listen('two', () => {});
  const again = once(server, 'connection');
  await clock.advance(1000);
  await again;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(sockets.length, 2);
  for (const socket of sockets) socket.destroy();
  await signals[Symbol.asyncDispose]();
});

it('what comes now and then is said at once, what goes on is gathered, and nothing is left out', async () => {
  const clock = new FakeClock();
  const payloads: string[] = [];
  const database = {
    async run(_: string, [, payload]: readonly string[]) {
      payloads.push(payload!);
      return 1;
    },
  } as unknown as Database;
  const signals = new Signals({ clock, session: 1, database });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const said = () => payloads.flatMap((one) => (JSON.parse(one) as { said: number[] }).said);
  for (let i = 0; i < 5; i += 1) {
    signals.send('mail', i);
    await turn();
    assert.deepEqual(said(), [...Array(i + 1).keys()], 'without any time');
  }
  await clock.advance(10_000);
  payloads.length = 0;
  for (let i = 0; i < 10_000; i += 1) {
    signals.send('mail', i);
    await turn();
    await clock.advance(1);
  }
  assert.ok(payloads.length <= 210, `${payloads.length} in ten seconds`);
  await clock.advance(50);
  assert.deepEqual(said(), [...Array(10_000).keys()]);
  await signals[Symbol.asyncDispose]();
});
