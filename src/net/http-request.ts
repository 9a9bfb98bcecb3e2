// One HTTP request to somebody else's server: a policy, a certificate authority, a filter, where reports go.
// Everything about it is bounded: the time from the first question to the DNS to the last octet, the
// header, the body. No redirect is followed, nothing is unpacked, no cookie kept; TLS is checked as browsers do.
// What comes back is an answer, whatever its status, or an HttpError that says where it failed. RFC 9110, RFC 9112.

import { lookup as systemLookup } from 'node:dns/promises';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { isIP } from 'node:net';
import type { ConnectionOptions, PeerCertificate } from 'node:tls';
import { checkServerIdentity } from 'node:tls';
import type { Resolver } from '../dns/resolver.ts';
import { reasonOf } from './dialer.ts';

export interface HttpRequest {
  /** `http:` or `https:`. Name and password in it are not used. */
  readonly url: string | URL;
  /** Default: GET. */
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | BodyInPieces | undefined;
  /** For all of it, the look-up of the name included. */
  readonly timeoutMs: number;
  /** Of the body that comes back. */
  readonly bytesMax: number;
  /** Nobody wants the body: what is given is empty, and the connection ends with the header. */
  readonly bodyUnread?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default: the system's. */
  readonly resolver?: Resolver | undefined;
  /**
   * Which addresses may be called, whoever names them: the URL itself, or the DNS at the moment of the
   * connection. Default: all. Not asked about `connectTo`.
   */
  readonly allows?: ((address: string) => boolean) | undefined;
  /** Where to connect instead of the URL's host and port: names and certificates stay the URL's. */
  readonly connectTo?:
    | { readonly path: string }
    | { readonly host: string; readonly port: number }
    | undefined;
  /** PEM texts of authorities `ca` instead of the runtime's; a name for SNI and the certificate. */
  readonly tls?: Pick<ConnectionOptions, 'ca' | 'servername' | 'checkServerIdentity'> | undefined;
}

/** What is read as fast as the other side takes it. */
export interface BodyInPieces {
  /** Octets of all of it. */
  readonly size: number;
  read(): AsyncIterable<Uint8Array>;
}

export interface HttpResponse {
  readonly status: number;
  /** By name in lower case; what came several times is joined by commas. RFC 9110 §5.3. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

export type HttpFailure =
  /** No address: the name does not exist, or the DNS has no answer now. */
  | 'dns'
  /** `allows` says no to every address. */
  | 'not-allowed'
  | 'connect'
  /** No handshake, or a certificate that is not good. */
  | 'tls'
  | 'timeout'
  | 'too-large'
  /** What came is no HTTP, or broke off. */
  | 'protocol'
  /** The caller's signal. */
  | 'aborted';

/** There is no answer; the message says why, in words for people. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly kind: HttpFailure;

  constructor(kind: HttpFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

// An import of node:http makes whatever that exports, a WebSocket client with 3 MiB behind it, too.
const { request: plainRequest, STATUS_CODES } = process.getBuiltinModule('node:http');

/** `Not Found`; '' for a status that has none. RFC 9110 §15. */
export const statusWords = (status: number): string => STATUS_CODES[status] ?? '';

/** Limit: of a header that comes back. */
const headerBytesMax = 16 * 2 ** 10;

/** @throws HttpError */
export async function httpRequest(options: HttpRequest): Promise<HttpResponse> {
  const { signal, body } = options;
  const url = urlOf(options.url);
  if (signal?.aborted === true) throw aborted();
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
  const request = open(url, options);
  let stage: 'connect' | 'tls' | 'protocol' = 'connect';
  request.on('socket', (socket: Socket) => {
    socket.once('connect', () => {
      stage = url.protocol === 'https:' ? 'tls' : 'protocol';
    });
    socket.once('secureConnect', () => {
      stage = 'protocol';
    });
  });
  request.on('error', (error) => reject(failureOf(error, stage)));
  // It was closed, or became something that is no HTTP; a response tells of its end itself.
  const unanswered = () =>
    reject(new HttpError('protocol', 'the connection ended without an answer'));
  request.on('close', unanswered);
  request.on('response', (response) => {
    request.off('close', unanswered);
    // At once: what follows may not be HTTP, and does not matter.
    if (options.bodyUnread === true) resolve({ ...headOf(response), body: Buffer.alloc(0) });
    else receive(response, options).then(resolve, reject);
  });
  const stop = () => reject(aborted());
  signal?.addEventListener('abort', stop);
  const timer = setTimeout(() => reject(silence(options.timeoutMs)), options.timeoutMs);
  send(request, body).catch((error: Error) => reject(unreadable(error)));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    request.destroy();
  }
}

