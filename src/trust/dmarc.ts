// DMARC: whether somebody who may speak for the author's domain says that a message is theirs, and what the
// domain wants done with those that are not. RFC 9989: domains are found by walking up the DNS, there is no
// list of public suffixes.

import type { Resolver } from '../dns/resolver.ts';
import { DnsBusy, DnsError } from '../dns/resolver.ts';
import { domainKey } from '../mail/fields/address.ts';
import type { DmarcPolicy, DmarcRecord } from './dmarc-record.ts';
import { isDmarcRecord, readDmarcRecord } from './dmarc-record.ts';

export interface DmarcIdentifiers {
  /** The domain of MAIL FROM where SPF passed for it. RFC 9989 §4.4.2 */
  readonly spf: string | undefined;
  /** Domains whose signatures passed. RFC 9989 §4.4.1 */
  readonly dkim: readonly string[];
  /** Domains of both kinds of which the DNS did not say now whether they pass. */
  readonly unknown?: readonly string[] | undefined;
}

export interface DmarcQuestion extends DmarcIdentifiers {
  /** Of the From fields: every domain in them; undefined where they are too long to be looked at. */
  readonly authors: readonly string[] | undefined;
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
  /** The DNS was not asked, for too much was asked on the account of whoever sent this. */
  readonly isBusy?: true;
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
export const checkDmarc = (
  { authors, ...identifiers }: DmarcQuestion,
  resolver: Resolver,
): Promise<DmarcVerdict> => beginDmarc(authors, resolver)(identifiers);

/**
 * What the authors' domains ask for is looked up at once, while senders and signers are checked: how long those take
 * is the choice of whoever sent the message, and must not leave the author's domain unheard.
 */
export function beginDmarc(
  authors: DmarcQuestion['authors'],
  resolver: Resolver,
): (identifiers: DmarcIdentifiers) => Promise<DmarcVerdict> {
  const always = (verdict: DmarcVerdict) => () => Promise.resolve(verdict);
  if (authors === undefined)
    return always({ result: 'permerror', domain: undefined, problem: 'From is too long' });
  const domains = [...new Set(authors.map(domainKey))].filter((domain) => domain !== '');
  const none = { result: 'none', domain: domains[0] } as const;
  // RFC 9989 §5.3.1
  if (domains.length === 0) return always({ ...none, problem: 'From has no domain' });
  if (domains.length > authorsMax)
    return always({
      ...none,
      result: 'permerror',
      problem: `From has ${domains.length} domains`,
    });
  const check = new DmarcCheck(resolver);
  const asked = domains.map((domain) => ({ domain, policy: check.policy(domain) }));
  // Whoever needs one waits for it.
  for (const { policy } of asked) policy.catch(() => {});
  return async (identifiers) => {
    const known: Identifiers = {
      spf: identifiers.spf === undefined ? undefined : domainKey(identifiers.spf),
      dkim: keysOf(identifiers.dkim),
      unknown: keysOf(identifiers.unknown ?? []),
    };
    const verdicts = await Promise.all(asked.map((author) => check.verdict(author, known)));
    return verdicts.reduce((worst, one) => (badness(one) > badness(worst) ? one : worst));
  };
}

const keysOf = (domains: readonly string[]): readonly string[] =>
  [...new Set(domains.map(domainKey))].slice(0, identifiersMax);

/** Whose a domain is, by the DNS. RFC 9989 §4.10.2 @throws DnsError */
export const organizationalDomain = (domain: string, resolver: Resolver): Promise<string> =>
  new DmarcCheck(resolver).organization(domain);

/** What is refused, or would be if the DNS answered or were asked, before what is let pass. */
const byBadness = [
  ...['pass', 'none', 'permerror', 'temperror none', 'temperror quarantine'],
  ...['fail none', 'fail quarantine', 'temperror reject', 'fail reject'],
];
const badness = ({ result, isBusy, requested = isBusy ? 'reject' : 'none' }: DmarcVerdict) =>
  Math.max(byBadness.indexOf(result), byBadness.indexOf(`${result} ${requested}`));

interface Found {
  readonly domain: string;
  readonly record: DmarcRecord;
}

type Identifiers = Required<DmarcIdentifiers> & { readonly unknown: readonly string[] };

/** What holds for an author, whoever sent or signed the message. */
interface AuthorPolicy extends Found {
  readonly policy: DmarcPolicy;
  /** Whose the author is; not asked for where nobody needs to know. */
  readonly organization: Promise<string>;
}

interface Author {
  readonly domain: string;
  readonly policy: Promise<AuthorPolicy | undefined>;
}

/** Aligned in either mode. */
const isNamed = (domain: string, { spf, dkim }: Identifiers): boolean =>
  spf === domain || dkim.includes(domain);

class DmarcCheck {
  readonly #resolver: Resolver;
  readonly #records = new Map<string, Promise<DmarcRecord | undefined>>();

