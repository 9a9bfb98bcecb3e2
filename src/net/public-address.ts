// Which addresses are the public Internet's: whoever asks servers that others name, or whose DNS others write, must
// not be led to this machine, its network or its cloud's metadata.

import { isIPv4, isIPv6 } from 'node:net';
import { createNetworks } from './network.ts';

/** IANA's registry of special-purpose addresses (RFC 6890), and multicast. */
const special4 = createNetworks([
  ...(['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'] as const),
  ...([
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
  ] as const),
  ...(['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3'] as const),
]);

/** RFC 4291 §2.4: all others are no global unicast, those with an IPv4 address in them included. */
const global6 = createNetworks(['2000::/3']);
/** Teredo and other protocols, documentation, 6to4 with its IPv4 address. */
const special6 = createNetworks(['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']);

/** False for what is no address. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special4.has(address);
  return isIPv6(address) && global6.has(address) && !special6.has(address);
}
