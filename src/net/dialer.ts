// Outgoing connections: TCP and Unix sockets, and TLS on top of them. The families race, so that a
// broken one costs a moment and not a timeout (RFC 8305). TLS 1.2 at least (RFC 9325 §3.1.1), with
// the name in SNI; sessions are remembered, so that the next handshake with a host is a short one.

import type { X509Certificate } from 'node:crypto';
import { connect, isIP } from 'node:net';
import type { PeerCertificate, SecureContext, TLSSocket } from 'node:tls';
import { checkServerIdentity, createSecureContext, connect as tlsConnect } from 'node:tls';
import { assert, unreachable } from '../base/assert.ts';
import { BoundedMap } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import { timerDelayMsMax } from '../base/clock.ts';
import type { Peer } from './peer.ts';
import { SocketPeer } from './socket-peer.ts';
import { tlsaProblem } from './tlsa.ts';
import type { TlsSecurity } from './transport-security.ts';
import { securityKey } from './transport-security.ts';

export interface DialOptions {
  /** An IP address, or a name for the system to look up. Not with `path`. */
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  /** A Unix socket. */
  readonly path?: string | undefined;
  /** The address to call from. */
  readonly localAddress?: string | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface StartTlsOptions {
  /** Who we want to talk to: a host name, or an IP address (which cannot be in SNI). */
  readonly host: string;
  /** What the handshake has to show, or fail. */
  readonly security: TlsSecurity;
  readonly timeoutMs?: number | undefined;
}

/** Where connections come from; a simulation has another one. */
export interface Dialer {
  /** @throws DialError */
  dial(options: DialOptions): Promise<Peer>;
  /** @throws TlsHandshakeError, and the connection is gone. */
  startTls(peer: Peer, options: StartTlsOptions): Promise<Peer>;
}

export interface DialerOptions {
  /** PEM text: authorities to trust instead of the runtime's. */
  readonly authorities?: string | readonly string[] | undefined;
}

/** No connection; the message says why, in words for people. */
export class DialError extends Error {
  override readonly name = 'DialError';
  /** The system's: ECONNREFUSED, ENOTFOUND, ETIMEDOUT …; ABORT_ERR when it was given up. */
  readonly code: string;
  /** Somebody is there, and does not take (more) connections. */
  readonly refused: boolean;

  constructor(message: string, refused: boolean, options?: ErrorOptions) {
    super(message, options);
    this.refused = refused;
    this.code = codeOf(options?.cause) ?? 'ENOTCONN';
  }
}

const codeOf = (cause: unknown): string | undefined => {
  if (!(cause instanceof Error)) return undefined;
  const { code } = cause as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : codeOf(cause.cause);
};
const withCode = (message: string, code: string) => Object.assign(new Error(message), { code });

export class TlsHandshakeError extends Error {
  override readonly name = 'TlsHandshakeError';
  /** What was wrong with the certificate, if it was that: the runtime's code, or TLSA_MISMATCH. */
  readonly code: string | undefined;

  constructor(message: string, options?: ErrorOptions & { readonly code?: string | undefined }) {
    super(message, options);
    this.code = options?.code;
  }
}

/** Limit: hosts whose TLS session is remembered; a session is about 2 KiB. */
const sessionsMax = 1000;
/** Limit: certificates that a server sends; longer chains are nobody's. */
const presentedMax = 16;

export function createDialer({ authorities }: DialerOptions = {}): Dialer {
  const sessions = new BoundedMap<string, Buffer>(sessionsMax);
  let context: SecureContext | undefined;
  return {
    dial,
    async startTls(peer, options) {
      assert(peer instanceof SocketPeer, 'TLS goes over a socket');
      context ??= createSecureContext({
        minVersion: 'TLSv1.2',
        ...(authorities === undefined ? {} : { ca: [authorities].flat() }),
      });
      return secure(peer, options, { sessions, context });
    },
  };
}

function dial(options: DialOptions): Promise<SocketPeer> {
  const { address, port, path, localAddress, timeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(givenUp(signal));
    const socket =
      path === undefined
        ? connect({
            host: address ?? '',
            port: port ?? 0,
            noDelay: true,
            ...(localAddress === undefined ? {} : { localAddress }),
          })
        : connect({ path });
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
      socket.off('error', failed);
    };
    const failed = (error: Error) => {
      settle();
      socket.on('error', () => {}); // whatever else it has to say
      socket.destroy();
      reject(error instanceof DialError ? error : dialError(error));
    };
    const aborted = () => {
      failed(givenUp(signal));
    };
    const waitMs = Math.min(timeoutMs, timerDelayMsMax);
    const timer = setTimeout(() => failed(silence(timeoutMs)), waitMs);
    signal?.addEventListener('abort', aborted, { once: true });
    socket.once('error', failed);
    socket.once('connect', () => {
      settle();
      resolve(new SocketPeer(socket));
    });
    return undefined;
  });
}

