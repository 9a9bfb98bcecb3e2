// IP addresses as octets, for whoever compares or spells them: RFC 4291 §2.2, RFC 1035 §3.5, RFC 3596 §2.5.

import { isIP } from 'node:net';

/**
 * 4 or 16 octets; undefined for what is no address. An IPv4 address within IPv6 (`::ffff:192.0.2.1`) is
 * the IPv4 address: it is the same client.
 */
export function addressOctets(text: string): Uint8Array | undefined {
  const version = isIP(text);
  if (version === 4) return ipv4Octets(text);
  if (version !== 6 || text.includes('%')) return undefined;
  const octets = ipv6Octets(text);
  return isMapped(octets) ? octets.subarray(12) : octets;
}

/** The same client is written in one way: an IPv4 address within IPv6 as what it is. Everything else stays as it is. */
export function plainAddress(text: string): string {
  if (!/:ffff:/i.test(text)) return text;
  const octets = addressOctets(text);
  return octets?.length === 4 ? octets.join('.') : text;
}

function ipv4Octets(text: string): Uint8Array {
  const octets = new Uint8Array(4);
  let at = 0;
  for (let i = 0; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 0x30;
    // A dot is below the digits.
    if (digit < 0) at += 1;
    else octets[at] = octets[at]! * 10 + digit;
  }
  return octets;
}

function ipv6Octets(text: string): Uint8Array {
  const [head = [], tail] = text.split('::', 2).map(groupOctets);
  const octets = new Uint8Array(16);
  octets.set(head);
  if (tail !== undefined) octets.set(tail, 16 - tail.length);
  return octets;
}

const groupOctets = (text: string): readonly number[] =>
  text === ''
    ? []
    : text.split(':').flatMap((group) => {
        if (group.includes('.')) return group.split('.').map(Number);
        const value = Number.parseInt(group, 16);
        return [value >> 8, value & 0xff];
      });

/** RFC 4291 §2.5.5.2 */
const isMapped = (octets: Uint8Array): boolean =>
  octets.subarray(0, 10).every((octet) => octet === 0) &&
  octets[10] === 0xff &&
  octets[11] === 0xff;

/** Whether the first bits are the same; false for addresses of two families. */
export function sharePrefix(one: Uint8Array, other: Uint8Array, bits: number): boolean {
  if (one.length !== other.length) return false;
  const whole = bits >> 3;
  for (let at = 0; at < whole; at += 1) if (one[at] !== other[at]) return false;
  const rest = bits & 7;
  return rest === 0 || ((one[whole]! ^ other[whole]!) & (0xff00 >> rest) & 0xff) === 0;
}

/** As a name has it: four numbers, or 32 digits in hex, first to last, between dots. */
export const dottedAddress = (octets: Uint8Array): string =>
  octets.length === 4
    ? octets.join('.')
    : [...octets]
        .flatMap((octet) => [octet >> 4, octet & 15])
        .map((n) => n.toString(16))
        .join('.');

/** Last to first, as names in the DNS have it. RFC 5782 §2.1 and §2.4 */
export const reversedAddress = (octets: Uint8Array): string =>
  dottedAddress(octets).split('.').reverse().join('.');

/** The name whose PTR records name the host. RFC 1035 §3.5, RFC 3596 §2.5 */
export const reverseName = (octets: Uint8Array): string =>
  `${reversedAddress(octets)}.${octets.length === 4 ? 'in-addr' : 'ip6'}.arpa`;
