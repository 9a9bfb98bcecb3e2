// Which TLSA records a mail host has: RFC 7672 §2.2.2 and §2.2.3. Asks through a Resolver and knows no
// network. What cannot be looked up is thrown (DnsError) and never means that there are none: an attacker
// who can keep an answer from us must not be able to take the lock from the door.

import { queryName } from './name.ts';
import type { Resolver, TlsaRecord } from './resolver.ts';

export interface DaneHost {
  /** As the MX record or the operator has it. */
  readonly initialName: string;
  /** After following CNAMEs. */
  readonly canonicalName: string;
  /** Its addresses, of one family at least, and all that led to them, came with the AD bit. */
  readonly authenticated: boolean;
}

export interface TlsaFound {
  /** The TLSA base domain: the first name to be in the certificate, for DANE-TA(2). */
  readonly base: string;
  readonly records: readonly [TlsaRecord, ...TlsaRecord[]];
}

/** @throws DnsError: mail for the host has to wait. */
export async function findTlsa(
  host: DaneHost,
  port: number,
  resolver: Resolver,
): Promise<TlsaFound | undefined> {
  for (const base of await baseDomains(host, resolver)) {
    const answer = await resolver.resolve(`_${port}._tcp.${base}`, 'TLSA');
    if (answer.kind === 'records' && answer.authenticated) return { base, records: answer.records };
  }
  return undefined;
}

/**
 * The expanded name before the one that is an alias, but only where all on the way is signed. Field: name
 * servers of large providers do not answer questions for TLSA at all, so nobody is asked below an
 * unsigned name (§2.2.2).
 */
async function baseDomains(
  { initialName, canonicalName, authenticated }: DaneHost,
  resolver: Resolver,
): Promise<readonly string[]> {
  const isAlias = initialName !== canonicalName;
  if (authenticated) return isAlias ? [canonicalName, initialName] : [initialName];
  if (!isAlias || queryName(initialName) === undefined) return [];
  // RFC 7672 §2.1.3: the alias may be signed although what it leads to is not.
  const alias = await resolver.resolve(initialName, 'CNAME');
  return alias.kind === 'records' && alias.authenticated ? [initialName] : [];
}

/** As a zone file has it: `3 1 1 8d02…`. RFC 6698 §2.2. */
export const tlsaText = ({ usage, selector, matching, data }: TlsaRecord): string =>
  `${usage} ${selector} ${matching} ${Buffer.from(data).toString('hex')}`;
