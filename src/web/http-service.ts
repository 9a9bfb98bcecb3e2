// Connections that speak HTTP/1.1, behind a listener of ours: node:http on sockets that were accepted, and
// had their TLS handshake, elsewhere. Counts them, bounds what a client may take (time for a header, for each
// piece of a body, between requests, for reading an answer) and ends them when the server stops.
// RFC 9110, RFC 9112.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { stackOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import type { AcceptedSocket } from '../net/listener.ts';
import type { OpenConnection, OpenConnectionsParts } from '../net/open-connections.ts';
import { OpenConnections } from '../net/open-connections.ts';
import type { Service } from '../net/service.ts';
import { endsOf } from '../net/socket-peer.ts';
import { endSlowBody } from './slow-body.ts';
import { asksForWebSocket, type Upgrading, WebSockets } from './web-sockets.ts';

/** Who asks, as handlers see it in `c.env`. */
export interface WebClient extends Upgrading {
  /** '' on a Unix socket. */
  readonly address: string;
  readonly secure: boolean;
  /** Its answer takes up to `ms`, and nothing moves until then. */
  readonly waits?: ((ms: number) => void) | undefined;
  /** Calls when its answer has been sent, or nobody is there for it any more. */
  readonly over?: ((then: () => void) => void) | undefined;
}

export interface HttpServiceParts extends OpenConnectionsParts {
  /** Answers; what it throws is a 500. */
  readonly fetch: (request: Request, client: WebClient) => Response | Promise<Response>;
  readonly limits?: Partial<HttpLimits> | undefined;
  readonly log: Log;
}

export interface HttpLimits {
  readonly headerBytes: number;
  /** From the first octet of a request to the last of its header. */
  readonly headersMs: number;
  /** For each `bodyBytes` of its body, and for what is left of it. */
  readonly requestMs: number;
  readonly bodyBytes: number;
  /** Between an answer and the next request. */
  readonly idleMs: number;
  /** While an answer is not read, or nothing at all moves. */
  readonly silentMs: number;
  readonly requestsPerConnection: number;
  /** How often clients are looked at for these. */
  readonly checkMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  headerBytes: 16 * 2 ** 10,
  headersMs: 10_000,
  requestMs: 30_000,
  bodyBytes: 16 * 2 ** 10,
  idleMs: 15_000,
  silentMs: 60_000,
  requestsPerConnection: 1000,
  checkMs: 1000,
};

type Socket = AcceptedSocket['socket'];

const unavailable =
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** node:http sets its time anew with the next request. */
class HttpConnection implements OpenConnection, WebClient {
  readonly address: string;
  readonly secure: boolean;
  readonly #socket: Socket;

  constructor(socket: Socket, address: string) {
    this.#socket = socket;
    this.address = address;
    this.secure = 'encrypted' in socket;
  }

  readonly waits = (ms: number): void => void this.#socket.setTimeout(ms);

  facts() {
    const { bytesRead: bytesIn, bytesWritten: bytesOut } = this.#socket;
    return { secure: this.secure, bytesIn, bytesOut };
  }

  /** What waits for a request is ended by node:http, what is answered when that is done. */
  shutdown(): void {}

  destroy(): void {
    this.#socket.destroy();
  }
}

export function createHttpService({ fetch, limits, log, ...parts }: HttpServiceParts): Service {
  const open = new OpenConnections(parts);
  const clients = new WeakMap<Socket, HttpConnection>();
  const listener = getRequestListener(
    (request, { incoming, outgoing }) => {
      const client = clients.get(incoming.socket as Socket) ?? nobody;
      return fetch(request, { ...client, over: (then) => onceOver(outgoing, then) });
    },
    { overrideGlobalObjects: false },
  );
  const inForce = { ...defaultHttpLimits, ...limits };
  const server = serverOf(inForce, (incoming, outgoing) => {
    endSlowBody(incoming, outgoing, inForce);
    if (open.stopping) outgoing.setHeader('connection', 'close');
    else outgoing.once('close', () => open.stopping && incoming.socket.end());
    // RFC 9112 §3.2: node:http takes the first of several, a proxy in front of it perhaps another.
    const hosts = hostsIn(incoming.rawHeaders);
    // Field: HAProxy's health checks are HTTP/1.0, which knows no Host.
    if (hosts === 0 && incoming.httpVersion === '1.0') incoming.headers.host = 'localhost';
    else if (hosts !== 1) {
      outgoing.writeHead(400, { connection: 'close' }).end();
      return;
    }
    listener(incoming, outgoing).catch((error: unknown) => {
      log.error('request failed', { service: 'http', error: stackOf(error) });
      outgoing.destroy();
    });
  });
  const sockets = new WebSockets<WebClient>((request, client) => fetch(request, client), log);
  server.on('upgrade', (incoming, socket, head) => {
    if (open.stopping || hostsIn(incoming.rawHeaders) !== 1) socket.destroy();
    else sockets.take({ incoming, socket, head }, clients.get(socket as Socket) ?? nobody);
  });
  return {
    accept: (peer) => peer.destroy(),
    acceptSocket({ socket, ends }) {
      const { address } = (ends ?? endsOf(socket)).remote;
      if (open.admit(address) !== undefined) return turnAway(socket);
      const known = open.begin(address, () => new HttpConnection(socket, address));
      clients.set(socket, known.connection);
      socket.once('close', () => open.end(known));
      server.emit('connection', socket);
    },
    shutdown() {
      const over = open.shutdown();
      server.close(() => {}); // those that wait for a request end; it never listened itself
      sockets.close();
      return over;
    },
    destroy: () => open.destroy(),
    sessions: () => open.sessions(),
    endSession: (id) => open.endSession(id),
  };
}

const hostsIn = (rawHeaders: readonly string[]): number =>
  rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length;

interface Outgoing {
  readonly closed: boolean;
  readonly destroyed: boolean;
  once(event: 'close', then: () => void): unknown;
}

function onceOver(outgoing: Outgoing, then: () => void): void {
  if (outgoing.closed || outgoing.destroyed) then();
  else outgoing.once('close', then);
}

const nobody: WebClient = { address: 'unknown', secure: false };

function serverOf(
  limits: HttpLimits,
  listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
) {
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      // A body may take long: endSlowBody().
      requestTimeout: 0,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: limits.checkMs,
      shouldUpgradeCallback: asksForWebSocket,
    },
    listener,
  );
  server.maxRequestsPerSocket = limits.requestsPerConnection;
  server.timeout = limits.silentMs;
  // Field: Node looks after slow clients only from here on, and this server never listens itself.
  server.emit('listening');
  return server;
}

function turnAway(socket: Socket): void {
  socket.on('error', () => {});
  socket.end(unavailable, () => socket.destroy());
}
