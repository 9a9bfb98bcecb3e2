// DMARC: whether somebody who may speak for the author's domain says that a message is theirs, and what the
// domain wants done with those that are not. RFC 9989: domains are found by walking up the DNS, there is no
// list of public suffixes.

import type { Resolver } from '../dns/resolver.ts';
import { DnsError } from '../dns/resolver.ts';
import { domainKey } from '../mail/fields/address.ts';
import type { DmarcPolicy, DmarcRecord } from './dmarc-record.ts';
import { isDmarcRecord, readDmarcRecord } from './dmarc-record.ts';

export interface DmarcQuestion {
  /** Of the From fields: every domain in them; undefined where they are too long to be looked at. */
  readonly authors: readonly string[] | undefined;
  /** The domain of MAIL FROM where SPF passed for it. RFC 9989 §4.4.2 */
  readonly spf: string | undefined;
  /** Domains whose signatures passed. RFC 9989 §4.4.1 */
  readonly dkim: readonly string[];
}

export interface DmarcVerdict {
  readonly result: 'none' | 'pass' | 'fail' | 'temperror' | 'permerror';
  /** The author's domain, as A-labels. */
  readonly domain: string | undefined;
  /** Where the record was found. */
  readonly policyDomain?: string | undefined;
  readonly record?: DmarcRecord | undefined;
  /** What the domain asks for, before and after `t=y`. RFC 9989 §4.7 */
  readonly policy?: DmarcPolicy | undefined;
  readonly requested?: DmarcPolicy | undefined;
  readonly alignedSpf?: boolean | undefined;
  readonly alignedDkim?: boolean | undefined;
  readonly problem?: string | undefined;
}

/** Limit: domains of one From that are looked at. RFC 9989 §11.5 */
export const authorsMax = 5;
/** Limit: signing domains that a walk is made for. */
const identifiersMax = 10;
/** RFC 9989 §4.10: with so many labels and more the walk goes on at one less. */
const labelsMax = 8;

/**
 * Of several authors the worst verdict counts: nobody hides behind a second address (RFC 9989 §11.5).
 * @throws nothing but bugs: what the DNS does wrong is a temperror.
 */
export async function checkDmarc(
  { authors, spf, dkim }: DmarcQuestion,
  resolver: Resolver,
): Promise<DmarcVerdict> {
  if (authors === undefined)
    return { result: 'permerror', domain: undefined, problem: 'From is too long' };
  const domains = [...new Set(authors.map(domainKey))].filter((domain) => domain !== '');
  const none = { result: 'none', domain: domains[0] } as const;
  // RFC 9989 §5.3.1
  if (domains.length === 0) return { ...none, problem: 'From has no domain' };
  if (domains.length > authorsMax)
    return { ...none, result: 'permerror', problem: `From has ${domains.length} domains` };
  const check = new DmarcCheck(resolver, {
    spf: spf === undefined ? undefined : domainKey(spf),
    dkim: [...new Set(dkim.map(domainKey))].slice(0, identifiersMax),
  });
  const verdicts = await Promise.all(domains.map((domain) => check.verdict(domain)));
  return verdicts.reduce((worst, one) => (badness(one) > badness(worst) ? one : worst));
}

/** Whose a domain is, by the DNS. RFC 9989 §4.10.2 @throws DnsError */
export const organizationalDomain = (domain: string, resolver: Resolver): Promise<string> =>
  new DmarcCheck(resolver, { spf: undefined, dkim: [] }).organization(domain);

const badness = ({ result, requested }: DmarcVerdict): number =>
  ['pass', 'none', 'permerror', 'temperror', 'fail'].indexOf(result) * 3 +
  ['none', 'quarantine', 'reject'].indexOf(requested ?? 'none');

interface Found {
  readonly domain: string;
  readonly record: DmarcRecord;
}

interface Identifiers {
  readonly spf: string | undefined;
  readonly dkim: readonly string[];
}

class DmarcCheck {
  readonly #resolver: Resolver;
  readonly #identifiers: Identifiers;
  readonly #records = new Map<string, Promise<DmarcRecord | undefined>>();

  constructor(resolver: Resolver, identifiers: Identifiers) {
    this.#resolver = resolver;
    this.#identifiers = identifiers;
  }

  async verdict(domain: string): Promise<DmarcVerdict> {
    try {
      return await this.#verdict(domain);
    } catch (error) {
      // RFC 9989 §5.3.6: neither pass nor fail.
      if (error instanceof DnsError) return { result: 'temperror', domain, problem: error.message };
      throw error;
    }
  }