/** Fails where the body cannot be read; what becomes of the connection is told elsewhere. */
async function send(request: ClientRequest, body: HttpRequest['body']): Promise<void> {
  if (!isInPieces(body)) {
    request.end(body);
    return;
  }
  for await (const piece of body.read()) {
    if (request.destroyed) return;
    if (!request.write(piece)) await roomIn(request);
  }
  request.end();
}

const isInPieces = (body: HttpRequest['body']): body is BodyInPieces =>
  typeof body === 'object' && 'read' in body;

/** Also when the connection is over. */
const roomIn = (request: ClientRequest): Promise<void> =>
  new Promise((resolve) => {
    const over = () => {
      request.off('drain', over).off('close', over);
      resolve();
    };
    request.on('drain', over).on('close', over);
  });

function urlOf(given: string | URL): URL {
  const url = URL.parse(String(given));
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw new HttpError('protocol', 'that is no address of the web');
}

function open(url: URL, options: HttpRequest): ClientRequest {
  const { method = 'GET', headers, body, connectTo, tls } = options;
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  // Nobody looks up what is an address already.
  if (isIP(host) !== 0) allowedOf([host], options, host);
  const length = lengthOf(body);
  const common = {
    agent: false, // a connection of its own, closed afterwards
    method,
    path: `${url.pathname}${url.search}`,
    headers: {
      'accept-encoding': 'identity',
      'user-agent': 'postrider',
      ...headers,
      ...(length === undefined ? {} : { 'content-length': length }),
      host: url.host,
    },
    maxHeaderSize: headerBytesMax,
    lookup: lookupOf(options),
    ...placeOf(connectTo, { host, port: url.port === '' ? (secure ? 443 : 80) : Number(url.port) }),
  };
  if (!secure) return plainRequest(common);
  return secureRequest({
    ...common,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    checkServerIdentity: nameProblem,
    ...tls,
    rejectUnauthorized: true, // whatever the environment says
    minVersion: 'TLSv1.2', // RFC 9325 §3.1.1
  });
}

const lengthOf = (body: HttpRequest['body']): number | undefined =>
  body === undefined ? undefined : isInPieces(body) ? body.size : Buffer.byteLength(body);

// RFC 9110 §4.3.4: a common name is no name to be known by; the runtime still looks at it.
function nameProblem(name: string, certificate: PeerCertificate): Error | undefined {
  const names = certificate.subjectaltname ?? '';
  if (isIP(name) === 0 && !/(?:^|, )DNS:/.test(names))
    return new Error(`the certificate names no host, and not ${name}`);
  return checkServerIdentity(name, certificate);
}

const placeOf = (
  connectTo: HttpRequest['connectTo'],
  usual: { readonly host: string; readonly port: number },
) =>
  connectTo !== undefined && 'path' in connectTo
    ? { socketPath: connectTo.path }
    : (connectTo ?? usual);

