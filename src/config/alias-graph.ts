// Where aliases lead, as policy/addresses/address-map.ts follows them: in circles, to nobody, elsewhere. A name
// that stands for itself (`ann: [ann, bob]`) means the account of that name, and is no circle.

import { addressKey, domainKey, parseMailbox } from '../mail/fields/address.ts';
import { DomainPatterns } from '../policy/addresses/domain-patterns.ts';
import { withoutDetail } from '../policy/addresses/recipient-detail.ts';
import type { Advice } from './advice.ts';
import { formatPath } from './problems.ts';
import { shown } from './settings/setting.ts';

export interface AliasFacts {
  readonly domains: readonly string[];
  readonly relayDomains: readonly string[];
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  readonly recipientDelimiter: string;
  readonly forwarding: { readonly rewriteSender: boolean };
  /** `key` is of addressKey(). */
  readonly isAccount: (key: string) => boolean;
}

type Place = 'ours' | 'relayed' | 'elsewhere';
/** Where an address leads: an alias by its key, an account, a mailbox of somebody else's, nobody. */
type End = { readonly alias: string } | 'account' | 'elsewhere' | 'nobody' | 'no address';

export function aliasAdvice(facts: AliasFacts): readonly Advice[] {
  const graph = new AliasGraph(facts);
  return [...facts.aliases].flatMap(([name, targets]) => [...graph.advise(name, targets)]);
}

class AliasGraph {
  readonly #facts: AliasFacts;
  readonly #patterns: DomainPatterns;
  /** By key: the name as written, and where it leads. */
  readonly #aliases = new Map<
    string,
    { readonly name: string; readonly targets: readonly string[] }
  >();

  readonly #inCircles = new Set<string>();

  constructor(facts: AliasFacts) {
    this.#facts = facts;
    this.#patterns = new DomainPatterns([...facts.domains, ...facts.relayDomains]);
    for (const [name, targets] of facts.aliases) this.#aliases.set(keyOf(name), { name, targets });
  }

  *advise(name: string, targets: readonly string[]): Iterable<Advice> {
    const key = keyOf(name);
    const say = (severity: Advice['severity'], at: readonly PropertyKey[], message: string) => ({
      ...{ severity, path: formatPath(['aliases', name, ...at]), message },
    });
    const domain = domainOf(key);
    if (this.#place(domain) === 'elsewhere') {
      const nowhere = 'is in neither `domains` nor `relayDomains`';
      return yield say('warning', [], `is never used: ${domain} ${nowhere}`);
    }
    const circle = this.#circleFrom(key);
    if (circle !== undefined) {
      const way = circle.join(' → ');
      yield say('failure', [], `leads back to itself (${way}): take one of them out`);
    }
    for (const [i, target] of targets.entries()) {
      const end = this.#endOf(target, key);
      if (end === 'nobody')
        yield say('failure', [i], `there is no account and no alias ${target}: it gets no mail`);
      if (end === 'elsewhere' && !this.#facts.forwarding.rewriteSender)
        yield say(
          'warning',
          [i],
          `${target} is elsewhere: mail is sent on in its sender's name, which many refuse (SPF); see \`forwarding\``,
        );
      if (end === 'no address')
        yield say('failure', [i], `${shown(target)} is not a mail address like ann@example.org`);
    }
  }

  #endOf(target: string, from: string): End {
    const mailbox = parseMailbox(target);
    if (mailbox === undefined) return 'no address';
    const place = this.#place(domainKey(mailbox.domain));
    const key = addressKey(mailbox);
    const catchAll = `@${domainOf(key)}`;
    if (place !== 'ours' && !this.#aliases.has(key) && !this.#aliases.has(catchAll))
      return 'elsewhere';
    if (place === 'elsewhere') return 'elsewhere';
    const plain = withoutDetail(key, this.#facts.recipientDelimiter);
    for (const candidate of plain === undefined ? [key] : [key, plain]) {
      if (candidate !== from && this.#aliases.has(candidate)) return { alias: candidate };
      if (place === 'ours' && this.#facts.isAccount(candidate)) return 'account';
    }
    if (catchAll !== from && this.#aliases.has(catchAll)) return { alias: catchAll };
    return place === 'ours' ? 'nobody' : 'elsewhere';
  }

  /** The names from `start` until it comes again; once for all that are in it. */
  #circleFrom(start: string): readonly string[] | undefined {
    if (this.#inCircles.has(start)) return undefined;
    const visited = new Set<string>();
    // Depth first, without recursion: chains may be as long as they like.
    const open: { readonly key: string; readonly way: Way | undefined }[] = [
      { key: start, way: undefined },
    ];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { key, way } = next;
      for (const target of this.#aliases.get(key)?.targets ?? []) {
        const end = this.#endOf(target, key);
        if (typeof end === 'string') continue;
        if (end.alias === start) return this.#names({ key: start, before: { key, before: way } });
        if (visited.has(end.alias)) continue;
        visited.add(end.alias);
        open.push({ key: end.alias, way: { key, before: way } });
      }
    }
    return undefined;
  }

  #names(way: Way): readonly string[] {
    const names: string[] = [];
    for (let at: Way | undefined = way; at !== undefined; at = at.before) {
      this.#inCircles.add(at.key);
      names.unshift(this.#aliases.get(at.key)?.name ?? at.key);
    }
    return names;
  }

  #place(domain: string): Place {
    const [best] = this.#patterns.matches(domain);
    if (best === undefined) return 'elsewhere';
    return best < this.#facts.domains.length ? 'ours' : 'relayed';
  }
}

interface Way {
  readonly key: string;
  readonly before: Way | undefined;
}

const domainOf = (key: string): string => key.slice(key.lastIndexOf('@') + 1);

const keyOf = (name: string): string =>
  name.startsWith('@') ? `@${domainKey(name.slice(1))}` : addressKey(name);
