// Exchange ActiveSync over HTTP: [MS-ASHTTP]. Who asks says so by a password each time (RFC 7617); the rest is
// access/activesync.

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { HTTPException } from 'hono/http-exception';
import type { Answer, Call } from '../access/activesync/context.ts';
import { readRequestLine } from '../activesync/request-line.ts';
import { commandNames, versions } from '../activesync/versions.ts';
import { decodeWbxml } from '../activesync/wbxml/decoder.ts';
import { encodeWbxml } from '../activesync/wbxml/encoder.ts';
import { unreachable } from '../base/assert.ts';
import { freeMemory } from '../base/free-memory.ts';
import type { LoginResult } from '../policy/accounts/login.ts';
import type { WebContext } from './asking.ts';
import { isOthersPage } from './asking.ts';
import type { LargeRequests } from './large-requests.ts';
import { readBody } from './request-body.ts';
import type { WebApp } from './web-app.ts';

export interface ActiveSyncPathParts {
  readonly enabled: () => boolean;
  /** The URL of another server that phones are to ask; undefined: this one. */
  readonly redirect: () => string | undefined;
  readonly login: (given: Credentials, client: string) => Promise<LoginResult>;
  readonly answer: (call: Call) => Promise<Answer>;
  /** Told of what is answered with a status that says no. */
  readonly refused: (refusal: RefusedCall) => void;
  /** Octets of a message; a request may have as many in base64, and some more. */
  readonly messageSize: () => number;
  readonly large: LargeRequests;
}

export interface RefusedCall {
  readonly account: string;
  /** Its address. */
  readonly client: string;
  readonly agent: string;
  /** The status, and why. */
  readonly reason: string;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Field: some devices ask in lower case. */
export const activeSyncPaths = ['/Microsoft-Server-ActiveSync', '/microsoft-server-activesync'];

/** Of the server whose URL is given, where phones ask. */
export function placeOf(server: string | undefined): URL | undefined {
  if (server === undefined) return undefined;
  const url = new URL(server);
  return url.pathname === '/' ? new URL(activeSyncPaths[0]!, url) : url;
}

/** Who is called by that name is the one. Behind a proxy it is asked without TLS, which has another usual port. */
const isCalled = ({ protocol, host }: URL, asked: string): boolean =>
  new URL(`${protocol}//${new URL(asked).host}`).host === host;

const documentType = 'application/vnd.ms-sync.wbxml';
/** [MS-ASCMD] 2.2.1.10.1 */
const partsType = 'application/vnd.ms-sync.multipart';
/** Limit: octets of a request beside the message in it. */
const besideMessage = 2 ** 20;
/** A little longer than the longest wait. */
const waitMs = 61 * 60_000;
/** Below it compression takes longer than it saves. */
const compressedBytesMin = 2 ** 10;

/** [MS-ASHTTP] 3.1.5.2.2: said to every device of version 12.1 once. */
const toProvision = 449;

const compress = promisify(gzip);

export function activeSyncPath(parts: ActiveSyncPathParts) {
  return (app: WebApp): void => {
    for (const path of activeSyncPaths)
      app.on(['OPTIONS', 'POST', 'GET'], path, (c) =>
        parts.enabled() ? new Exchange(parts, c).answer() : c.notFound(),
      );
  };
}

class Exchange {
  readonly #parts: ActiveSyncPathParts;
  readonly #c: WebContext;

  constructor(parts: ActiveSyncPathParts, c: WebContext) {
    this.#parts = parts;
    this.#c = c;
  }

  async answer(): Promise<Response> {
    const c = this.#c;
    const account = await this.#account();
    if (account instanceof Response) return account;
    const elsewhere = placeOf(this.#parts.redirect());
    // [MS-ASHTTP] 3.1.5.2.2
    if (elsewhere !== undefined && !isCalled(elsewhere, c.req.url)) {
      this.#note(account, `451 it is led to ${elsewhere.href}`);
      return c.body(null, 451, { 'x-ms-location': elsewhere.href });
    }
    c.header('ms-server-activesync', versions.at(-1)!);
    if (c.req.method === 'GET') {
      c.header('allow', 'OPTIONS, POST');
      return this.#refuse(account, 405, 'ask with POST');
    }
    // [MS-ASHTTP] 2.2.4.1.2
    if (c.req.method === 'OPTIONS')
      return c.body(null, 200, {
        'ms-asprotocolversions': versions.join(','),
        'ms-asprotocolcommands': commandNames.join(','),
        public: 'OPTIONS,POST',
        allow: 'OPTIONS,POST',
      });
    return this.#command(account);
  }

  /** RFC 7617 §2. Field: Windows and iOS put a domain in front, `DOMAIN\user`. */
  async #account(): Promise<string | Response> {
    const c = this.#c;
    const ask = () =>
      c.text('who are you?\n', 401, { 'www-authenticate': 'Basic realm="mail", charset="UTF-8"' });
    const given = credentialsIn(c.req.header('authorization'));
    if (given === undefined) return ask();
    if (isOthersPage(c.req.raw)) return c.text('this is not for pages of others\n', 403);
    const result = await this.#parts.login(given, c.env.address);
    if (result.kind === 'logged-in') return result.account;
    if (result.kind === 'refused' && result.reason === 'credentials') return ask();
    return c.text('not now\n', 503, { 'retry-after': '300' });
  }

