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

/**
 * '192.0.2.0/24', '2001:db8::/32', or an address, which is a network of its own. Addresses of IPv4 within
 * IPv6 (`::ffff:192.0.2.0/120`) are a network of IPv4. RFC 4291 §2.5.5.2.
 */
export function parseNetwork(text: string): ParsedNetwork | undefined {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return undefined;
  const bits = version === 4 ? 32 : 128;
  const prefix = slash === -1 ? String(bits) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) return undefined;
  const plain = version === 4 ? address : plainAddress(address);
  const isMapped = isIP(plain) === 4 && Number(prefix) >= bits - 32;
  if (isMapped) return { address: plain, prefix: Number(prefix) - (bits - 32), family: 'ipv4' };
  return { address, prefix: Number(prefix), family: 'ipv6' };
}

/** @throws TypeError for what parseNetwork() does not take. */
export function createNetworks(texts: readonly string[]): Networks {
  // One for each family: in a list of both, `::/64` has all addresses of IPv4 in it.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const text of texts) {
    const network = parseNetwork(text);
    if (network === undefined) throw new TypeError(`not a network: ${text}`);
    const { address, prefix, family } = network;
    lists[family].addSubnet(address, prefix, family);
    // `::/0` is everybody, however they come.
    if (family === 'ipv6' && prefix === 0) lists.ipv4.addSubnet('0.0.0.0', 0, 'ipv4');
  }
  if (texts.length === 0) return { has: () => false };
  const check = (address: string) => {
    const plain = plainAddress(address);
    const version = isIP(plain);
    const family = version === 4 ? 'ipv4' : 'ipv6';
    return version !== 0 && lists[family].check(plain, family);
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
