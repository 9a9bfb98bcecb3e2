// SPF: may this client send for that domain? RFC 7208. check_host() as a function of a Resolver: no clock, no
// network of its own, bounded by the lookups that the RFC allows.

import { unreachable } from '../base/assert.ts';
import { addressOctets, dottedAddress, reverseName, sharePrefix } from '../base/ip-address.ts';
import type { Resolver } from '../dns/resolver.ts';
import { DnsError } from '../dns/resolver.ts';
import type { MacroString } from './spf-macro.ts';
import { expand, parseMacroString } from './spf-macro.ts';
import type { Directive, Mechanism, Qualifier, SpfRecord } from './spf-record.ts';
import { isSpfRecord, readSpfRecord, SpfSyntaxError } from './spf-record.ts';

/** RFC 7208 §2.6 */
export type SpfResult = 'none' | 'temperror' | 'permerror' | Qualifier;

export interface SpfQuestion {
  /** The client's. */
  readonly address: string;
  /** Whose record is asked: that of MAIL FROM, or of HELO. RFC 7208 §2.3, §2.4 */
  readonly domain: string;
  /** MAIL FROM's; without one `postmaster`. RFC 7208 §2.4 */
  readonly local?: string | undefined;
  readonly hello: string;
  /** Our name and the time, for explanations. RFC 7208 §7.3 */
  readonly receiver?: string | undefined;
  readonly seconds?: number | undefined;
}

export interface SpfVerdict {
  readonly result: SpfResult;
  readonly domain: string;
  /** The term that decided, as written: `-all`. */
  readonly mechanism?: string | undefined;
  /** Of a fail, in the words of the domain's owner; US-ASCII. RFC 7208 §6.2 */
  readonly explanation?: string | undefined;
  /** Of an error, in ours. */
  readonly problem?: string | undefined;
}

// RFC 7208 §4.6.4
const lookupsMax = 10;
const voidLookupsMax = 2;
const addressesMax = 10;

/** @throws nothing but bugs: what the DNS does wrong is a temperror. */
export async function checkSpf(question: SpfQuestion, resolver: Resolver): Promise<SpfVerdict> {
  const { domain } = question;
  const address = addressOctets(question.address);
  if (address === undefined || !isName(domain)) return { result: 'none', domain };
  const check = new SpfCheck(question, address, resolver);
  try {
    return { domain, ...(await check.host(domain, true)) };
  } catch (error) {
    if (error instanceof DnsError) return { result: 'temperror', domain, problem: error.message };
    if (error instanceof SpfProblem || error instanceof SpfSyntaxError)
      return { result: 'permerror', domain, problem: error.message };
    throw error;
  }
}

/** RFC 7208 §4.3: else there is nothing to ask for. */
function isName(domain: string): boolean {
  const labels = (domain.endsWith('.') ? domain.slice(0, -1) : domain).split('.');
  return (
    labels.length > 1 &&
    domain.length <= nameLengthMax + 1 &&
    !domain.startsWith('[') &&
    labels.every((label) => label !== '' && label.length <= 63)
  );
}

const nameLengthMax = 253;

/** A permerror that is not in the syntax. */
class SpfProblem extends Error {}

interface HostResult {
  readonly result: SpfResult;
  readonly mechanism?: string | undefined;
  readonly explanation?: string | undefined;
}

class SpfCheck {
  readonly #question: SpfQuestion;
  readonly #address: Uint8Array;
  readonly #resolver: Resolver;
  #lookups = 0;
  #voidLookups = 0;

  constructor(question: SpfQuestion, address: Uint8Array, resolver: Resolver) {
    this.#question = question;
    this.#address = address;
    this.#resolver = resolver;
  }

