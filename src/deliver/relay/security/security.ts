// Which security a host must have before it gets mail, from what the route asks for and what its TLSA records say. The
// domain's policy (sts.ts) and the message itself (require-tls.ts) may then demand more, by a value of the same union.
// What lies behind this room has the value, and need not know why.

import { unreachable } from '../../../base/assert.ts';
import type { TlsaFound } from '../../../dns/dane.ts';
import { isUsable } from '../../../net/tlsa.ts';
import type { TransportSecurity } from '../../../net/transport-security.ts';
import type { RouteTls } from '../relay-route.ts';

/** A host that was found, and how far the DNS can be believed about it. RFC 7672 §2.2. */
export interface FoundHost {
  /** As the MX record or the operator has it: what a certificate is for. */
  readonly name: string;
  /** What was looked up: another than `name` where a domain without MX records is an alias. */
  readonly initialName: string;
  /** After following CNAMEs. */
  readonly canonicalName: string;
  readonly addresses: readonly string[];
  /** What the destination is called, where its MX records led here: RFC 7672 §3.2.2. */
  readonly domains: readonly string[];
  readonly authenticity: Authenticity;
}

export interface Authenticity {
  /** Who named the host: MX records (or their absence) with the AD bit, or the operator. */
  readonly name: boolean;
  /** Its addresses, of one family at least, and all CNAMEs that led to them. */
  readonly addresses: boolean;
}

const none: TransportSecurity = { kind: 'none' };
const opportunistic: TransportSecurity = { kind: 'opportunistic' };
const encrypted: TransportSecurity = { kind: 'encrypted' };

type Named = Pick<FoundHost, 'name' | 'initialName' | 'domains'>;

/**
 * `tlsa`: what the DNS says of the certificate. It comes before what the route asks for, since nothing else
 * says more surely who a host is; only a route that wants no TLS has none.
 */
export function securityOf(
  tls: RouteTls,
  host: Named,
  tlsa?: TlsaFound | undefined,
): TransportSecurity {
  if (tls === 'none') return none;
  if (tlsa !== undefined) {
    const [first, ...others] = tlsa.records.filter(isUsable);
    if (first !== undefined)
      return { kind: 'tlsa', records: [first, ...others], names: namesOf(host, tlsa.base) };
    // RFC 7672 §2.2: whoever has records has TLS, even where they say nothing of use.
    if (tls === 'opportunistic') return encrypted;
  }
  switch (tls) {
    case 'opportunistic':
      return opportunistic;
    case 'require':
      return encrypted;
    case 'verify':
      return { kind: 'names', names: [host.name] };
    default:
      return unreachable(tls);
  }
}

/** RFC 7672 §3.2.2: the base domain, and what led to it. */
function namesOf({ domains, initialName }: Named, base: string): readonly [string, ...string[]] {
  const others = domains.length > 0 ? domains : [initialName];
  return [base, ...others.filter((name) => name !== base)];
}
