// The hosts of a route, one open conversation at a time: in order, each with its addresses, until
// one talks to us, with the security it must have, or there is none left. RFC 5321 §5.1. Remembers for
// a while which addresses did not answer and which hosts offer a TLS that does not work. What was
// tried, and what it said, is kept.

import { isIP } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { DialOptions } from '../../net/dialer.ts';
import { DialError, type Dialer, dialFirst } from '../../net/dialer.ts';
import type { Peer } from '../../net/peer.ts';
import type { TransportSecurity } from '../../net/transport-security.ts';
import type { AttemptFacts } from '../../queue/delivery.ts';
import type { TlsPolicy, TlsReportCounts, TlsSession } from '../../report/tls-session.ts';
import { noPolicy } from '../../report/tls-session.ts';
import type { ClientSessionOptions } from '../../smtp/client/options.ts';
import type { Reply } from '../../smtp/reply.ts';
import { isPermanent, reply } from '../../smtp/reply.ts';
import type { Connection, OpenOptions } from './connection.ts';
import { noTls, openConnection } from './connection.ts';
import { encryptionNeeded, HopFailure, noRequireTls } from './hop-failure.ts';
import type { HostMemory } from './host-memory.ts';
import { hostKey } from './host-memory.ts';
import type { RouteLogin } from './relay-route.ts';
import type { Barred } from './security/dane.ts';
import type { FoundHost } from './security/security.ts';
import { tlsFailureOf, tlsResultOf } from './tls-result.ts';
import type { WalkLimits } from './walk-limits.ts';

export type HopHost = FoundHost & {
  /** Whose demands the security comes from: sessions are reported under each. Default: nobody's. */
  readonly tlsPolicies?: readonly [TlsPolicy, ...TlsPolicy[]] | undefined;
} & (
    | {
        readonly security: TransportSecurity;
        readonly barred?: undefined;
        /** By a policy that is in testing: whether it would have been allowed. RFC 8461 §5. */
        readonly tested?: { readonly allowed: boolean } | undefined;
      }
    /** What it must show cannot be known: it gets no mail now. */
    | { readonly barred: Barred; readonly security?: undefined }
  );

export type OpenHost = Extract<HopHost, { readonly barred?: undefined }>;

/** How to talk to the hosts of one route. */
export interface HopSettings {
  readonly session: ClientSessionOptions;
  /** Whose hosts they are, where the DNS named them: it may want a report. */
  readonly domain?: string | undefined;
  readonly port: number | undefined;
  /** A Unix socket, in place of hosts. */
  readonly path?: string | undefined;
  readonly implicitTls: boolean;
  readonly login: RouteLogin | undefined;
  /** RFC 8689: the host must offer REQUIRETLS. */
  readonly requireTls: boolean;
}

export interface WalkParts {
  readonly dialer: Dialer;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: WalkLimits;
  readonly localAddress?: string | undefined;
  readonly memory: HostMemory;
}

/** What came of a call. */
interface HostFailure {
  readonly failure: HopFailure;
  readonly host: string;
  readonly address: string;
  /** Where it stands in what was tried. */
  readonly at: number;
}

export interface WalkFailure {
  readonly reply: Reply;
  /** The words are the host's. */
  readonly remote: boolean;
  readonly final: boolean;
  /** Who said it, or did not answer, and what others did before. */
  readonly facts: AttemptFacts;
}

export interface WalkHistory extends TlsReportCounts {
  /** Addresses that had their say already. */
  readonly skip: ReadonlySet<string>;
  /** What was tried, for `why`: host, address and what came of it. Grows. */
  readonly tried: string[];
}

export class HostWalk {
  readonly #parts: WalkParts;
  readonly #settings: HopSettings;
  readonly #signal: AbortSignal;
  readonly #hosts: HopHost[];
  #calls = 0;
  #failures: HostFailure[] = [];
  #refused = false;
  readonly #tried: string[];
  readonly #noteSession: WalkHistory['noteSession'];