  async #verdict(domain: string): Promise<DmarcVerdict> {
    const found = await this.#policyRecord(domain);
    if (found === undefined) return { result: 'none', domain };
    const { record, domain: policyDomain } = found;
    const { spf, dkim } = this.#identifiers;
    const alignedSpf = spf !== undefined && (await this.#isAligned(domain, spf, record.aspf));
    let alignedDkim = false;
    for (const signer of dkim) alignedDkim ||= await this.#isAligned(domain, signer, record.adkim);
    const policy = await this.#policyFor(domain, found);
    return {
      result: alignedSpf || alignedDkim ? 'pass' : 'fail',
      ...{ domain, policyDomain, record, policy, alignedSpf, alignedDkim },
      requested: record.isTest ? oneBelow(policy) : policy,
    };
  }

  /** RFC 9989 §4.10.1: the author's own, else its organization's, else that of the public suffix. */
  async #policyRecord(domain: string): Promise<Found | undefined> {
    const own = await this.#record(domain);
    if (own !== undefined) return { domain, record: own };
    const found = await this.#walk(domain);
    const organization = organizationOf(domain, found);
    return (
      found.find((one) => one.domain === organization) ??
      found.find(({ record }) => record.psd === 'y')
    );
  }

  /** RFC 9989 §4.10.1, §4.7 */
  async #policyFor(domain: string, { domain: at, record }: Found): Promise<DmarcPolicy> {
    if (at === domain) return record.p;
    const forExisting = record.sp ?? record.p;
    if (record.np === undefined || record.np === forExisting) return forExisting;
    return (await this.#exists(domain)) ? forExisting : record.np;
  }

  /** RFC 9989 §3.2.13, RFC 8020: NXDOMAIN, and not for what an alias of it leads to. */
  async #exists(domain: string): Promise<boolean> {
    const answer = await this.#resolver.resolve(domain, 'A');
    return answer.kind !== 'no-domain' || answer.isAlias === true;
  }

  /** RFC 9989 §4.10.2 */
  async #isAligned(author: string, identifier: string, mode: 'r' | 's'): Promise<boolean> {
    if (author === identifier) return true;
    if (mode === 's') return false;
    const [one, other] = await Promise.all([
      this.organization(author),
      this.organization(identifier),
    ]);
    return one === other;
  }

  async organization(domain: string): Promise<string> {
    return organizationOf(domain, await this.#walk(domain));
  }

  /** From the longest name to the shortest, as far as it has to go. RFC 9989 §4.10 */
  async #walk(domain: string): Promise<readonly Found[]> {
    const found: Found[] = [];
    for (const name of walkNames(domain)) {
      const record = await this.#record(name);
      if (record === undefined) continue;
      found.push({ domain: name, record });
      if (record.psd !== 'u') break;
    }
    return found;
  }

  #record(domain: string): Promise<DmarcRecord | undefined> {
    const known = this.#records.get(domain);
    if (known !== undefined) return known;
    const asking = this.#ask(domain);
    this.#records.set(domain, asking);
    return asking;
  }

  async #ask(domain: string): Promise<DmarcRecord | undefined> {
    const answer = await this.#resolver.resolve(`_dmarc.${domain}`, 'TXT');
    if (answer.kind !== 'records') return undefined;
    const records = answer.records.filter(isDmarcRecord);
    // RFC 9989 §4.10: several are none.
    return records.length === 1 ? readDmarcRecord(records[0]!) : undefined;
  }
}

/** RFC 9989 §4.10: itself, then one label less each time, but at most eight names. */
export function walkNames(domain: string): readonly string[] {
  const labels = domain.split('.');
  const names = [domain];
  const from = labels.length < labelsMax ? 1 : labels.length - labelsMax + 1;
  for (let at = from; at < labels.length; at += 1) names.push(labels.slice(at).join('.'));
  return names;
}

/** RFC 9989 §4.10.2; `found` from the longest name to the shortest. */
function organizationOf(domain: string, found: readonly Found[]): string {
  for (const { domain: name, record } of found) {
    if (record.psd === 'n') return name;
    if (record.psd === 'y' && name !== domain) return oneLabelBelow(name, domain);
  }
  return found.at(-1)?.domain ?? domain;
}

/** `example.com` of `com` and `a.mail.example.com`. */
function oneLabelBelow(name: string, domain: string): string {
  const labels = domain.split('.');
  return labels.slice(labels.length - name.split('.').length - 1).join('.');
}

const oneBelow = (policy: DmarcPolicy): DmarcPolicy =>
  policy === 'reject' ? 'quarantine' : 'none';
