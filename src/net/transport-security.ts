// What a connection to a host must be before mail goes over it. One value of this union is decided for
// each host (deliver/relay/security/security.ts); the dialer makes it true or fails, and whatever is kept for
// later (open connections, TLS sessions, what was learned of a host) is kept under its key, so that
// what came about under a lesser demand never serves a greater one.

import { createHash } from 'node:crypto';
import type { TlsaRecord } from '../dns/resolver.ts';

type Names = readonly [string, ...string[]];

export type TransportSecurity =
  /** Never asks for TLS. */
  | { readonly kind: 'none' }
  /** TLS with anybody where it works, and without it where it does not. RFC 7435. */
  | { readonly kind: 'opportunistic' }
  /** TLS with anybody, or no mail. */
  | { readonly kind: 'encrypted' }
  /** A certificate for one of these names that an authority vouches for; the first one is in SNI. */
  | { readonly kind: 'names'; readonly names: Names }
  /**
   * A certificate that one of these records vouches for, and with usage DANE-TA(2) for one of these
   * names, of which the first, the TLSA base domain, is in SNI. RFC 7672 §3.
   */
  | {
      readonly kind: 'tlsa';
      readonly records: readonly [TlsaRecord, ...TlsaRecord[]];
      readonly names: Names;
    };

/** With TLS, that is. */
export type TlsSecurity = Exclude<TransportSecurity, { readonly kind: 'none' }>;

/** Limit: keys are kept for a while, and a thousand TLSA records fit into one answer. */
const keyLengthMax = 500;

/** Equal for what demands the same. Names and numbers hold none of the separators. */
export function securityKey(security: TransportSecurity): string {
  if (security.kind === 'names') return `names ${security.names.join(',')}`;
  if (security.kind !== 'tlsa') return security.kind;
  const records = security.records.map(
    ({ usage, selector, matching, data }) =>
      `${usage}.${selector}.${matching}.${Buffer.from(data).toString('base64')}`,
  );
  const text = `tlsa ${security.names.join(',')} ${records.sort().join(',')}`;
  if (text.length <= keyLengthMax) return text;
  return `tlsa ${createHash('sha256').update(text).digest('base64')}`;
}

/** No mail goes there without TLS. */
export const demandsTls = ({ kind }: TransportSecurity): boolean =>
  kind !== 'none' && kind !== 'opportunistic';