async function receive(
  response: IncomingMessage,
  { bytesMax }: Pick<HttpRequest, 'bytesMax'>,
): Promise<HttpResponse> {
  const tooLarge = () => new HttpError('too-large', `the answer is larger than ${bytesMax} octets`);
  const { status, headers } = headOf(response);
  if (Number(headers.get('content-length') ?? 0) > bytesMax) throw tooLarge();
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of response as AsyncIterable<Uint8Array>) {
      size += piece.length;
      if (size > bytesMax) throw tooLarge();
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError('protocol', `the answer broke off: ${reasonOf(error)}`, { cause: error });
  }
  return { status, headers, body: Buffer.concat(pieces) };
}

function headOf({ statusCode, rawHeaders }: IncomingMessage): Omit<HttpResponse, 'body'> {
  const headers = new Map<string, string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    const before = headers.get(name);
    const value = rawHeaders[at + 1]!;
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { status: statusCode ?? 0, headers };
}

function failureOf(error: Error, stage: 'connect' | 'tls' | 'protocol'): HttpError {
  if (error instanceof HttpError) return error;
  const [first = error] = (error as { readonly errors?: readonly Error[] }).errors ?? [];
  const { code } = first as NodeJS.ErrnoException;
  const kind = code === 'ENOTFOUND' || code === 'EAI_AGAIN' ? 'dns' : stage;
  const { reason } = first as { reason?: unknown };
  const words = typeof reason === 'string' ? reason : reasonOf(first);
  const line = words.split('\n', 1)[0]!;
  switch (kind) {
    case 'tls':
      return new HttpError(kind, `TLS failed: ${line}`, { cause: first });
    case 'protocol':
      return new HttpError(kind, `no HTTP, or broken off: ${line}`, { cause: first });
    default:
      return new HttpError(kind, line, { cause: first });
  }
}

const silence = (timeoutMs: number) =>
  new HttpError('timeout', `no whole answer within ${Math.ceil(timeoutMs / 1000)} seconds`);
const unreadable = (cause: Error) =>
  new HttpError('protocol', `what is to be sent cannot be read: ${reasonOf(cause)}`, { cause });
const aborted = () => new HttpError('aborted', 'given up');

type Lookup = Pick<HttpRequest, 'resolver' | 'allows'>;

/** Both families; the runtime races them. RFC 8305. */
const lookupOf =
  (options: Lookup): LookupFunction =>
  (name, { all }, callback) => {
    addressesOf(name, options).then(
      (addresses) => {
        const found = addresses.map((address) => ({ address, family: isIP(address) }));
        if (all === true) callback(null, found);
        else callback(null, found[0]!.address, found[0]!.family);
      },
      (error: Error) => callback(error, []),
    );
  };

async function addressesOf(name: string, options: Lookup): Promise<readonly string[]> {
  const { resolver } = options;
  const found =
    resolver === undefined
      ? (await systemLookup(name, { all: true })).map(({ address }) => address)
      : await resolved(name, resolver);
  return allowedOf(found, options, name);
}

/** @throws HttpError where none is left. */
function allowedOf(
  addresses: readonly string[],
  { allows }: Lookup,
  host: string,
): readonly string[] {
  const allowed = allows === undefined ? addresses : addresses.filter(allows);
  if (allowed.length > 0) return allowed;
  const what = addresses[0] === host ? host : `${host} (${addresses.join(', ')})`;
  throw new HttpError('not-allowed', `${what} is no address that may be called`);
}

/** @throws HttpError. One family is enough, also where the other has no answer. */
async function resolved(name: string, resolver: Resolver): Promise<readonly string[]> {
  const answers = await Promise.allSettled([
    resolver.resolve(name, 'AAAA'),
    resolver.resolve(name, 'A'),
  ]);
  const found = answers.flatMap((answer) =>
    answer.status === 'fulfilled' && answer.value.kind === 'records' ? answer.value.records : [],
  );
  if (found.length > 0) return found;
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (failed === undefined) throw new HttpError('dns', `${name} has no address`);
  const { reason: cause } = failed;
  throw new HttpError('dns', `the DNS gave no answer: ${reasonOf(cause)}`, { cause });
}
