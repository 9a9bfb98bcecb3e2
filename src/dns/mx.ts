// From a domain to the hosts that take its mail, in the order to try them. RFC 5321 §5.1,
// RFC 7505 (null MX). Asks through a Resolver and knows no network; a pure function of the answers
// and of chance. Temporary failures are thrown (DnsError), final ones are values with their reply.

import { plainAddress } from '../base/ip-address.ts';
import type { Random } from '../base/random.ts';
import { shuffled } from '../base/random.ts';
import { domainKey, literalAddress } from '../mail/fields/address.ts';
import { queryName } from './name.ts';
import type { MxRecord, Resolver } from './resolver.ts';
import { DnsError } from './resolver.ts';

export interface MailHost {
  /** Lower-case A-labels; for an address literal, the literal. */
  readonly name: string;
  /** As the MX record has it, or the domain itself: what was looked up. RFC 7672 §2.2.2. */
  readonly initialName: string;
  /** At least one. The families alternate, so that a broken one costs a single attempt. */
  readonly addresses: readonly string[];
  /** The name after following CNAMEs: where TLSA records are looked for first. RFC 7672 §2.2.2. */
  readonly canonicalName: string;
  readonly preference: number;
  /** The addresses of one family at least, and what led to them, came with the AD bit. RFC 7672 §2.2.2. */
  readonly authenticated: boolean;
}

export type MxResult =
  | {
      readonly kind: 'hosts';
      readonly hosts: readonly [MailHost, ...MailHost[]];
      /** The MX records (or their absence) came with the AD bit. */
      readonly authenticated: boolean;
      /** The domain, and the name that CNAMEs lead to from it, if another. RFC 7672 §3.2.2. */
      readonly domains: readonly string[];
    }
  | { readonly kind: 'refuse'; readonly reply: Refusal };

/** What the sender is told, in the shape of smtp/reply.ts, which is a floor mate of ours. */
export interface Refusal {
  readonly code: number;
  readonly detail: `${number}.${number}`;
  readonly lines: readonly [string];
}

export interface MxOptions {
  readonly domain: string;
  readonly resolver: Resolver;
  readonly random: Random;
  /** Names that we are known by: keys as domainKey() gives them. */
  readonly ourNames: ReadonlySet<string>;
  /** What leads to this machine by its nature (127.0.0.0/8, 0.0.0.0, ::) counts as 127.0.0.1 or ::1. */
  readonly ourAddresses?: ReadonlySet<string> | undefined;
  /** How many hosts are worth trying. RFC 5321 §5.1: at least two. */
  readonly hostsMax: number;
}

/** Limit: larger sets than this were never meant to be tried to the end. */
const recordsMax = 32;
/** Limit: of one host. RFC 5321 §5.1 asks for at least two. */
const addressesMax = 16;

// RFC 7505 §4.1, RFC 7504 §4.
const nullMx = refusal(556, '1.10', 'The domain does not accept mail (null MX)');
// RFC 5321 §5.1: a non-existent domain is an error. RFC 3463 §3.2: X.1.2.
const noDomain = refusal(550, '1.2', 'The domain does not exist');
const badDomain = refusal(550, '1.2', 'The domain is not a name that can exist');
// RFC 5321 §5.1: MX records without a usable host are an error. RFC 3463 §3.5: X.4.4.
const noHost = refusal(550, '4.4', 'No host with an address takes mail for the domain');
// RFC 5321 §5.1: nothing left once we and the less preferred are discarded. RFC 3463 §3.5: X.4.6.
const ourselves = refusal(554, '4.6', 'Mail for the domain comes back to this server');

function refusal(code: number, detail: Refusal['detail'], text: string): Refusal {
  return { code, detail, lines: [text] };
}

/** @throws DnsError when only a later attempt can tell. */
export async function mxHosts(options: MxOptions): Promise<MxResult> {
  const { resolver, random, ourNames } = options;
  const key = domainKey(options.domain);
  const address = literalAddress(key);
  if (address !== undefined) return literalHost(key, address, options);
  const domain = queryName(key);
  if (domain === undefined) return { kind: 'refuse', reply: badDomain };
  const answer = await resolver.resolve(domain, 'MX');
  if (answer.kind === 'no-domain') return { kind: 'refuse', reply: noDomain };
  const { authenticated } = answer;
  if (answer.kind === 'no-records') {
    // RFC 5321 §5.1: without MX records the domain is its own host, with preference 0.
    if (ourNames.has(domain)) return { kind: 'refuse', reply: ourselves };
    const own = [{ preference: 0, exchange: domain }];
    return usable(own, { ...options, implicit: true, authenticated, domains: [domain] });
  }
  const named = answer.records.filter(({ exchange }) => exchange !== '');
  // RFC 7505 §3: a single record whose exchange is the root. With others beside it, which the
  // RFC forbids, it is they who say where mail goes.
  if (named.length === 0) return { kind: 'refuse', reply: nullMx };
  const ordered = inOrder(named, random);
  const others = beforeOurselves(ordered, ({ exchange }) => ourNames.has(exchange));
  if (others.length === 0) return { kind: 'refuse', reply: ourselves };
  const domains = answer.name === domain ? [domain] : [domain, answer.name];
  return usable(others, { ...options, implicit: false, authenticated, domains });
}

