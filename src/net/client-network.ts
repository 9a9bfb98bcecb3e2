// Who counts as one client: an IPv4 address, or an IPv6 /64, the least that one customer gets. Who counts as
// one network: an IPv4 /24, or again the /64.

import { isIP } from 'node:net';

/** The IPv4 address, or the IPv6 /64 in full digits; what is no address (a socket) as it is. */
export function clientNetwork(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const zone = address.indexOf('%');
  const plain = zone === -1 ? address : address.slice(0, zone);
  if (isIP(plain) !== 6) return address;
  const [before = '', after] = plain.toLowerCase().split('::', 2);
  const head = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    const tail = after === '' ? [] : after.split(':');
    // RFC 4291 §2.2: an IPv4 address at the end stands for two groups.
    const tailGroups = tail.length + (after.includes('.') ? 1 : 0);
    while (head.length + tailGroups < 8) head.push('0');
    head.push(...tail);
  }
  return `${head
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** The network around a client, as clientNetwork() names it: an IPv4 /24; an IPv6 /64 is one already. */
export function wideNetwork(client: string): string {
  const match = /^(\d+\.\d+\.\d+)\.\d+$/.exec(client);
  return match === null ? client : `${match[1]}.0/24`;
}