/** By who called; its own reason for it is the cause of the cause. */
export const givenUp = (signal: AbortSignal | undefined): DialError =>
  dialError(Object.assign(new Error('given up', { cause: signal?.reason }), { code: 'ABORT_ERR' }));

const silence = (timeoutMs: number) =>
  withCode(`no connection within ${Math.ceil(timeoutMs / 1000)} seconds`, 'ETIMEDOUT');

const reasons = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection reset'],
  ['ECONNABORTED', 'connection aborted'],
  ['EPIPE', 'the other side had closed it'],
  ['EMFILE', 'too many files and connections are open here'],
  ['ENFILE', 'too many files and connections are open on this machine'],
  ['ENOBUFS', 'the system has no memory left for connections'],
  ['EINVAL', 'not an address that can be called'],
  ['EHOSTUNREACH', 'no route to the host'],
  ['ENETUNREACH', 'the network cannot be reached'],
  ['EADDRNOTAVAIL', 'no address of ours to call from'],
  ['ETIMEDOUT', 'connection timed out'],
  ['ENOTFOUND', 'there is no host of that name'],
  ['EAI_AGAIN', 'the name could not be looked up'],
  ['ENOENT', 'there is no such socket'],
  ['EACCES', 'permission denied'],
]);

function dialError(error: NodeJS.ErrnoException & { errors?: readonly Error[] }): DialError {
  const cause = error.errors?.[0] ?? error;
  const { code } = cause as NodeJS.ErrnoException;
  // Ours has words already.
  const message = 'syscall' in cause ? reasonOf(cause) : cause.message;
  return new DialError(message, code === 'ECONNREFUSED', { cause });
}

/** What the system's error means, in words for people: no codes, no names of its calls. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return reasons.get((error as NodeJS.ErrnoException).code ?? '') ?? error.message;
}

interface TlsParts {
  readonly sessions: BoundedMap<string, Buffer>;
  readonly context: SecureContext;
}

async function secure(
  peer: SocketPeer,
  { host, security, timeoutMs }: StartTlsOptions,
  { sessions, context }: TlsParts,
): Promise<Peer> {
  const names = 'names' in security ? security.names : ([host] as const);
  const [name] = names;
  // The runtime looks at names in a full handshake only, and TLSA records need the chain, which a
  // resumed session does not bring: so what was found good for one demand is resumed for it alone.
  const key = `${securityKey(security)} ${host} ${peer.remote.port}`;
  const session = sessions.get(key);
  let socket: TLSSocket | undefined;
  try {
    const secured = await peer.startTls((under) => {
      socket = tlsConnect({
        socket: under,
        host: name,
        secureContext: context,
        checkServerIdentity: (_, certificate) => nameProblem(names, certificate),
        // Judged below: opportunistic TLS is better than none (RFC 7435 §1.2).
        rejectUnauthorized: false,
        ...(isIP(name) === 0 ? { servername: name } : {}),
        ...(session === undefined ? {} : { session }),
      });
      return socket;
    }, timeoutMs);
    const problem = socket === undefined ? undefined : problemOf(socket, security);
    if (problem !== undefined) {
      secured.destroy();
      const { code, text } = problem;
      throw new TlsHandshakeError(`the certificate for ${name} is not good: ${text}`, { code });
    }
    if (security.kind === 'tlsa') secured.vouchFor();
    remember(socket, security, (ticket) => sessions.set(key, ticket));
    return secured;
  } catch (error) {
    sessions.delete(key);
    if (error instanceof TlsHandshakeError) throw error;
    throw new TlsHandshakeError(`TLS handshake failed: ${wordsOf(error)}`, { cause: error });
  }
}

/** Undefined when the certificate is for one of the names. */
function nameProblem(names: readonly string[], certificate: PeerCertificate): Error | undefined {
  let first: Error | undefined;
  for (const name of names) {
    const problem = checkServerIdentity(name, certificate);
    if (problem === undefined) return undefined;
    first ??= problem;
  }
  return first;
}

