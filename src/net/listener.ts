// Listening sockets: TCP and Unix, in the clear or with TLS from the first byte. Hands each connection
// on, as a SocketPeer or as it is; knows nothing of what is spoken.

import { existsSync } from 'node:fs';
import { chmod, rm, stat } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { dirname } from 'node:path';
import { TLSSocket } from 'node:tls';
import type { Log } from '../base/log.ts';
import { handshake, handshakeMs } from './handshake.ts';
import type { ProxiedEndpoints, ProxyRules } from './proxy-protocol.ts';
import { receiveProxyHeader, SilentProxy } from './proxy-protocol.ts';
import { endsOf, SocketPeer } from './socket-peer.ts';
import type { ServerTls } from './tls.ts';
import { isAuthority } from './tls-alpn.ts';

export interface ListenOptions {
  /** IP address or host name; '::' takes both families. Not with `path`. */
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** Others may listen there, too, if they say so: SO_REUSEPORT, where the system has it. */
  readonly reusePort?: boolean | undefined;
  /** Unix socket. A stale one is removed, one that is in use is an error. */
  readonly path?: string | undefined;
  /** Of the Unix socket. Default: owner and group may connect. */
  readonly mode?: number | undefined;
  readonly tls: ServerTls | undefined;
  /** TLS from the first byte; otherwise the owner upgrades by startServerTls(). */
  readonly implicitTls: boolean;
  /**
   * Counts a connection in while its handshake lasts, before the owner knows of it, and returns what
   * counts it out again; undefined turns it away. Handshakes are not free, and may be very slow.
   */
  readonly admitHandshake?: ((address: string) => (() => void) | undefined) | undefined;
  /** The PROXY protocol, from those who are proxies; what others send is the client's own. */
  readonly proxy?: ProxyRules | undefined;
  /** Called for each connection, TLS included; it owns the Peer from then on. */
  readonly onConnection?: ((peer: SocketPeer) => void) | undefined;
  /**
   * In place of onConnection: the socket itself, nothing of it read, as node:http takes it. Who
   * cannot take it yet pauses it.
   */
  readonly onSocket?: ((accepted: AcceptedSocket) => void) | undefined;
  /** Nothing can be said to those whose handshake fails. */
  readonly onHandshakeFailure?: ((address: string, error: Error) => void) | undefined;
  readonly log?: Log | undefined;
}

export interface AcceptedSocket {
  readonly socket: Socket;
  /** Where a proxy has said whose connection it is. */
  readonly ends: ProxiedEndpoints | undefined;
}

export interface Listener extends AsyncDisposable {
  /** The port in use, also when 0 was asked for; 0 for a Unix socket. */
  readonly port: number;
  /** No new connections, also none whose handshake is not over; open ones live on. */
  close(): Promise<void>;
}

/** A listener could not be set up; the message says which, why and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';

  /** The system's, EADDRINUSE, EACCES …; EEXIST where something else is in the socket's place. */
  get code(): string {
    return (this.cause as NodeJS.ErrnoException | undefined)?.code ?? 'EEXIST';
  }
  /** It may work later, as it is: another program ends, an interface comes up. */
  readonly mayPass: boolean;

  constructor(message: string, options: ErrorOptions & { readonly mayPass?: boolean } = {}) {
    super(message, options);
    this.mayPass = options.mayPass ?? false;
  }
}

const backlog = 1024;
const unnamedMaxDefault = 1000;

