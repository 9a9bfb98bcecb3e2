// Ports for servers of tests that have to be known before the server listens. A test process takes them from blocks that
// are its own: a block belongs to who listens at its first port, so the kernel knows one owner at a time, and it is free
// again when the process has ended, however that came. All of them lie below what systems give away by themselves to
// `listen(0)` and to outgoing connections (Linux from 32768, others from 49152, gVisor from 16000).

import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

const firstPort = 10_000;
const blockCount = 250;
const portsPerBlock = 24;

/** Those of this process that nobody has got yet. */
let ports: AsyncGenerator<number> | undefined;

/** Ports of 127.0.0.1 that nobody listens at, and nobody else will. None is given twice. */
export async function freePorts(count: number): Promise<number[]> {
  ports ??= ownPorts();
  const taken: number[] = [];
  while (taken.length < count) taken.push((await ports.next()).value);
  return taken;
}

/** @throws when every block has an owner. */
export async function* ownPorts(): AsyncGenerator<number> {
  const start = randomInt(blockCount);
  for (let i = 0; i < blockCount; i += 1) {
    const first = firstPort + ((start + i) % blockCount) * portsPerBlock;
    const claim = await listenAt(first, '127.0.0.1');
    // It is kept until the process ends, and keeps no process from that.
    if (claim === undefined) continue;
    claim.unref();
    for (let port = first + 1; port < first + portsPerBlock; port += 1)
      if (await isFree(port)) yield port;
  }
  throw new Error(`the ports from ${firstPort} on all belong to other test processes`);
}

/** A server may have outlived the test that it belonged to. */
async function isFree(port: number): Promise<boolean> {
  const server = await listenAt(port);
  if (server === undefined) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

function listenAt(port: number, host?: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, host, () => resolve(server));
  });
}