  constructor(resolver: Resolver) {
    this.#resolver = resolver;
  }

  async verdict({ domain, policy }: Author, identifiers: Identifiers): Promise<DmarcVerdict> {
    try {
      const found = await policy;
      if (found === undefined) return { result: 'none', domain };
      return await this.#verdict(domain, found, identifiers);
    } catch (error) {
      // RFC 9989 §5.3.6: neither pass nor fail.
      if (!(error instanceof DnsError)) throw error;
      // What its own name vouches for does not fail, whatever its record says: that was not needed.
      const isUnheard = error instanceof DnsBusy && !isNamed(domain, identifiers);
      const isBusy = isUnheard && ({ isBusy: true } as const);
      return { result: 'temperror', domain, problem: error.message, ...isBusy };
    }
  }

  /** Undefined where there is none. @throws DnsError */
  async policy(domain: string): Promise<AuthorPolicy | undefined> {
    const found = await this.#policyRecord(domain);
    if (found === undefined) return undefined;
    const { aspf, adkim } = found.record;
    const organization =
      aspf === 's' && adkim === 's' ? Promise.resolve(domain) : this.organization(domain);
    organization.catch(() => {});
    return { ...found, organization, policy: await this.#policyFor(domain, found) };
  }

  async #verdict(
    domain: string,
    { record, domain: policyDomain, policy, organization }: AuthorPolicy,
    { spf, dkim, unknown }: Identifiers,
  ): Promise<DmarcVerdict> {
    const isOneOf = (signers: readonly string[], mode: 'r' | 's') =>
      this.#isAnyAligned({ domain, organization }, signers, mode);
    const [alignedSpf, alignedDkim] = await Promise.all([
      isOneOf(spf === undefined ? [] : [spf], record.aspf),
      isOneOf(dkim, record.adkim),
    ]);
    const requested = record.isTest ? oneBelow(policy) : policy;
    const said = { domain, policyDomain, record, policy, requested };
    if (alignedSpf === true || alignedDkim === true)
      return {
        ...{ ...said, result: 'pass' },
        ...{ alignedSpf: alignedSpf === true, alignedDkim: alignedDkim === true },
      };
    if (alignedSpf instanceof DnsError) throw alignedSpf;
    if (alignedDkim instanceof DnsError) throw alignedDkim;
    // RFC 9989 §5.3.6: what might have passed neither passes nor fails.
    if ((await isOneOf(unknown, 'r')) !== false)
      return { ...said, result: 'temperror', problem: `the DNS of ${domain} did not answer` };
    return { ...said, result: 'fail', alignedSpf, alignedDkim };
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

  /** Or that the DNS did not say so of one of them, and none is. */
  async #isAnyAligned(
    author: { readonly domain: string; readonly organization: Promise<string> },
    identifiers: readonly string[],
    mode: 'r' | 's',
  ): Promise<boolean | DnsError> {
    let failure: DnsError | undefined;
    for (const identifier of identifiers)
      try {
        if (await this.#isAligned(author, identifier, mode)) return true;
      } catch (error) {
        if (!(error instanceof DnsError)) throw error;
        failure = error;
      }
    return failure ?? false;
  }

  /** RFC 9989 §4.10.2 */
  async #isAligned(
    { domain, organization }: { readonly domain: string; readonly organization: Promise<string> },
    identifier: string,
    mode: 'r' | 's',
  ): Promise<boolean> {
    if (domain === identifier) return true;
    if (mode === 's') return false;
    const own = await organization;
    // A name belongs to one that it ends in. Strangers are not asked about: where their DNS is silent, that must
    // not leave open what the author's domain says.
    if (own !== identifier && !identifier.endsWith(`.${own}`)) return false;
    return (await this.organization(identifier)) === own;
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
