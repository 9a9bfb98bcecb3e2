// iprev: whether the name that an address has in the DNS leads back to it. RFC 8601 §3.

import { addressOctets, reverseName, sharePrefix } from '../base/ip-address.ts';
import type { Resolver } from '../dns/resolver.ts';
import { DnsError } from '../dns/resolver.ts';

export interface IprevVerdict {
  /** RFC 8601 §2.7.3: fail where there is no name, or one that leads elsewhere. */
  readonly result: 'pass' | 'fail' | 'temperror' | 'permerror';
  /** The first that leads back. */
  readonly name?: string | undefined;
  /** The first of those that do not, where none does: anybody may claim it. */
  readonly claimed?: string | undefined;
}

/** Limit: names that are looked up. RFC 8601 §3 suggests a bound; RFC 7208 §4.6.4 has ten. */
const namesMax = 10;

/** @throws nothing but bugs: what the DNS does wrong is a temperror. */
export async function checkIprev(address: string, resolver: Resolver): Promise<IprevVerdict> {
  const octets = addressOctets(address);
  if (octets === undefined) return { result: 'permerror' };
  let claimed: string | undefined;
  try {
    const answer = await resolver.resolve(reverseName(octets), 'PTR');
    if (answer.kind !== 'records') return { result: 'fail' };
    [claimed] = answer.records;
    for (const name of answer.records.slice(0, namesMax)) {
      const forward = await resolver.resolve(name, octets.length === 4 ? 'A' : 'AAAA');
      const addresses = forward.kind === 'records' ? forward.records : [];
      const leadsBack = (text: string) => {
        const other = addressOctets(text);
        return other !== undefined && sharePrefix(octets, other, octets.length * 8);
      };
      if (addresses.some(leadsBack)) return { result: 'pass', name };
    }
    return { result: 'fail', claimed };
  } catch (error) {
    if (error instanceof DnsError) return { result: 'temperror', claimed };
    throw error;
  }
}
