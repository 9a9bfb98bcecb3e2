// The Resolver on the network: a stub that asks recursive name servers, over UDP and, for answers
// that do not fit, over TCP. RFC 1035 §5.3.1, RFC 5452, RFC 2308. Answers are kept as long as their
// TTL allows; questions asked by many at once are sent once; servers that stay silent are asked
// last for a while. Whatever the network does, it answers or throws DnsError.
//
// The AD bit (DNSSEC) is believed from servers on loopback, and from others only where the
// configuration or resolv.conf (`options trust-ad`) vouches for the path to them. RFC 4035 §4.9.3. Of
// several servers it is all or none: else a forged answer would be one that another server gave.

import { isDeepStrictEqual } from 'node:util';
import { BoundedMap } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Counter } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import { queryName } from '../dns/name.ts';
import type { Answer, RecordOf, RecordType, ResolveOptions, Resolver } from '../dns/resolver.ts';
import { DnsBusy, DnsError } from '../dns/resolver.ts';
import type { NameServer } from './dns-exchange.ts';
import { askByTcp, askByUdp, NoAnswer } from './dns-exchange.ts';
import type { DnsReading } from './dns-message.ts';
import { cnamesMax, encodeQuery, readAnswer } from './dns-message.ts';
import { Turn, Turns } from './dns-turns.ts';
import { parseHosts, parseResolvConf, parseServer, WatchedFile } from './system-names.ts';

/** Plain data: what the configuration's `dns` says, by its names. */
export interface ResolverSettings {
  /** `'192.0.2.53'`, `'[2001:db8::53]:5353'`. Without them: those of resolv.conf. */
  readonly servers?: readonly string[] | undefined;
  /** How long to wait for one server. */
  readonly timeout: number;
  /** Rounds through the servers. */
  readonly attempts: number;
  /** They check DNSSEC, and nobody is on the way to them. Default: if they are on loopback. */
  readonly validating?: boolean | undefined;
  readonly cacheEntries?: number | undefined;
}

export interface ResolverOptions extends ResolverSettings {
  readonly clock?: Clock | undefined;
  /** For query ids: the system's, which nobody can predict. */
  readonly random: Random;
  readonly log: Log;
  /** Questions put to servers. */
  readonly queries?: Counter | undefined;
  readonly resolvConfPath?: string | undefined;
  readonly hostsPath?: string | undefined;
}

/** Limit: longer TTLs are cut to this, so that a mistake in a zone is not ours for a week. */
const ttlSecondsMax = 3_600;
/** Limit: RFC 2308 §5 suggests one to three hours; mail that bounces should not wait so long. */
const negativeTtlSecondsMax = 900;
/** Limit: zero would mean a question for each message of a busy second. */
const ttlSecondsMin = 1;
/** Limit: RFC 2308 §7 allows five minutes; short, since mail is retried by the minute. */
const failureSeconds = 5;
/** Limit: how long a silent server is asked last. */
const silentMs = 30_000;

interface Known {
  readonly expires: number;
  /** What everybody who asks gets: an answer, or a DnsError. */
  readonly said: Promise<Answer<unknown>>;
}

export function createResolver(options: ResolverOptions): Resolver {
  return new StubResolver(options);
}

/** The configuration's own defaults. */
const defaultSettings: ResolverSettings = { timeout: 5_000, attempts: 2 };

/** The resolver for settings: the one before, and what it has learnt, where they are the same. */
export function createResolvers(
  parts: Omit<ResolverOptions, keyof ResolverSettings>,
): (settings?: ResolverSettings) => Resolver {
  let last: { readonly settings: ResolverSettings; readonly resolver: Resolver } | undefined;
  return (settings = defaultSettings) => {
    if (last === undefined || !isDeepStrictEqual(last.settings, settings))
      last = { settings, resolver: createResolver({ ...settings, ...parts }) };
    return last.resolver;
  };
}

class StubResolver implements Resolver {
  readonly #options: ResolverOptions;
  readonly #clock: Clock;
  readonly #servers: readonly NameServer[] | undefined;
  readonly #resolvConf: WatchedFile<ReturnType<typeof parseResolvConf>>;
  readonly #hosts: WatchedFile<ReturnType<typeof parseHosts>>;
  readonly #cache: BoundedMap<string, Known>;
  readonly #asking = new Map<
    string,
    { readonly turn: Turn; readonly said: Promise<Answer<unknown>> }
  >();
  /** Server to when it may be asked first again. Only servers of the configuration are in it. */
  readonly #silent = new Map<NameServer, number>();
  readonly #turns: Turns;

