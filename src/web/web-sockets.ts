// Connections that become WebSockets (RFC 6455): the request is answered as any other, by the same app and the same rules of
// who may ask; only where that takes it does the connection change. What clients send is read and thrown away.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { stackOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';

interface Asked {
  readonly incoming: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Limit: octets of what a client sends. */
const receivedMax = 4 * 2 ** 10;

/** One that is open. Our declarations name no types of the library: whoever embeds us need not have them. */
export interface OpenWebSocket {
  /** Octets that wait to be sent. */
  readonly bufferedAmount: number;
  send(text: string): void;
  ping(): void;
  /** Ends it without a word. */
  terminate(): void;
  on(event: 'pong', listener: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** What is told of who asks, beside what is known of them already. */
export interface Upgrading {
  /** Whoever answers takes the connection by this, and what is returned is not sent. */
  readonly upgrade?: ((taken: (socket: OpenWebSocket) => void) => void) | undefined;
}

/** Whatever else is asked for besides is ignored (RFC 9110 §7.8): Java's client offers `h2c` with each first request. */
export const asksForWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';

export class WebSockets<Client extends { readonly secure: boolean }> {
  readonly #fetch: (request: Request, client: Client & Upgrading) => Response | Promise<Response>;
  readonly #log: Log;
  #closing = false;
  readonly #server = new WebSocketServer({
    ...{ noServer: true, maxPayload: receivedMax, perMessageDeflate: false },
  });

  constructor(
    fetch: (request: Request, client: Client & Upgrading) => Response | Promise<Response>,
    log: Log,
  ) {
    this.#fetch = fetch;
    this.#log = log;
  }

  take(asked: Asked, client: Client): void {
    const { socket } = asked;
    socket.on('error', () => {});
    this.#answer(asked, client).catch((error: unknown) => {
      this.#log.error('request failed', { service: 'http', error: stackOf(error) });
      socket.destroy();
    });
  }

  /** They are told that we go away; those that are asked for are not begun any more. */
  close(): void {
    this.#closing = true;
    for (const socket of this.#server.clients) socket.close(1001);
  }

  async #answer({ incoming, socket, head }: Asked, client: Client): Promise<void> {
    let taken: ((socket: OpenWebSocket) => void) | undefined;
    const request = requestOf(incoming, client);
    const response =
      request === undefined
        ? new Response(null, { status: 400 })
        : await this.#fetch(request, {
            ...client,
            upgrade: (then) => {
              taken = then;
            },
          });
    if (taken === undefined) return refuse(socket, response);
    await response.body?.cancel();
    if (this.#closing) return refuse(socket, goingAway());
    this.#server.handleUpgrade(incoming, socket, head, (opened) => {
      // Whatever goes wrong on it ends it.
      opened.on('error', () => opened.terminate());
      taken?.(opened);
    });
  }
}

function requestOf(
  incoming: IncomingMessage,
  { secure }: { readonly secure: boolean },
): Request | undefined {
  const { host = '' } = incoming.headers;
  const url = `${secure ? 'https' : 'http'}://${host}${incoming.url ?? '/'}`;
  if (!URL.canParse(url)) return undefined;
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers))
    headers.set(name, [value].flat().join(', '));
  return new Request(url, { headers });
}

async function refuse(socket: Duplex, response: Response): Promise<void> {
  const answer = response.status < 400 ? noWebSocket() : response;
  if (answer !== response) await response.body?.cancel(); // it may have no end
  const body = Buffer.from(await answer.arrayBuffer());
  const headers = new Headers(answer.headers);
  headers.set('connection', 'close');
  headers.set('content-length', String(body.length));
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${answer.status} \r\n${lines.join('')}\r\n`;
  socket.end(Buffer.concat([Buffer.from(head), body]));
}

/** RFC 9110 §15.6.4: there is a server again before long. */
const goingAway = (): Response => new Response('this server goes away\n', { status: 503 });

/** RFC 9110 §15.5.22: there is no other way to ask it. */
const noWebSocket = (): Response => new Response('this is no WebSocket\n', { status: 426 });
