// DANE as a route has it: whether TLSA records are looked for, and what follows when they cannot be had. RFC
// 7672 §2.1.2: a host about which the DNS does not answer is passed over, and if it was the last the mail
// waits; it never gets mail as if it had no records.

import type { TlsaFound } from '../../../dns/dane.ts';
import { findTlsa, tlsaText } from '../../../dns/dane.ts';
import type { Resolver, TlsaRecord } from '../../../dns/resolver.ts';
import { DnsError } from '../../../dns/resolver.ts';
import { domainKey } from '../../../mail/fields/address.ts';
import { isUsable } from '../../../net/tlsa.ts';
import { DomainPatterns } from '../../../policy/addresses/domain-patterns.ts';
import type { TlsPolicy, TlsResult } from '../../../report/tls-session.ts';
import type { Reply } from '../../../smtp/reply.ts';
import { reply } from '../../../smtp/reply.ts';
import type { RelayRoute } from '../relay-route.ts';
import { tlsOf } from '../relay-route.ts';
import type { FoundHost } from './security.ts';

/** Plain data: what the configuration's `dane` says, by its names. */
export interface DaneSettings {
  readonly verify: boolean;
  /** Domains whose hosts must have usable records. RFC 7672 §6. */
  readonly require?: readonly string[] | undefined;
}

export interface Dane {
  /** @throws DnsError */
  find(host: FoundHost, port: number, resolver: Resolver): Promise<TlsaFound | undefined>;
  isRequired(domain: string): boolean;
}

/** Nothing is looked for without settings. */
export function createDane({ verify, require = [] }: DaneSettings = { verify: false }): Dane {
  const required = new DomainPatterns(require);
  return {
    async find(host, port, resolver) {
      const { initialName, canonicalName, authenticity } = host;
      // RFC 7672 §2.2.1: whoever forges MX records names hosts of his own, with records of his own.
      if (!verify || !authenticity.name) return undefined;
      const authenticated = authenticity.addresses;
      return findTlsa({ initialName, canonicalName, authenticated }, port, resolver);
    },
    isRequired: (domain) => required.matches(domainKey(domain)).length > 0,
  };
}

/** No mail for this host now. */
export interface Barred {
  readonly reply: Reply;
  /** RFC 8460 §4.3; nothing for what is the message's own wish. */
  readonly result?: TlsResult | undefined;
}

export type DaneFound =
  | { readonly kind: 'tlsa'; readonly tlsa: TlsaFound | undefined }
  | { readonly kind: 'barred'; readonly barred: Barred };

const nothing: DaneFound = { kind: 'tlsa', tlsa: undefined };

/** What the DNS says of the certificate that a host of the route must have. */
export async function daneOf(
  host: FoundHost,
  route: RelayRoute,
  { dane, resolver }: { readonly dane: Dane; readonly resolver: Resolver },
): Promise<DaneFound> {
  // RFC 7672 is about SMTP, and an operator who wants no TLS gets none.
  if (route.kind === 'lmtp' || tlsOf(route) === 'none') return nothing;
  try {
    const tlsa = await dane.find(host, route.port ?? 25, resolver);
    if (tlsa?.records.some(isUsable) !== true && isRequired(route, dane))
      return { kind: 'barred', barred: { reply: noRecords(host, tlsa), result: 'dane-required' } };
    return { kind: 'tlsa', tlsa };
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    const text = error.message.replaceAll(/[\r\n]+/g, ' ');
    const words = `The DNS does not say which certificate ${host.name} must have: ${text}`;
    // RFC 3463 §3.5: X.4.3, directory server failure.
    return {
      kind: 'barred',
      barred: { reply: reply(451, '4.3', words), result: 'dnssec-invalid' },
    };
  }
}

const isRequired = (route: Exclude<RelayRoute, { kind: 'lmtp' }>, dane: Dane): boolean =>
  dane.isRequired(route.kind === 'mx' ? route.domain : route.host);

/** RFC 3463 §3.8: X.7.5, cryptographic failure. */
function noRecords({ name, authenticity }: FoundHost, tlsa: TlsaFound | undefined): Reply {
  const why =
    tlsa !== undefined
      ? 'its TLSA records are of no use between mail servers'
      : !authenticity.name
        ? 'the MX records that name it are not signed'
        : 'it has no TLSA records that are signed';
  return reply(451, '7.5', `DANE is required for ${name}, but ${why}`);
}

/** Limit: records that a report shows. Who has more of them has made a mistake that these show, too. */
const recordsShownMax = 20;

/** RFC 8460 §4.5: each record as a zone file has it. */
export function tlsaPolicy(records: readonly TlsaRecord[]): TlsPolicy {
  const strings = records.slice(0, recordsShownMax).map(tlsaText);
  return { type: 'tlsa', strings };
}
