// A node in a network of its own, whose way to the database leads through a router that can be told to drop everything
// without a word. Linux, as root: namespaces, which are gone with close().
//
//   database 10.77.1.1 ── 10.77.1.2 router 10.77.2.1 ── 10.77.2.2 node 10.77.3.2 ── 10.77.3.1 mail

import { execFileSync } from 'node:child_process';

export interface Networks extends Disposable {
  readonly router: string;
  readonly node: string;
  /** How the node sees the database. */
  readonly database: string;
  readonly nodeHost: string;
  /** How the node sees everything else. */
  readonly mailHost: string;
}

export function makeNetworks(): Networks {
  const tag = `pr${process.pid}`;
  const [router, node] = [`${tag}r`, `${tag}n`];
  const ip = (line: string) => execFileSync('ip', line.split(' '));
  const cable = (
    near: readonly [string, string, string?],
    far: readonly [string, string, string],
  ) => {
    ip(`link add ${near[0]} type veth peer name ${far[0]}`);
    for (const [name, address, space] of [near, far]) {
      if (space !== undefined) ip(`link set ${name} netns ${space}`);
      const at = space === undefined ? '' : `-n ${space} `;
      ip(`${at}addr add ${address}/30 dev ${name}`);
      ip(`${at}link set ${name} up`);
    }
  };
  const close = () => {
    for (const space of [router, node])
      try {
        ip(`netns del ${space}`);
      } catch {
        // It was not made.
      }
  };
  try {
    for (const space of [router, node]) {
      ip(`netns add ${space}`);
      ip(`-n ${space} link set lo up`);
    }
    cable([`${tag}a`, '10.77.1.1'], [`${tag}b`, '10.77.1.2', router]);
    cable([`${tag}c`, '10.77.2.1', router], [`${tag}d`, '10.77.2.2', node]);
    cable([`${tag}e`, '10.77.3.1'], [`${tag}f`, '10.77.3.2', node]);
    ip(`netns exec ${router} sysctl -qw net.ipv4.ip_forward=1`);
    ip(`-n ${node} route add 10.77.1.0/30 via 10.77.2.1`);
    ip(`route add 10.77.2.0/30 via 10.77.1.2`);
  } catch (error) {
    close();
    throw error;
  }
  return {
    ...{ router, node, database: '10.77.1.1', nodeHost: '10.77.3.2', mailHost: '10.77.3.1' },
    [Symbol.dispose]: close,
  };
}