  async #command(account: string): Promise<Response> {
    const c = this.#c;
    if (c.req.header('content-encoding') !== undefined)
      return this.#refuse(account, 415, 'requests are not compressed');
    const { url } = c.req;
    const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
    const read = readRequestLine(query, (name) => c.req.header(name));
    if (read.kind === 'refused') return this.#refuse(account, read.status, read.why);
    const { request: line } = read;
    const bytesMax = Math.ceil((this.#parts.messageSize() * 4) / 3) + besideMessage;
    const haveRead = await this.#parts.large.body(c.env, account, c.req.raw, bytesMax);
    const body = await readBody(c.req.raw, bytesMax).catch((error: unknown) => {
      if (error instanceof HTTPException)
        this.#note(
          account,
          error.status === 413
            ? `413 the request is larger than ${bytesMax} octets`
            : `${error.status} the request broke off`,
        );
      throw error;
    });
    haveRead(body.length);
    const isDocument = body.length > 0 && !/^message\//i.test(c.req.header('content-type') ?? '');
    const decoded = isDocument ? decodeWbxml(body) : undefined;
    if (decoded?.kind === 'malformed') return this.#refuse(account, 400, decoded.why);
    c.env.waits?.(waitMs);
    const answer = await this.#parts.answer({
      ...{ account, line, body, client: c.env.address, document: decoded?.root },
      agent: this.#agent(),
      left: c.req.raw.signal,
      room: this.#parts.large.answerOf(c.env, account),
    });
    if (answer.kind === 'refused' && answer.status !== toProvision)
      this.#note(account, `${answer.status} to ${line.command} of ${line.deviceId}`);
    return this.#response(answer);
  }

  #refuse(account: string, status: 400 | 405 | 415 | 501 | 505, why: string): Response {
    this.#note(account, `${status} ${why}`);
    return this.#c.text(`${why}\n`, status);
  }

  #note(account: string, reason: string): void {
    const { address: client } = this.#c.env;
    this.#parts.refused({ account, client, agent: this.#agent(), reason });
  }

  #agent(): string {
    return (this.#c.req.header('user-agent') ?? '').slice(0, 200);
  }

  #response(answer: Answer): Promise<Response> | Response {
    const c = this.#c;
    switch (answer.kind) {
      case 'empty':
        return c.body(null, 200, { 'content-length': '0' });
      case 'document':
        return this.#octets(documentType, encodeWbxml(answer.root));
      case 'parts':
        return this.#octets(partsType, multipart([encodeWbxml(answer.root), ...answer.parts]));
      case 'octets':
        return this.#octets(answer.type, Buffer.from(answer.octets), {
          'content-disposition': 'attachment',
          'content-security-policy': "sandbox; default-src 'none'",
        });
      case 'refused':
        return new Response(null, { status: answer.status });
      default:
        return unreachable(answer);
    }
  }

  /** A file of somebody's is never a page of ours. */
  async #octets(
    type: string,
    octets: Buffer<ArrayBuffer>,
    more: Record<string, string> = {},
  ): Promise<Response> {
    const c = this.#c;
    const accepts = /(?:^|[\s,])gzip(?:\s*(?:,|$))/i.test(c.req.header('accept-encoding') ?? '');
    if (!accepts || octets.length < compressedBytesMin)
      return c.body(octets, 200, { ...more, 'content-type': type });
    const packed = await compress(octets, { level: 1 });
    freeMemory(octets);
    return c.body(packed, 200, { ...more, 'content-type': type, 'content-encoding': 'gzip' });
  }
}

function credentialsIn(field: string | undefined): Credentials | undefined {
  const [, encoded] = /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(field?.trim() ?? '') ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const end = text.indexOf(':');
  if (end < 0) return undefined;
  const name = text.slice(0, end);
  return { user: name.slice(name.lastIndexOf('\\') + 1), password: text.slice(end + 1) };
}

/** [MS-ASCMD] 2.2.1.10.1: how many, where each is and how long, then all of them. */
function multipart(parts: readonly Uint8Array[]): Buffer<ArrayBuffer> {
  const head = Buffer.alloc(4 + 8 * parts.length);
  head.writeUInt32LE(parts.length, 0);
  let at = head.length;
  for (const [i, { length }] of parts.entries()) {
    head.writeUInt32LE(at, 4 + 8 * i);
    head.writeUInt32LE(length, 8 + 8 * i);
    at += length;
  }
  return Buffer.concat([head, ...parts]);
}