  constructor(
    hosts: readonly HopHost[],
    settings: HopSettings,
    parts: WalkParts,
    signal: AbortSignal,
    { skip, tried, noteSession }: WalkHistory,
  ) {
    this.#tried = tried;
    this.#noteSession = noteSession;
    this.#parts = parts;
    this.#settings = settings;
    this.#signal = signal;
    this.#hosts = hosts.map((host) => ({
      ...host,
      addresses: this.#liveFirst(host.addresses.filter((address) => !skip.has(address))),
    }));
  }

  /** Why there is no conversation: what all that were tried come to. */
  get failure(): WalkFailure {
    // RFC 7504 §3: only if no host takes mail at all is that the last word.
    const [first] = this.#failures;
    if (first !== undefined && this.#failures.every(({ failure }) => isPermanent(failure.reply)))
      return this.#told(first, true);
    const passing = this.#failures.filter(({ failure }) => !isPermanent(failure.reply));
    // Who spoke to us says more than that somebody else did not.
    const told =
      passing.findLast(({ failure }) => failure.kind !== 'unreachable') ?? passing.at(-1);
    if (told === undefined)
      return { reply: noHost, remote: false, final: false, facts: { tried: this.#tried } };
    return this.#told(told, false);
  }

  #told({ failure, host, address, at }: HostFailure, final: boolean): WalkFailure {
    const { port } = this.#settings;
    const tried = this.#tried.filter((_, index) => index !== at);
    const facts = {
      host,
      ...(isIP(address) === 0 ? {} : { address }),
      port,
      ...(tried.length === 0 ? {} : { tried }),
    };
    return { reply: failure.reply, remote: failure.remote, final, facts };
  }

  /** Somebody is there, and did not want us now. */
  get refused(): boolean {
    return this.#refused;
  }

  /** Nobody was there. */
  get unreachable(): boolean {
    return this.#failures.every(({ failure }) => failure.kind === 'unreachable');
  }

  /** The next host that talks to us; undefined when there is none left. */
  async next(): Promise<Connection | undefined> {
    const { callsMax } = this.#parts.limits;
    for (let host = this.#hosts[0]; host !== undefined; host = this.#hosts[0]) {
      if (this.#calls >= callsMax || this.#signal.aborted) return undefined;
      if (host.barred !== undefined) {
        this.#hosts.shift();
        this.#bar(host, host.barred);
        continue;
      }
      this.#calls += 1;
      const connection = await this.#call(host);
      if (connection !== undefined) return connection;
    }
    return undefined;
  }

  async #call(host: OpenHost): Promise<Connection | undefined> {
    let address = host.name;
    try {
      const dialed = await this.#dial(host);
      address = dialed.address;
      const rest = host.addresses.filter((other) => other !== dialed.address);
      if (rest.length > 0) this.#hosts[0] = { ...host, addresses: rest };
      else this.#hosts.shift();
      return await this.#open(dialed.peer, host, address);
    } catch (error) {
      if (error instanceof DialError) this.#hosts.shift();
      this.#failed(host.name, address, error);
      return undefined;
    }
  }

  /** @throws HopFailure */
  async #open(peer: Peer, host: OpenHost, address: string): Promise<Connection> {
    const { name, security } = host;
    const { dialer, memory, limits, clock, log } = this.#parts;
    const { session, implicitTls, login, port } = this.#settings;
    const where = hostKey(name, port);
    const options = {
      dialer,
      session: memory.isUnchunked(where) ? { ...session, chunking: false } : session,
      clock,
      host: name,
      security,
      address: isIP(address) === 0 ? undefined : address,
      port,
      implicitTls,
      login,
      tlsMs: limits.tlsMs,
    };
    // No other security looks at what was learned here, or gives way to it.
    if (security.kind !== 'opportunistic' || implicitTls)
      return this.#promised(await this.#converse(peer, options, host), host);
    const inTheClear = { ...options, inTheClear: true };
    if (memory.isPlaintext(where)) return openConnection(peer, inTheClear);
    try {
      return await this.#converse(peer, options, host);
    } catch (error) {
      if (!(error instanceof HopFailure && error.kind === 'tls')) throw error;
      // RFC 7435 §3: opportunistic security must not get in the way of communication.
      this.#note(name, address, error.message);
      log.info('TLS failed, going on without', { host: name, address, error: error.message });
      const again = await this.#dialOne(address, this.#signal);
      const connection = await openConnection(again, inTheClear);
      memory.tlsFailed(where, limits.plaintextMs);
      return connection;
    }
  }

  /** RFC 8689 §4.2.1 (5). */
  #promised(connection: Connection, { name }: OpenHost): Connection {
    const { requireTls } = this.#settings;
    if (!requireTls || connection.capabilities.keywords.has('REQUIRETLS')) return connection;
    void connection.dismiss();
    throw new HopFailure('tls', noRequireTls(name), false);
  }

  /** Opens it, and notes what came of TLS. @throws HopFailure */
  async #converse(peer: Peer, options: OpenOptions, host: OpenHost): Promise<Connection> {
    try {
      const connection = await openConnection(peer, options);
      this.#noteTls(host, options, tlsResultOf(connection.tls, host.tested));
      return connection;
    } catch (error) {
      if (error instanceof HopFailure && error.kind === 'tls')
        this.#noteTls(host, options, tlsFailureOf(error));
      throw error;
    }
  }

  #noteTls(
    { name, security, tlsPolicies = [noPolicy] }: HopHost,
    { address }: Pick<OpenOptions, 'address'>,
    told: Pick<TlsSession, 'result' | 'reason'>,
  ): void {
    const { domain } = this.#settings;
    if (domain === undefined || security?.kind === 'none') return;
    for (const policy of tlsPolicies)
      this.#noteSession({ domain, policy, ...told, mxHost: name, address });
  }

  #bar(host: HopHost, { reply: said, result }: Barred): void {
    const failure = new HopFailure('tls', said, false);
    this.#failed(host.name, host.name, failure);
    if (result !== undefined) this.#noteTls(host, {}, { result, reason: failure.message });
  }

  #dial(host: HopHost): Promise<{ readonly peer: Peer; readonly address: string }> {
    const { limits, clock, memory } = this.#parts;
    const { path } = this.#settings;
    if (path !== undefined)
      return this.#dialOne(path, this.#signal).then((peer) => ({ peer, address: path }));
    const call = async (address: string, lost: AbortSignal) => {
      try {
        const peer = await this.#dialOne(address, AbortSignal.any([lost, this.#signal]));
        memory.lives(address);
        return peer;
      } catch (error) {
        if (!lost.aborted && !this.#signal.aborted) memory.died(address, limits.deadMs);
        throw error;
      }
    };
    return dialFirst(host.addresses, call, { clock, staggerMs: limits.staggerMs });
  }

  #dialOne(address: string, signal: AbortSignal): Promise<Peer> {
    const { dialer, limits, localAddress: wanted } = this.#parts;
    const { port, path } = this.#settings;
    const timeoutMs = limits.connectTimeout;
    // The other family cannot be called from it, but perhaps from another address of ours.
    const localAddress = isIP(address) === isIP(wanted ?? '') ? wanted : undefined;
    const options: DialOptions =
      path === undefined
        ? { address, port, localAddress, timeoutMs, signal }
        : { path, timeoutMs, signal };
    return dialer.dial(options);
  }

  #failed(host: string, address: string, error: unknown): void {
    const failure =
      error instanceof HopFailure
        ? this.#lasting(error, host)
        : new HopFailure('unreachable', noConnection(host, this.#settings, error), false, {
            cause: error,
          });
    this.#failures.push({ failure, host, address, at: this.#tried.length });
    if (failure.kind === 'refused') this.#refused = true;
    this.#note(host, address, messageOf(error));
    const { log } = this.#parts;
    const fields = { host, address, error: failure.message };
    // A login is for the operator to mend: nothing goes there until it is.
    if (failure.kind === 'login') log.warn('login at the next host failed', fields);
    else log.debug('next host failed', fields);
  }

  /**
   * RFC 8689 §4.2.1: a host without TLS will not do. Deviation: one whose certificate is not good is tried
   * again, and the sender told when that has gone on for too long.
   */
  #lasting(failure: HopFailure, host: string): HopFailure {
    const isMissing = this.#settings.requireTls && failure.reply === noTls;
    const why = `${host} does not offer TLS`;
    return isMissing ? new HopFailure('tls', encryptionNeeded(why), false) : failure;
  }

  #note(host: string, address: string, text: string): void {
    const where = address === host ? host : `${host} [${address}]`;
    // A DialError names the addresses itself.
    const words = text.replaceAll(`[${host}]: `, '');
    this.#tried.push(words.startsWith('[') ? `${host} ${words}` : `${where}: ${words}`);
  }

  #liveFirst(addresses: readonly string[]): readonly string[] {
    const { memory } = this.#parts;
    if (addresses.length < 2 || !addresses.some((address) => memory.isDead(address)))
      return addresses;
    const isLive = (address: string) => !memory.isDead(address);
    return [...addresses.filter(isLive), ...addresses.filter((address) => !isLive(address))];
  }
}

/** RFC 3463 §3.5: X.4.1, no answer from host. */
const noHost = reply(451, '4.1', 'No other host to try');

function noConnection(
  host: string,
  { path, port }: Pick<HopSettings, 'path' | 'port'>,
  error: unknown,
): Reply {
  const text = messageOf(error);
  const words = text.replaceAll(`[${host}]: `, '').replaceAll(/[\r\n]+/g, ' ');
  // Where a socket of ours lies is for the operator, who sees it beside the reply.
  const where = path === undefined ? `${host} port ${port}` : 'the socket of the next host';
  return reply(451, '4.1', `No connection to ${where}: ${words}`);
}
