// Networks in CIDR notation, for `trustedNetworks` and whoever else asks whether an address is
// inside. RFC 4632, RFC 4291 §2.3. An IPv4 client of a dual-stack listener (`::ffff:192.0.2.1`) is
// the same client as 192.0.2.1.

import { BlockList, isIP } from 'node:net';
import { BoundedMap } from '../base/bounded-map.ts';
import { plainAddress } from '../base/ip-address.ts';

/** Limit: addresses whose answer is kept. */
const rememberedMax = 1000;

export interface Networks {
  has(address: string): boolean;
}

export const isAddress = (text: string): boolean => isIP(text) !== 0 && !text.includes('%');

/** Nobody but this machine can come from there. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isAddress(host) && host.startsWith('127.'));

interface ParsedNetwork {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** '192.0.2.0/24', '2001:db8::/32', or an address, which is a network of its own. */
export function parseNetwork(text: string): ParsedNetwork | undefined {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return undefined;
  const bits = version === 4 ? 32 : 128;
  const prefix = slash === -1 ? String(bits) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) return undefined;
  return { address, prefix: Number(prefix), family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** @throws TypeError for what parseNetwork() does not take. */
export function createNetworks(texts: readonly string[]): Networks {
  const list = new BlockList();
  for (const text of texts) {
    const network = parseNetwork(text);
    if (network === undefined) throw new TypeError(`not a network: ${text}`);
    list.addSubnet(network.address, network.prefix, network.family);
  }
  if (texts.length === 0) return { has: () => false };
  const check = (address: string) => {
    const plain = plainAddress(address);
    const version = isIP(plain);
    return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  };
  // A check takes as long as a read from a socket, and the same clients come again and again.
  const known = new BoundedMap<string, boolean>(rememberedMax);
  return {
    has(address) {
      const before = known.get(address);
      if (before !== undefined) return before;
      const inside = check(address);
      known.set(address, inside);
      return inside;
    },
  };
}