  /** check_host(). RFC 7208 §4 */
  async host(domain: string, explains: boolean): Promise<HostResult> {
    const record = await this.#record(domain);
    if (record === undefined) return { result: 'none' };
    for (const directive of record.directives)
      if (
        !this.#isBeyondDns(directive.mechanism) &&
        (await this.#matches(directive.mechanism, domain))
      )
        return this.#decide(directive, record, domain, explains);
    // RFC 7208 §6.1, §4.7
    if (record.redirect === undefined || this.#namesLocal(record.redirect))
      return { result: 'neutral' };
    this.#count();
    const next = await this.#name(record.redirect, domain);
    const result: HostResult = isName(next) ? await this.host(next, explains) : { result: 'none' };
    if (result.result === 'none') throw new SpfProblem(`${next}, redirected to, has no SPF record`);
    return result;
  }

  /** RFC 8616 §4: terms with a local part that is not of US-ASCII match nothing. */
  #isBeyondDns(mechanism: Mechanism): boolean {
    return 'domain' in mechanism && this.#namesLocal(mechanism.domain);
  }

  /** Whether a local part that no name in the DNS has would be in it. */
  #namesLocal(spec: MacroString | undefined): boolean {
    if (!/[^\x00-\x7f]/.test(this.#question.local ?? '')) return false;
    return spec?.some((piece) => piece.kind === 'macro' && 'sl'.includes(piece.letter)) === true;
  }

  /** RFC 7208 §4.4, §4.5 */
  async #record(domain: string): Promise<SpfRecord | undefined> {
    const answer = await this.#resolver.resolve(domain, 'TXT');
    const records = answer.kind === 'records' ? answer.records.filter(isSpfRecord) : [];
    const [record, ...more] = records;
    if (more.length > 0) throw new SpfProblem(`${domain} has ${records.length} SPF records`);
    return record === undefined ? undefined : readSpfRecord(record);
  }

  async #decide(
    { qualifier, text }: Directive,
    { explanation }: SpfRecord,
    domain: string,
    explains: boolean,
  ): Promise<HostResult> {
    if (qualifier !== 'fail' || explanation === undefined || !explains)
      return { result: qualifier, mechanism: text };
    const words = await this.#explain(explanation, domain);
    return { result: qualifier, mechanism: text, explanation: words };
  }

