// Lists in the DNS of clients to distrust, or to trust (RFC 5782), each with its points. All are asked at once when
// a client connects, and have answered by MAIL, mostly. A list that is silent costs one bounded wait and is left
// alone for a while; so is one that says it will not serve us. A list never fails anybody's mail by failing.

import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/error-text.ts';
import { addressOctets, reversedAddress } from '../../base/ip-address.ts';
import type { Log } from '../../base/log.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { DnsError } from '../../dns/resolver.ts';
import type { Networks } from '../../net/network.ts';
import { createNetworks } from '../../net/network.ts';
import type { Policy } from '../policy.ts';
import { within } from './patience.ts';
import type { Suspicion } from './suspicion.ts';
import { suspicionOf } from './suspicion.ts';

/** One entry of the configuration's `dnsbl.lists`. */
export interface DnsList {
  readonly zone: string;
  /** Points; fewer than none for a list of clients to trust. */
  readonly weight: number;
  /** Answers that count, as networks; undefined: all that are listings. */
  readonly replies?: readonly string[] | undefined;
}

export interface DnsblSettings {
  readonly lists: readonly DnsList[];
  /** Milliseconds. */
  readonly patience: number;
}

export interface DnsblParts {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: () => DnsblSettings;
}

/** How long a list that did not answer is left alone, and one that refuses to answer us. */
const silentMs = 5 * 60_000;
const refusingMs = 60 * 60_000;
/** Limit: connections that are being looked at; beyond, nobody waits for lists. */
const sessionsMax = 20_000;

const name = 'dnsbl';

export function dnsbl({ resolver, clock, log, settings }: DnsblParts): Policy {
  const asked = new Map<string, Promise<readonly Suspicion[]>>();
  const lists = new Lists({ resolver, clock, log });
  return {
    name,
    connect({ session, remote }) {
      const now = settings();
      if (now.lists.length === 0 || asked.size >= sessionsMax) return undefined;
      const answers = lists.ask(remote.address, now);
      answers.catch(() => {});
      asked.set(session, answers);
      return { reservation: { release: () => asked.delete(session) } };
    },
    mail({ client }) {
      const answers = asked.get(client.session);
      return answers?.then((findings) => ({ findings }));
    },
  };
}

export type ListAnswer =
  | { readonly kind: 'listed'; readonly replies: readonly string[] }
  | { readonly kind: 'clear' }
  /** It does not serve us, or is no list. */
  | { readonly kind: 'refusing'; readonly reply: string };

/** The name to ask for. RFC 5782 §2.1 and §2.4. */
export const listedName = (octets: Uint8Array, zone: string): string =>
  `${reversedAddress(octets)}.${zone}`;

/** @throws DnsError */
export async function askList(
  { zone, replies }: Pick<DnsList, 'zone' | 'replies'>,
  octets: Uint8Array,
  resolver: Resolver,
): Promise<ListAnswer> {
  const answer = await resolver.resolve(listedName(octets, zone), 'A');
  if (answer.kind !== 'records') return { kind: 'clear' };
  // Field: 127.255.255.x says "you ask through an open resolver" or "too often"; what is outside of 127/8 comes from a
  // zone that was given up and parked, or from a resolver that lies. RFC 5782 §2.1
  const wrong = answer.records.find(
    (one) => !one.startsWith('127.') || one.startsWith('127.255.255.'),
  );
  if (wrong !== undefined) return { kind: 'refusing', reply: wrong };
  const counting = replies === undefined ? undefined : networksOf(replies);
  // RFC 5782 §5: 127.0.0.1 is no listing.
  const found = answer.records.filter(
    (one) => one !== '127.0.0.1' && (counting === undefined || counting.has(one)),
  );
  return found.length === 0 ? { kind: 'clear' } : { kind: 'listed', replies: found };
}

const networks = new WeakMap<readonly string[], Networks>();

function networksOf(texts: readonly string[]): Networks {
  const known = networks.get(texts);
  if (known !== undefined) return known;
  const made = createNetworks(texts);
  networks.set(texts, made);
  return made;
}

class Lists {
  readonly #parts: Omit<DnsblParts, 'settings'>;
  /** Until when a zone is not asked. */
  readonly #downUntil = new Map<string, number>();

  constructor(parts: Omit<DnsblParts, 'settings'>) {
    this.#parts = parts;
  }

  async ask(address: string, { lists, patience }: DnsblSettings): Promise<readonly Suspicion[]> {
    const octets = addressOctets(address);
    if (octets === undefined) return [];
    const now = this.#parts.clock.now();
    const up = lists.filter(({ zone }) => (this.#downUntil.get(zone) ?? 0) <= now);
    const found = await Promise.all(up.map((list) => this.#askOne(list, octets, patience)));
    return found.flat();
  }

  async #askOne(
    list: DnsList,
    octets: Uint8Array,
    patienceMs: number,
  ): Promise<readonly Suspicion[]> {
    const { clock, resolver } = this.#parts;
    const { zone, weight } = list;
    try {
      const answer = await within(clock, patienceMs, askList(list, octets, resolver));
      if (answer === undefined) return this.#down(zone, silentMs, 'no answer in time');
      if (answer.kind === 'refusing')
        return this.#down(zone, refusingMs, `it answers ${answer.reply}, which is no listing`);
      if (answer.kind === 'clear') return [];
      const text = `listed by ${zone} (${answer.replies.join(', ')})`;
      return suspicionOf({ points: weight, policy: name, text });
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      return this.#down(zone, silentMs, messageOf(error));
    }
  }

  #down(zone: string, ms: number, problem: string): readonly Suspicion[] {
    const { clock, log } = this.#parts;
    const now = clock.now();
    // Those that were asked together say it once.
    if ((this.#downUntil.get(zone) ?? 0) <= now) {
      this.#downUntil.set(zone, now + ms);
      log.warn('a list in the DNS is left alone', { name: zone, problem, ms });
    }
    return [];
  }
}
