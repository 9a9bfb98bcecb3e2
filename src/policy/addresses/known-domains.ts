// Which place a domain has with us: mail for it is delivered here, relayed, or none of ours. What is found out of
// one is remembered, since most mail is of few domains.

import { BoundedMap } from '../../base/bounded-map.ts';
import { plainAddress } from '../../base/ip-address.ts';
import { domainKey, literalAddress } from '../../mail/fields/address.ts';
import { DomainPatterns } from './domain-patterns.ts';

type Place = 'ours' | 'relayed' | 'elsewhere' | 'postmaster-only';

export interface Domain {
  readonly key: string;
  readonly place: Place;
  /** Some alias is in it: recipients of relayed domains may be aliases, too. */
  readonly aliased: boolean;
}

export interface KnownDomainsOptions {
  /** `example.net`, or `.example.net` for the subdomains. The first one is `<postmaster>`'s. */
  readonly domains: readonly string[];
  readonly relayDomains: readonly string[];
  /** `postmaster@` this name is ours too, whatever `domains` says. */
  readonly hostname?: string | undefined;
  /** `postmaster@[address]` is ours for these. RFC 5321 §4.1.3. */
  readonly ourAddresses?: ReadonlySet<string> | undefined;
}

/** Limit: domains remembered as ours, relayed or neither. */
const domainsKnownMax = 10_000;

export class KnownDomains {
  readonly #options: KnownDomainsOptions;
  readonly #patterns: DomainPatterns;
  readonly #aliased: ReadonlySet<string>;
  readonly #hostKey: string | undefined;
  readonly #known = new BoundedMap<string, Domain>(domainsKnownMax);

  /** `aliased`: the keys of domains that some alias is in. */
  constructor(options: KnownDomainsOptions, aliased: ReadonlySet<string>) {
    this.#options = options;
    this.#patterns = new DomainPatterns([...options.domains, ...options.relayDomains]);
    this.#aliased = aliased;
    this.#hostKey = options.hostname === undefined ? undefined : domainKey(options.hostname);
  }

  /** Where `<postmaster>` lives. */
  get primary(): string {
    const { domains, hostname } = this.#options;
    return domains.find((domain) => !domain.startsWith('.')) ?? hostname ?? 'localhost';
  }

  of(name: string): Domain {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const key = domainKey(name);
    const domain = { key, place: this.#placeOf(key), aliased: this.#aliased.has(key) };
    this.#known.set(name, domain);
    return domain;
  }

  /** As it is for a client that reached us at `ourAddress`: the literal of that is ours. RFC 5321 §4.1.3. */
  reachedAt(name: string, ourAddress: string | undefined): Domain {
    const domain = this.of(name);
    const reached = domain.place === 'elsewhere' && isLiteralOf(domain.key, ourAddress);
    return reached ? { ...domain, place: 'postmaster-only' } : domain;
  }

  #placeOf(key: string): Place {
    const { domains, ourAddresses } = this.#options;
    const [best] = this.#patterns.matches(key);
    if (best !== undefined) return best < domains.length ? 'ours' : 'relayed';
    if (key === this.#hostKey) return 'postmaster-only';
    const address = ourAddresses === undefined ? undefined : literalAddress(key);
    return address !== undefined && ourAddresses?.has(address) ? 'postmaster-only' : 'elsewhere';
  }
}

/** Whether a domain's key is the literal of an address as the system writes it. */
function isLiteralOf(key: string, address: string | undefined): boolean {
  if (address === undefined || key.charCodeAt(0) !== 0x5b) return false;
  const plain = plainAddress(address.replace(/%.*/, ''));
  return key === domainKey(plain.includes(':') ? `[IPv6:${plain}]` : `[${plain}]`);
}