  async #matches(mechanism: Mechanism, domain: string): Promise<boolean> {
    switch (mechanism.kind) {
      case 'all':
        return true;
      case 'include':
        return this.#includes(await this.#lookupName(mechanism.domain, domain));
      case 'a':
        return this.#isOneOf(await this.#lookupName(mechanism.domain, domain), mechanism);
      case 'mx':
        return this.#isExchange(await this.#lookupName(mechanism.domain, domain), mechanism);
      case 'ptr': {
        const name = await this.#lookupName(mechanism.domain, domain);
        return (await this.#validatedNames(isWithin(name))).length > 0;
      }
      case 'exists': {
        const name = await this.#lookupName(mechanism.domain, domain);
        // RFC 7208 §5.7: A records, whatever the client has.
        return (await this.#ask(name, 'A')).length > 0;
      }
      case 'ip4':
      case 'ip6':
        return sharePrefix(this.#address, mechanism.network, mechanism.bits);
      default:
        return unreachable(mechanism);
    }
  }

  /** RFC 7208 §5.2 */
  async #includes(domain: string): Promise<boolean> {
    const { result } = isName(domain)
      ? await this.host(domain, false)
      : { result: 'none' as const };
    if (result === 'none') throw new SpfProblem(`${domain}, included, has no SPF record`);
    return result === 'pass';
  }

  /** RFC 7208 §5.3 */
  async #isOneOf(name: string, prefixes: Prefixes): Promise<boolean> {
    const [type] = this.#family();
    const bits = type === 'A' ? prefixes.ip4Bits : prefixes.ip6Bits;
    const addresses = await this.#ask(name, type);
    return addresses.some((text) => sharePrefix(this.#address, addressOctets(text)!, bits));
  }

  /** RFC 7208 §5.4, without the A records that mail falls back to. */
  async #isExchange(name: string, prefixes: Prefixes): Promise<boolean> {
    const exchanges = await this.#ask(name, 'MX');
    for (const [index, { exchange }] of exchanges.entries()) {
      // RFC 7208 §4.6.4: more are an error, not cut.
      if (index >= addressesMax) throw new SpfProblem(`${name} has more than 10 MX records`);
      if (exchange !== '' && (await this.#isOneOf(exchange, prefixes))) return true;
    }
    return false;
  }

  /** Names of the client that lead back to it, of those that are wanted. RFC 7208 §5.5 */
  async #validatedNames(isWanted: (name: string) => boolean): Promise<readonly string[]> {
    const names = await this.#ask(reverseName(this.#address), 'PTR').catch(nothingFor);
    const valid: string[] = [];
    // RFC 7208 §4.6.4: those beyond the tenth are ignored.
    for (const name of names.slice(0, addressesMax))
      if (isWanted(name) && (await this.#leadsBack(name))) valid.push(name);
    return valid;
  }

  async #leadsBack(name: string): Promise<boolean> {
    const [type, bits] = this.#family();
    const answer = await this.#resolver.resolve(name, type).catch(nothingFor);
    const addresses = 'kind' in answer && answer.kind === 'records' ? answer.records : [];
    return addresses.some((text) => sharePrefix(this.#address, addressOctets(text)!, bits));
  }

  /** RFC 7208 §6.2: what cannot be had or is more than one is no explanation. */
  async #explain(explanation: MacroString, domain: string): Promise<string | undefined> {
    try {
      const name = await this.#name(explanation, domain);
      if (!isName(name)) return undefined;
      const answer = await this.#resolver.resolve(name, 'TXT');
      if (answer.kind !== 'records' || answer.records.length > 1) return undefined;
      const [text] = answer.records;
      if (!/^[\x20-\x7e]*$/.test(text)) return undefined;
      const parsed = parseMacroString(text);
      return parsed && (await expand(parsed, (letter) => this.#value(letter, domain)));
    } catch (error) {
      if (error instanceof DnsError || error instanceof SpfProblem) return undefined;
      throw error;
    }
  }

  /** The name that a mechanism looks up, which counts. */
  async #lookupName(spec: MacroString | undefined, domain: string): Promise<string> {
    this.#count();
    return spec === undefined ? domain : this.#name(spec, domain);
  }

  async #name(spec: MacroString, domain: string): Promise<string> {
    const expanded = await expand(spec, (letter) => this.#value(letter, domain));
    const name = expanded.endsWith('.') ? expanded.slice(0, -1) : expanded;
    // RFC 7208 §7.3: labels on the left go until the rest fits.
    let fits = name;
    while (fits.length > nameLengthMax && fits.includes('.'))
      fits = fits.slice(fits.indexOf('.') + 1);
    return fits;
  }

  /** RFC 7208 §7.2, §7.3 */
  async #value(letter: string, domain: string): Promise<string> {
    const { local = '', hello, receiver = 'unknown', seconds = 0 } = this.#question;
    const user = local === '' ? 'postmaster' : local;
    switch (letter) {
      case 's':
        return `${user}@${this.#question.domain}`;
      case 'l':
        return user;
      case 'o':
        return this.#question.domain;
      case 'd':
        return domain;
      case 'i':
        return dottedAddress(this.#address).toUpperCase();
      case 'p':
        return this.#validatedName(domain);
      case 'v':
        return this.#address.length === 4 ? 'in-addr' : 'ip6';
      case 'h':
        return hello;
      case 'c':
        return this.#address.length === 4
          ? dottedAddress(this.#address)
          : this.#question.address.toLowerCase();
      case 'r':
        return receiver;
      default:
        return String(seconds);
    }
  }

  /** RFC 7208 §7.3: the domain itself if that is one, else one below it, else any; or `unknown`. */
  async #validatedName(domain: string): Promise<string> {
    this.#count();
    const names = await this.#validatedNames(() => true);
    const lower = domain.toLowerCase();
    if (names.includes(lower)) return lower;
    return names.find(isWithin(lower)) ?? names[0] ?? 'unknown';
  }

  #family(): readonly [type: 'A' | 'AAAA', bits: number] {
    return this.#address.length === 4 ? ['A', 32] : ['AAAA', 128];
  }

  #count(): void {
    this.#lookups += 1;
    if (this.#lookups > lookupsMax) throw new SpfProblem('more than 10 terms that ask the DNS');
  }

  /** RFC 7208 §4.6.4: names without records are counted, too. */
  async #ask<K extends 'A' | 'AAAA' | 'MX' | 'PTR'>(name: string, type: K) {
    const answer = await this.#resolver.resolve(name, type, { anyName: true });
    if (answer.kind === 'records') return answer.records;
    this.#voidLookups += 1;
    if (this.#voidLookups > voidLookupsMax)
      throw new SpfProblem('more than 2 names that do not exist or have no records');
    return [];
  }
}

interface Prefixes {
  readonly ip4Bits: number;
  readonly ip6Bits: number;
}

const isWithin = (domain: string) => {
  const wanted = domain.toLowerCase().replace(/\.$/, '');
  return (name: string): boolean => name === wanted || name.endsWith(`.${wanted}`);
};

/** RFC 7208 §5.5: where the DNS fails, there are no such names. */
const nothingFor = (error: unknown): [] => {
  if (error instanceof DnsError) return [];
  throw error;
};