export async function listen(options: ListenOptions): Promise<Listener> {
  const handshakes = new Set<Socket>();
  const unnamed = new Set<Socket>();
  // Half-open: a client that has said everything and ended its half still wants the replies.
  const settings = { noDelay: true, keepAlive: false, allowHalfOpen: true };
  const server = createServer(settings, (socket) => {
    const { proxy } = options;
    if (proxy === undefined) accept(socket, options, handshakes);
    else void acceptBy(proxy, socket, { options, handshakes, unnamed });
  });
  if (options.path !== undefined) await removeStaleSocket(options.path);
  await bind(server, options);
  if (options.path !== undefined) await chmod(options.path, options.mode ?? 0o660);
  const address = server.address();
  const close = () =>
    new Promise<void>((resolve) => {
      if (!server.listening) return resolve();
      server.close(() => {});
      for (const peer of [...handshakes, ...unnamed]) peer.destroy();
      resolve(); // the listening socket is closed at once; open connections are their owners'
      return undefined;
    });
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The server's half of a handshake under an accepted connection, by STARTTLS or at once. */
export function startServerTls(peer: SocketPeer, tls: ServerTls): Promise<SocketPeer> {
  return peer.startTls((socket) => {
    socket.pause(); // what it holds already is for TLS to take
    return new TLSSocket(socket, tls.socketOptions());
  });
}

/** Where there are proxies: theirs are the connections of those whom they name. */
async function acceptBy(
  proxy: ProxyRules,
  socket: Socket,
  { options, handshakes, unnamed }: Arriving,
): Promise<void> {
  // A health check that has hung up already; HAProxy's do, each second.
  if (socket.remoteAddress === undefined && options.path === undefined)
    return void socket.destroy();
  const { address } = endsOf(socket).remote;
  if (!proxy.isProxy(address) && proxy.others !== 'refuse')
    return accept(socket, options, handshakes);
  let ends: ProxiedEndpoints | undefined;
  try {
    if (!proxy.isProxy(address)) throw new Error('not one of the proxies');
    ends = await headerOf(socket, proxy, unnamed);
  } catch (error) {
    socket.destroy();
    const { message } = error as Error;
    if (error instanceof SilentProxy) options.log?.debug('silent proxy', { address });
    else if (proxy.onRefused !== undefined) proxy.onRefused(address, message);
    else options.log?.warn('PROXY header refused', { address, error: message });
    return;
  }
  // Its own, a look whether we are here, ends before TLS: nobody was refused. HAProxy's do.
  const told = ends === undefined ? { ...options, onHandshakeFailure: undefined } : options;
  accept(socket, told, handshakes, ends);
}

interface Arriving {
  readonly options: ListenOptions;
  readonly handshakes: Set<Socket>;
  /** Proxies have not said yet whose they are. */
  readonly unnamed: Set<Socket>;
}

async function headerOf(
  socket: Socket,
  { timeoutMs, unnamedMax = unnamedMaxDefault }: ProxyRules,
  unnamed: Set<Socket>,
): Promise<ProxiedEndpoints | undefined> {
  socket.on('error', () => {}); // it is closed then, which is what counts
  if (unnamed.size >= unnamedMax) throw new Error('too many connections without one');
  unnamed.add(socket);
  try {
    return await receiveProxyHeader(socket, timeoutMs);
  } finally {
    unnamed.delete(socket);
  }
}

function accept(
  socket: Socket,
  options: ListenOptions,
  handshakes: Set<Socket>,
  ends?: ProxiedEndpoints,
): void {
  if (options.implicitTls) secure(socket, options, handshakes, ends);
  else {
    if (socket.isPaused()) socket.resume(); // behind a PROXY header; nothing flows before the next turn
    handOver(socket, options, ends);
  }
}

function handOver(
  socket: Socket,
  { onConnection, onSocket }: ListenOptions,
  ends: ProxiedEndpoints | undefined,
): void {
  if (onSocket !== undefined) onSocket({ socket, ends });
  else onConnection?.(new SocketPeer(socket, ends));
}

/** TLS from the first byte. */
function secure(
  socket: Socket,
  options: ListenOptions,
  handshakes: Set<Socket>,
  ends = endsOf(socket),
): void {
  const { tls, admitHandshake = always, log } = options;
  const { address } = ends.remote;
  const release = admitHandshake(address);
  // Nothing can be said to those who are turned away, and nothing in the clear where TLS comes first.
  if (release === undefined || tls === undefined) {
    release?.();
    socket.destroy();
    return;
  }
  handshakes.add(socket);
  socket.on('error', () => {}); // the handshake has it
  socket.pause(); // what it holds already is for TLS to take
  const secured = new TLSSocket(socket, tls.socketOptions());
  handshake({ socket, secured }, handshakeMs, () => {
    over();
    if (isAuthority(secured)) secured.end(() => secured.destroy());
    else handOver(secured, options, ends);
  }).catch((error: Error) => {
    over();
    log?.debug('TLS handshake failed', { client: address, error: error.message });
    options.onHandshakeFailure?.(address, error);
  });
  function over(): void {
    handshakes.delete(socket);
    release?.();
  }
}

const always = (): (() => void) => () => {};

function bind(
  server: Server,
  {
    host,
    port,
    path,
    reusePort = false,
  }: Pick<ListenOptions, 'host' | 'port' | 'path' | 'reusePort'>,
): Promise<void> {
  const where = path ?? `${host ?? '::'} port ${port}`;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      // A kernel without IPv6: '::' means "everything", so IPv4 alone will do.
      if ((error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL') && host === '::')
        bind(server, { host: '0.0.0.0', port, reusePort }).then(resolve, reject);
      else {
        const mayPass = error.code === 'EADDRINUSE' || error.code === 'EADDRNOTAVAIL';
        const text = path === undefined ? explain(error, where) : explainPath(error, where);
        reject(new ListenError(text, { cause: error, mayPass }));
      }
    });
    const listening = () => {
      server.removeAllListeners('error');
      server.on('error', () => {}); // accept() failing (EMFILE) passes; the backlog waits
      resolve();
    };
    if (path !== undefined) server.listen({ path, backlog }, listening);
    else server.listen({ host: host ?? '::', port: port ?? 0, backlog, reusePort }, listening);
  });
}

function explain(error: NodeJS.ErrnoException, where: string): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `cannot listen on ${where}: it is in use; stop the other program or choose another port`;
    case 'ENOTSUP':
      return `cannot listen on ${where}: this system has no SO_REUSEPORT for it; leave \`reusePort\` out`;
    case 'EACCES':
      return `cannot listen on ${where}: not permitted; start as root with the \`user\` setting, or use a port above 1023`;
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${where}: this machine has no such address`;
    default:
      return `cannot listen on ${where}: ${error.message}`;
  }
}

function explainPath({ code, message }: NodeJS.ErrnoException, path: string): string {
  if (code !== 'EACCES') return `cannot listen on ${path}: ${message}`;
  // The runtime says EACCES of a folder that is not there, too.
  return existsSync(dirname(path))
    ? `cannot listen on ${path}: its folder must belong to, or be writable by, whom the server runs as`
    : `cannot listen on ${path}: its folder does not exist; make it, for whom the server runs as`;
}

async function removeStaleSocket(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket())
    throw new ListenError(`cannot listen on ${path}: there is a file of that name`);
  const inUse = await new Promise<boolean>((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    // Anything but a refusal (no permission, a full backlog) is a sign of life.
    probe.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    );
  });
  if (inUse)
    throw new ListenError(`cannot listen on ${path}: another server listens there`, {
      mayPass: true,
    });
  await rm(path, { force: true });
}
