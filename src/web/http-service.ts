// Connections that speak HTTP/1.1, behind a listener of ours: node:http on sockets that were accepted, and
// had their TLS handshake, elsewhere. Counts them, bounds what a client may take (time for a header, for a
// request, between requests, for reading an answer) and ends them when the server stops.
// RFC 9110, RFC 9112.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Log } from '../base/log.ts';
import type { AcceptedSocket } from '../net/listener.ts';
import type { Service } from '../net/service.ts';
import { endsOf } from '../net/socket-peer.ts';

/** Who asks, as handlers see it in `c.env`. */
export interface WebClient {
  /** '' on a Unix socket. */
  readonly address: string;
  readonly secure: boolean;
  /** Its answer takes up to `ms`, and nothing moves until then. */
  readonly waits?: ((ms: number) => void) | undefined;
}

export interface HttpServiceParts {
  /** Answers; what it throws is a 500. */
  readonly fetch: (request: Request, client: WebClient) => Response | Promise<Response>;
  readonly connections: {
    /** Counts the connection in, or says why not. */
    admit(address: string): object | undefined;
    release(address: string): void;
  };
  readonly limits?: Partial<HttpLimits> | undefined;
  readonly log: Log;
}

export interface HttpLimits {
  readonly headerBytes: number;
  /** From the first octet of a request to the last of its header. */
  readonly headersMs: number;
  /** To the last of its body. */
  readonly requestMs: number;
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
  idleMs: 15_000,
  silentMs: 60_000,
  requestsPerConnection: 1000,
  checkMs: 1000,
};

type Socket = AcceptedSocket['socket'];

const unavailable =
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

export function createHttpService({ fetch, connections, limits, log }: HttpServiceParts): Service {
  const clients = new Map<Socket, WebClient & { readonly id: string; readonly since: number }>();
  let connected = 0;
  const emptied = Promise.withResolvers<void>();
  let stopping = false;
  const listener = getRequestListener(
    (request, { incoming }) => fetch(request, clients.get(incoming.socket as Socket) ?? nobody),
    { overrideGlobalObjects: false },
  );
  const server = serverOf({ ...defaultHttpLimits, ...limits }, (incoming, outgoing) => {
    if (stopping) outgoing.setHeader('connection', 'close');
    else outgoing.once('close', () => stopping && incoming.socket.end());
    // RFC 9112 §3.2: node:http takes the first of several, a proxy in front of it perhaps another.
    const hosts = hostsIn(incoming.rawHeaders);
    // Field: HAProxy's health checks are HTTP/1.0, which knows no Host.
    if (hosts === 0 && incoming.httpVersion === '1.0') incoming.headers.host = 'localhost';
    else if (hosts !== 1) {
      outgoing.writeHead(400, { connection: 'close' }).end();
      return;
    }
    listener(incoming, outgoing).catch((error: Error) => {
      log.error('request failed', { service: 'http', error: error.stack ?? error.message });
      outgoing.destroy();
    });
  });
  const gone = (socket: Socket, { address }: WebClient) => {
    clients.delete(socket);
    connections.release(address);
    if (stopping && clients.size === 0) emptied.resolve();
  };
  return {
    accept: (peer) => peer.destroy(),
    acceptSocket({ socket, ends }) {
      const { address } = (ends ?? endsOf(socket)).remote;
      if (stopping || connections.admit(address) !== undefined) return turnAway(socket);
      connected += 1;
      const id = `http-${connected.toString(36)}`;
      const client = {
        ...{ address, secure: 'encrypted' in socket, id, since: Date.now() },
        // node:http sets it anew with the next request.
        waits: (ms: number) => void socket.setTimeout(ms),
      };
      clients.set(socket, client);
      socket.once('close', () => gone(socket, client));
      server.emit('connection', socket);
    },
    async shutdown() {
      stopping = true;
      server.close(() => {}); // those that wait for a request end; it never listened itself
      server.closeIdleConnections();
      if (clients.size > 0) await emptied.promise;
    },
    destroy() {
      for (const socket of clients.keys()) socket.destroy();
    },
    sessions: () =>
      [...clients].map(([{ bytesRead: bytesIn, bytesWritten: bytesOut }, client]) => {
        const { address, waits: _, ...facts } = client;
        return { ...facts, client: address, bytesIn, bytesOut };
      }),
    endSession(id) {
      for (const [socket, client] of clients)
        if (client.id === id) {
          socket.destroy();
          return true;
        }
      return false;
    },
  };
}

const hostsIn = (rawHeaders: readonly string[]): number =>
  rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length;

const nobody: WebClient = { address: 'unknown', secure: false };

function serverOf(
  limits: HttpLimits,
  listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
) {
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: limits.checkMs,
      requireHostHeader: true,
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