// RFC 1122 §3.2.1.3, RFC 4291 §2.5.2, §2.5.5.2: calls to these go to whom the address behind them names.
function asKnown(address: string): string {
  const plain = plainAddress(address);
  if (plain === '::') return '::1';
  return plain === '0.0.0.0' || /^127\.[\d.]+$/.test(plain) ? '127.0.0.1' : plain;
}

// RFC 5321 §4.1.3: a literal names the host itself; there is nothing to look up.
function literalHost(name: string, address: string, { ourAddresses }: MxOptions): MxResult {
  if (ourAddresses?.has(asKnown(address))) return { kind: 'refuse', reply: ourselves };
  const host = {
    name,
    initialName: name,
    canonicalName: name,
    addresses: [address],
    preference: 0,
    authenticated: false,
  };
  return { kind: 'hosts', hosts: [host], authenticated: false, domains: [] };
}

/** RFC 5321 §5.1: lowest preference first, equal ones in random order. Each host once. */
function inOrder(records: readonly MxRecord[], random: Random): readonly MxRecord[] {
  const sorted = shuffled(records, random).sort((a, b) => a.preference - b.preference);
  const best = new Map<string, MxRecord>();
  for (const record of sorted) if (!best.has(record.exchange)) best.set(record.exchange, record);
  return [...best.values()].slice(0, recordsMax);
}

/** RFC 5321 §5.1: where we stand in the list, it ends, with all of the same preference. */
function beforeOurselves<T extends { readonly preference: number }>(
  ordered: readonly T[],
  isUs: (host: T) => boolean,
): readonly T[] {
  const limit = ordered.find(isUs)?.preference;
  return limit === undefined ? ordered : ordered.filter(({ preference }) => preference < limit);
}

interface Named extends MxOptions {
  /** By the domain itself, in want of MX records. */
  readonly implicit: boolean;
  readonly authenticated: boolean;
  readonly domains: readonly string[];
}

type Found = MailHost | { readonly failed: DnsError } | undefined;

/** The hosts of `records` that have addresses, in order, at most `hostsMax`. */
async function usable(records: readonly MxRecord[], options: Named): Promise<MxResult> {
  const { ourAddresses, hostsMax, authenticated, domains } = options;
  const watchful = ourAddresses !== undefined && ourAddresses.size > 0;
  const hosts: MailHost[] = [];
  let failed: DnsError | undefined;
  // A few at a time: nearly always the first ones do. To know ourselves by an address, hosts as
  // preferred as the last one taken have to be seen too.
  for (let next = 0; next < records.length; ) {
    const preference = hosts.at(-1)?.preference;
    const level = watchful && records[next]!.preference === preference;
    if (hosts.length >= hostsMax && !level) break;
    const batch = records.slice(next, next + Math.max(1, hostsMax));
    next += batch.length;
    for (const found of await Promise.all(batch.map((record) => hostOf(record, options)))) {
      if (found === undefined) continue;
      if ('failed' in found) failed ??= found.failed;
      else hosts.push(found);
    }
  }
  const isUs = ({ addresses }: MailHost) => addresses.some((a) => ourAddresses?.has(asKnown(a)));
  const others = watchful ? beforeOurselves(hosts, isUs) : hosts;
  const [first, ...rest] = others.slice(0, Math.max(1, hostsMax));
  if (first !== undefined)
    return { kind: 'hosts', hosts: [first, ...rest], authenticated, domains };
  // RFC 5321 §5.1: a temporary error is never reported as a final one.
  if (failed !== undefined) throw failed;
  return { kind: 'refuse', reply: hosts.length > 0 ? ourselves : noHost };
}

/** Undefined when the host has no address; what failed for now is told apart. */
async function hostOf(
  { exchange, preference }: MxRecord,
  { resolver, random, implicit }: Named,
): Promise<Found> {
  if (queryName(exchange) === undefined) return undefined;
  const [six, four] = await Promise.allSettled([
    resolver.resolve(exchange, 'AAAA'),
    resolver.resolve(exchange, 'A'),
  ]);
  const families: string[][] = [];
  let failed: DnsError | undefined;
  let authenticated = false;
  let canonicalName = exchange;
  for (const family of [six, four]) {
    if (family.status === 'rejected') {
      if (!(family.reason instanceof DnsError)) throw family.reason;
      failed = family.reason;
    } else if (family.value.kind === 'records') {
      families.push(shuffled(family.value.records, random));
      // The name that can be believed is the one that counts, if they differ.
      if (!authenticated) canonicalName = family.value.name;
      authenticated ||= family.value.authenticated;
    }
  }
  const addresses = alternating(families).slice(0, addressesMax);
  // RFC 5321 §5.1: the name a CNAME leads to is processed as if it were the initial name.
  // Field: MX records that point to a CNAME (RFC 2181 §10.3 forbids them); those hosts are
  // addressed, and their certificates checked, by the name in the record.
  const name = implicit ? canonicalName : exchange;
  // One family that fails does not take the other with it.
  if (addresses.length > 0)
    return {
      ...{ name, initialName: exchange, canonicalName },
      ...{ addresses, preference, authenticated },
    };
  return failed && { failed };
}

/** One of each list in turn: a family that does not work is left after one attempt. */
function alternating(lists: readonly (readonly string[])[]): string[] {
  const result: string[] = [];
  const longest = Math.max(0, ...lists.map((list) => list.length));
  for (let i = 0; i < longest; i += 1)
    for (const list of lists) if (list[i] !== undefined) result.push(list[i]!);
  return result;
}
