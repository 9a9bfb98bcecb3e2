// Where a domain's DMARC reports may go: the addresses of its record, those of other organizations only where they
// say that they want them. RFC 9990 §4; RFC 9991 §5 has it the same for failure reports. Pure but for the DNS.

import type { Resolver } from '../dns/resolver.ts';
import { domainKey } from '../mail/fields/address.ts';
import { organizationalDomain } from './dmarc.ts';
import { isDmarcRecord, parseDmarcRecord } from './dmarc-record.ts';

export interface DestinationQuestion {
  /** Where the record was found, in A-labels. */
  readonly domain: string;
  readonly tag: 'rua' | 'ruf';
  /** The addresses in that tag. */
  readonly addresses: readonly string[];
}

/** Limit: addresses of one record that are reported to. RFC 9990 §3.5 leaves it to us; RFC 7489 asked for two. */
const addressesMax = 5;
/** RFC 1035 §2.3.4. */
const nameOctetsMax = 253;

/** @throws DnsError where the DNS does not say now. */
export async function reportDestinations(
  question: DestinationQuestion,
  resolver: Resolver,
): Promise<readonly string[]> {
  const wanted = [...new Set(question.addresses)].slice(0, addressesMax);
  const found = await Promise.all(
    wanted.map((address) => destinationsFor(address, question, resolver)),
  );
  return [...new Set(found.flat())];
}

async function destinationsFor(
  address: string,
  { domain, tag }: DestinationQuestion,
  resolver: Resolver,
): Promise<readonly string[]> {
  const host = hostOf(address);
  if (host === domain) return [address];
  const [ours, theirs] = await Promise.all([
    organizationalDomain(domain, resolver),
    organizationalDomain(host, resolver),
  ]);
  if (ours === theirs) return [address];
  const name = `${domain}._report._dmarc.${host}`;
  if (name.length > nameOctetsMax) return [];
  const answer = await resolver.resolve(name, 'TXT');
  if (answer.kind !== 'records') return [];
  const records = answer.records.filter(isDmarcRecord);
  if (records.length === 0) return [];
  const others = records.flatMap((text) => parseDmarcRecord(`${text};p=none`)?.[tag] ?? []);
  if (others.length === 0) return [address];
  // They may name another address of theirs, and nobody else's: then there is no report at all.
  return others.every((other) => hostOf(other) === host) ? others.slice(0, addressesMax) : [];
}

const hostOf = (address: string): string => domainKey(address.slice(address.lastIndexOf('@') + 1));