  constructor(options: ResolverOptions) {
    const { servers, resolvConfPath = '/etc/resolv.conf', hostsPath = '/etc/hosts' } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock();
    this.#turns = new Turns(this.#clock);
    this.#cache = new BoundedMap(options.cacheEntries ?? 10_000);
    this.#resolvConf = new WatchedFile(resolvConfPath, parseResolvConf, this.#clock);
    this.#hosts = new WatchedFile(hostsPath, parseHosts, this.#clock);
    this.#servers = servers?.map((text) => {
      const server = parseServer(text);
      if (server === undefined) throw new TypeError(`not a name server: ${text}`);
      return server;
    });
  }

  resolve<K extends RecordType>(
    name: string,
    type: K,
    { anyName, asker }: ResolveOptions = {},
  ): Promise<Answer<RecordOf[K]>> {
    const key = queryName(name, anyName);
    if (key === undefined) return Promise.resolve({ kind: 'no-domain', authenticated: false });
    const refreshing = this.#refresh();
    const said =
      refreshing === undefined
        ? this.#say(key, type, asker)
        : refreshing.then(() => this.#say(key, type, asker));
    // What is kept under a type's key is an answer of that type: see readers in dns-message.ts.
    return said as Promise<Answer<RecordOf[K]>>;
  }

  #say(name: string, type: RecordType, asker?: string): Promise<Answer<unknown>> {
    const own = this.#fromHosts(name, type);
    return own === undefined ? this.#lookUp(name, type, asker) : Promise.resolve(own);
  }

  /** Undefined when there is nothing to wait for. */
  #refresh(): Promise<void> | undefined {
    const hosts = this.#hosts.refresh();
    const servers = this.#servers === undefined ? this.#resolvConf.refresh() : undefined;
    if (hosts === undefined && servers === undefined) return undefined;
    return Promise.all([hosts, servers]).then(([, isAnother]) => {
      // Another network, other answers: what was known of the old one is forgotten.
      if (isAnother !== true) return;
      this.#cache.clear();
      this.#silent.clear();
    });
  }

  #fromHosts(name: string, type: RecordType): Answer<unknown> | undefined {
    if (type !== 'A' && type !== 'AAAA' && type !== 'MX') return undefined;
    let addresses = this.#hosts.value.get(name);
    // RFC 6761 §6.3: localhost is never asked for, and is always the loopback.
    const isLocalhost = name === 'localhost' || name.endsWith('.localhost');
    if (isLocalhost) addresses ??= ['127.0.0.1', '::1'];
    if (addresses === undefined) return undefined;
    if (type === 'MX')
      return isLocalhost ? { kind: 'no-records', authenticated: false } : undefined;
    const [first, ...rest] = addresses.filter((a) => a.includes(':') === (type === 'AAAA'));
    if (first === undefined) return { kind: 'no-records', authenticated: false };
    return { kind: 'records', records: [first, ...rest], name, authenticated: false };
  }

  #lookUp(name: string, type: RecordType, asker?: string): Promise<Answer<unknown>> {
    const key = `${type} ${name}`;
    const known = this.#cache.get(key);
    if (known !== undefined && known.expires > this.#clock.now()) return known.said;
    const asking = this.#asking.get(key);
    if (asking !== undefined) {
      this.#turns.join(asking.turn, asker);
      return asking.said;
    }
    const turn = new Turn(asker);
    const said = this.#askAndKeep(key, name, type, turn).finally(() => this.#asking.delete(key));
    this.#asking.set(key, { turn, said });
    return said;
  }

  async #askAndKeep(
    key: string,
    name: string,
    type: RecordType,
    turn: Turn,
  ): Promise<Answer<unknown>> {
    const keep = (seconds: number, said: Promise<Answer<unknown>>) =>
      this.#cache.set(key, { expires: this.#clock.now() + seconds * 1_000, said });
    try {
      const { answer, ttl } = await this.#ask(name, type, turn);
      keep(ttl, Promise.resolve(answer));
      return answer;
    } catch (error) {
      if (error instanceof DnsError && !(error instanceof DnsBusy)) {
        // RFC 2308 §7: failures are remembered, too, or a broken zone is asked about for ever.
        const failure = Promise.reject(error);
        // Whether anybody asks again or not.
        failure.catch(() => {});
        keep(failureSeconds, failure);
      }
      throw error;
    }
  }

  /** Follows CNAMEs that the server did not; nearly always one question. */
  async #ask(
    name: string,
    type: RecordType,
    turn: Turn,
  ): Promise<{ answer: Answer<unknown>; ttl: number }> {
    let at = name;
    let ttl = ttlSecondsMax;
    let authenticated = true;
    for (let links = 0; links <= cnamesMax; links += 1) {
      const reading = await this.#askServers(at, type, turn);
      ttl = Math.max(ttlSecondsMin, Math.min(ttl, reading.ttl));
      authenticated &&= reading.ad;
      if (reading.kind === 'records') {
        const { records, name: owner } = reading;
        return { answer: { kind: 'records', records, name: owner, authenticated }, ttl };
      }
      if (reading.kind !== 'alias') {
        const exists = type === 'MX' && this.#hosts.value.has(at);
        const kind = exists ? 'no-records' : reading.kind;
        const alias = (links > 0 || reading.isAlias) && ({ isAlias: true } as const);
        const answer = { kind, authenticated, ...(kind === 'no-domain' && alias) };
        return { answer, ttl: Math.min(ttl, negativeTtlSecondsMax) };
      }
      const next = queryName(reading.name);
      if (next === undefined)
        return { answer: { kind: 'no-domain', authenticated, isAlias: true }, ttl };
      at = next;
    }
    throw new DnsError(`${name} ${type}: CNAMEs without end`);
  }

  async #askServers(name: string, type: RecordType, turn: Turn): Promise<Said> {
    const waiting = this.#turns.take(turn);
    if (waiting !== undefined) await waiting;
    try {
      const { attempts } = this.#options;
      const failures: { readonly server: NameServer; readonly said: string }[] = [];
      // Those that spoke and could not tell are not asked again; those that were silent are.
      const spoke = new Set<NameServer>();
      for (let attempt = 0; attempt < Math.max(1, attempts); attempt += 1) {
        for (const server of this.#serversInOrder()) {
          if (spoke.has(server)) continue;
          const said = await this.#askServer(server, name, type);
          if (typeof said !== 'string') return said;
          if (!this.#silent.has(server)) spoke.add(server);
          failures.push({ server, said });
        }
      }
      const why = [...new Set(failures.map(({ said }) => said))].join(', ');
      const told = failures.slice(0, 4).map(({ server, said }) => `${server.address}: ${said}`);
      const reason = told.join(', ');
      this.#options.log.debug('dns failure', { name, type, reason });
      throw new DnsError(`${name} ${type}: ${why}`, `${name} ${type}: ${reason}`);
    } finally {
      this.#turns.give(turn);
    }
  }

  /** What the server says, or why it says nothing. */
  async #askServer(server: NameServer, name: string, type: RecordType): Promise<Said | string> {
    const dnssec = this.#trustsAd();
    this.#options.queries?.add();
    try {
      let reading = await this.#exchange(server, name, type, { edns: true, dnssec });
      // RFC 6891 §7: a server that does not know EDNS says so by FORMERR.
      if (reading.kind === 'failure' && (reading.code === 'FORMERR' || reading.code === 'NOTIMP'))
        reading = await this.#exchange(server, name, type, { edns: false, dnssec: false });
      this.#silent.delete(server);
      if (reading.kind === 'failure') return reading.code;
      return { ...reading, ad: reading.ad && dnssec };
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      this.#silent.set(server, this.#clock.now() + silentMs);
      return error.message;
    }
  }

  async #exchange(
    server: NameServer,
    name: string,
    type: RecordType,
    options: { readonly edns: boolean; readonly dnssec: boolean },
  ): Promise<Said | Failure> {
    const { timeout: timeoutMs, random } = this.#options;
    const question = { id: random.bytes(2).readUInt16BE(), name, type };
    const query = encodeQuery(question, options);
    const read = (message: Buffer) => {
      const reading = readAnswer(message, question);
      return reading.kind === 'foreign' ? undefined : reading;
    };
    const exchange = { server, query, read, timeoutMs, clock: this.#clock };
    const first = await askByUdp(exchange);
    if (first.kind !== 'truncated') return first;
    const whole = await askByTcp(exchange);
    return whole.kind === 'truncated' ? { kind: 'failure', code: 'truncated over TCP' } : whole;
  }

  #serversInOrder(): readonly NameServer[] {
    const servers = this.#servers ?? this.#resolvConf.value.servers;
    if (this.#silent.size === 0) return servers;
    const now = this.#clock.now();
    const isSilent = (server: NameServer) => (this.#silent.get(server) ?? 0) > now;
    return [...servers.filter((s) => !isSilent(s)), ...servers.filter(isSilent)];
  }

  #trustsAd(): boolean {
    const { validating } = this.#options;
    if (validating !== undefined) return validating;
    if (this.#servers === undefined && this.#resolvConf.value.trustAd) return true;
    const servers = this.#servers ?? this.#resolvConf.value.servers;
    return servers.every(({ address }) => address.startsWith('127.') || address === '::1');
  }
}

type Failure = Extract<DnsReading, { kind: 'failure' }>;
type Said = Exclude<DnsReading, { kind: 'failure' | 'foreign' | 'truncated' }>;
