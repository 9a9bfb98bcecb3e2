// The addresses of this machine, and at which of them we take mail: where the MX records of a domain lead to one
// of these, its mail would come back to us. RFC 5321 §5.1.

import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { ListenerConfig } from '../config/settings/listeners.ts';

export const ownAddresses = (): ReadonlySet<string> =>
  new Set(
    Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address)),
  );

/**
 * By port: where another port, or an address that we do not listen at, has mail, it is another server's. A host
 * that is named stands for nothing: it may be another machine's by tomorrow.
 */
export function addressesWithMail(
  listeners: readonly Pick<ListenerConfig, 'service' | 'hosts' | 'port'>[],
  ofMachine: ReadonlySet<string>,
): ReadonlyMap<number, ReadonlySet<string>> {
  const byPort = new Map<number, Set<string>>();
  for (const { service, hosts, port } of listeners) {
    if (service !== 'smtp' || port === 0) continue;
    const at = byPort.get(port) ?? new Set();
    byPort.set(port, at);
    for (const host of hosts) for (const address of reached(host, ofMachine)) at.add(address);
  }
  return byPort;
}

function reached(host: string, ofMachine: ReadonlySet<string>): readonly string[] {
  switch (host) {
    case '::':
      return [...ofMachine];
    case '0.0.0.0':
      return [...ofMachine].filter((address) => isIP(address) === 4);
    case 'localhost':
      return ['127.0.0.1', '::1'];
    default:
      return isIP(host) === 0 ? [] : [host];
  }
}
