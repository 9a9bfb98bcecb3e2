// Who counts as one client: an IPv4 address, or an IPv6 /64, the least that one customer gets. Who counts as
// one network: an IPv4 /24, or again the /64.
// Who shares what strangers make us do: an IPv4 /24, or an IPv6 /48, all of which one customer often has.

import { addressOctets } from '../base/ip-address.ts';

/** The IPv4 address, or the IPv6 /64 in full digits; what is no address (a socket) as it is. */
export function clientNetwork(address: string): string {
  if (!address.includes(':')) return address;
  const zone = address.indexOf('%');
  const octets = addressOctets(zone === -1 ? address : address.slice(0, zone));
  if (octets === undefined) return address;
  if (octets.length === 4) return octets.join('.');
  const group = (i: number) => ((octets[2 * i]! << 8) | octets[2 * i + 1]!).toString(16);
  return `${group(0)}:${group(1)}:${group(2)}:${group(3)}::/64`;
}

/** The network around a client, as clientNetwork() names it: an IPv4 /24; an IPv6 /64 is one already. */
export function wideNetwork(client: string): string {
  const match = /^(\d+\.\d+\.\d+)\.\d+$/.exec(client);
  return match === null ? client : `${match[1]}.0/24`;
}

/** The network that shares what is done on strangers' account. */
export const sharingNetwork = (address: string): string =>
  wideNetwork(clientNetwork(address)).replace(/:[^:]+::\/64$/, '::/48');
