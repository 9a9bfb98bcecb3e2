// The operator's door to a running server: DIR/control.sock, for our own user alone (mode 0600).
// One request for each connection, as a JSON line; the answer is lines of `item` or `bytes`, as
// slowly as they are read, then one line of `result` or `error`. What can be asked for is in operations.ts.

import { rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import { firstLineOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import { FileWatch } from '../store/files/watch.ts';
import { controlPath, withSocketPath } from './control-path.ts';
import { readJsonLines } from './line-reader.ts';
import type { Operations } from './operations.ts';
import { OperationError, operationNamed } from './operations.ts';

export interface ControlServerOptions {
  readonly dataDirectory: string;
  readonly operations: Operations;
  readonly log: Log;
  readonly clock?: Clock;
}

/** Limit: requests at a time. An operator makes one. */
const connectionsMax = 50;
/** How long a client may keep us waiting, for its request or for reading the answer. */
const patienceMs = 60_000;

/** Resolves when requests are taken. A socket that a killed server left behind is replaced. */
export async function startControlServer(options: ControlServerOptions): Promise<AsyncDisposable> {
  const { dataDirectory, log, clock = systemClock() } = options;
  await removeStale(dataDirectory);
  const open = new Set<Socket>();
  const listen = async () => {
    const made = createControlServer(options, open);
    await bind(made, dataDirectory);
    made.unref();
    watch.add(controlPath(dataDirectory), again);
    return made;
  };
  const watch = new FileWatch(clock);
  // Whoever removed it, it is the operator's only door.
  const again = () => {
    log.warn('control socket made anew', { path: controlPath(dataDirectory) });
    server.close();
    listen().then(
      (made) => {
        server = made;
      },
      (error: unknown) => log.error('control socket lost', { error: firstLineOf(error) }),
    );
  };
  let server = await listen();
  return {
    async [Symbol.asyncDispose]() {
      watch.close();
      server.close();
      for (const socket of open) socket.destroy();
      rmSync(controlPath(dataDirectory), { force: true });
    },
  };
}

function createControlServer(options: ControlServerOptions, open: Set<Socket>): Server {
  const { log } = options;
  return createServer({ allowHalfOpen: true }, (socket) => {
    if (open.size >= connectionsMax) return void refuse(socket);
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    serve(socket, options).catch((error: unknown) => {
      socket.destroy();
      log.debug('control connection lost', { error: firstLineOf(error) });
    });
    return undefined;
  });
}

/** With a reason, and without a look at what is asked. */
function refuse(socket: Socket): void {
  socket.on('error', () => {});
  socket.setTimeout(patienceMs, () => socket.destroy());
  socket.unref(); // a stop does not wait for it
  socket.resume();
  socket.end(`${JSON.stringify({ error: 'too many requests at once; try again' })}\n`);
}

async function serve(socket: Socket, { operations, log }: ControlServerOptions) {
  socket.on('error', () => {});
  socket.setTimeout(patienceMs, () => socket.destroy());
  const chunks = socket.iterator({ destroyOnReturn: false });
  for await (const request of readJsonLines(chunks)) {
    const { call, arguments: given } = request as { call?: unknown; arguments?: unknown };
    try {
      const called = operations[operationNamed(String(call))];
      const answer = (called as (input: unknown) => Answer)(given);
      if (answer instanceof Promise) await send(socket, { result: (await answer) ?? null });
      else {
        for await (const item of answer) await send(socket, itemLine(item));
        await send(socket, { result: null });
      }
    } catch (error) {
      if (!(error instanceof OperationError || error instanceof ClientGone))
        log.warn('control request failed', { call: String(call), error: firstLineOf(error) });
      await send(socket, { error: firstLineOf(error) });
    }
    socket.end();
    return;
  }
  // Nothing was asked: somebody only wanted to know whether we are here.
  socket.destroy();
}

type Answer = Promise<unknown> | AsyncIterable<unknown>;

const itemLine = (item: unknown) =>
  item instanceof Uint8Array
    ? { bytes: Buffer.from(item.buffer, item.byteOffset, item.length).toString('base64') }
    : { item };

/** It has what it wanted: the first lines of a list, a backup. */
class ClientGone extends Error {}

/** Waits while the client is slow: a list of 100,000 messages is never in memory as a whole. */
async function send(socket: Socket, line: object): Promise<void> {
  if (socket.destroyed) throw new ClientGone();
  if (socket.write(`${JSON.stringify(line)}\n`)) return;
  await new Promise<void>((resolve, reject) => {
    const gone = () => reject(new ClientGone());
    socket.once('close', gone);
    socket.once('drain', () => {
      socket.off('close', gone);
      resolve();
    });
  });
}

/** The data directory is locked by us already, so nobody can be listening: what is there is old. */
async function removeStale(dataDirectory: string): Promise<void> {
  const inUse = await new Promise<boolean>((resolve) => {
    const probe = withSocketPath(dataDirectory, (path) => connect({ path }));
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (inUse)
    throw new Error(`another server answers at ${controlPath(dataDirectory)}; stop it first`);
  rmSync(controlPath(dataDirectory), { force: true });
}

function bind(server: Server, dataDirectory: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Nobody else may connect, not even between bind() and a chmod().
    const mask = process.umask(0o177);
    try {
      withSocketPath(dataDirectory, (path) =>
        server.listen({ path }, () => {
          server.off('error', reject);
          server.on('error', () => {});
          resolve();
        }),
      );
    } finally {
      process.umask(mask);
    }
  });
}