interface CertificateProblem {
  readonly code: string | undefined;
  readonly text: string;
}

/** Why the handshake does not show what was demanded. */
function problemOf(socket: TLSSocket, security: TlsSecurity): CertificateProblem | undefined {
  switch (security.kind) {
    case 'opportunistic':
    case 'encrypted':
      return undefined;
    // RFC 7817 §3: a chain of trust, and a certificate for a name we wanted.
    case 'names': {
      if (socket.authorized) return undefined;
      // The runtime gives the code alone, whatever its types say.
      const problem: unknown = socket.authorizationError;
      const code = typeof problem === 'string' ? problem : codeOf(problem);
      return { code, text: wordsOf(problem) };
    }
    // RFC 7672 §3.1.2: with no public authority beside the records.
    case 'tlsa': {
      if (socket.isSessionReused()) return undefined;
      const { records, names } = security;
      return tlsaProblem({ presented: presentedBy(socket), records, names, now: Date.now() });
    }
    default:
      return unreachable(security);
  }
}

/** The server's certificate and those it sent along. */
function presentedBy(socket: TLSSocket): readonly X509Certificate[] {
  const presented: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  for (; next !== undefined && presented.length < presentedMax; next = next.issuerCertificate)
    presented.push(next);
  return presented;
}

/** The runtime does not look at the name again in a resumed session: a wrong one is not kept. */
function remember(
  socket: TLSSocket | undefined,
  { kind }: TlsSecurity,
  keep: (ticket: Buffer) => void,
): void {
  if (socket === undefined) return;
  // The runtime gives the code alone, whatever its types say.
  const problem: unknown = socket.authorizationError;
  // With TLSA records it is they who have judged the name.
  if (kind === 'tlsa' || problem !== 'ERR_TLS_CERT_ALTNAME_INVALID') socket.on('session', keep);
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error ?? 'no reason given');
  const { reason } = error as { reason?: string };
  return (reason ?? reasonOf(error)).split('\n', 1)[0]!;
}

export interface RaceOptions {
  readonly clock: Clock;
  /** How long one address may take before the next is called beside it. RFC 8305 §5: 250 ms. */
  readonly staggerMs: number;
}

/** The first that answers, called in order, one more each time `staggerMs` passes. RFC 8305 §5. */
export function dialFirst(
  addresses: readonly string[],
  dialOne: (address: string, signal: AbortSignal) => Promise<Peer>,
  { clock, staggerMs }: RaceOptions,
): Promise<{ readonly peer: Peer; readonly address: string }> {
  const abort = new AbortController();
  const failures: DialError[] = [];
  let next = 0;
  let won = false;
  let cancel = () => {};
  return new Promise((resolve, reject) => {
    const lost = (address: string, error: unknown) => {
      const cause = error instanceof DialError ? error : new DialError(wordsOf(error), false);
      failures.push(
        new DialError(`[${address}]: ${cause.message}`, cause.refused, { cause: error }),
      );
      if (won) return;
      if (next < addresses.length) callNext();
      else if (failures.length === addresses.length) reject(together(failures));
    };
    const callNext = () => {
      cancel();
      const address = addresses[next];
      if (won || address === undefined) return;
      next += 1;
      dialOne(address, abort.signal).then(
        (peer) => {
          if (won) return peer.destroy();
          won = true;
          cancel();
          abort.abort();
          return resolve({ peer, address });
        },
        (error: unknown) => lost(address, error),
      );
      if (next < addresses.length) cancel = clock.after(staggerMs, callNext);
    };
    if (addresses.length === 0) reject(new DialError('the host has no address', false));
    else callNext();
  });
}

const together = (failures: readonly DialError[]): DialError =>
  new DialError(
    failures.map(({ message }) => message).join(', '),
    failures.some(({ refused }) => refused),
  );
