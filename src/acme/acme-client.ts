// A conversation with a certificate authority: the directory, nonces, signed requests, what the account is. RFC 8555 §6
// and §7. One request at a time. A nonce that is refused is exchanged (§6.5); every other "no" is an AcmeError.

import type { Clock } from '../base/clock.ts';
import type { HttpRequest, HttpResponse } from '../net/http-request.ts';
import type { AccountKey, ExternalBinding } from './jws.ts';
import { externalBinding, signedBody } from './jws.ts';
import type { Directory } from './messages.ts';
import { AcmeError, problemText, readDirectory, readProblem } from './messages.ts';

export interface AcmeClientParts {
  /** Its URL. */
  readonly directory: string;
  readonly key: AccountKey;
  /** The account, where it is known already. */
  readonly account?: string | undefined;
  /** @throws HttpError */
  readonly send: (request: HttpRequest) => Promise<HttpResponse>;
  readonly clock: Pick<Clock, 'now'>;
}

export interface Registration {
  /** `mailto:` and the like. */
  readonly contact: readonly string[];
  readonly eab?: ExternalBinding | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** When to ask again, if it says so, in milliseconds since 1970. */
  readonly retryAt: number | undefined;
  /** @throws AcmeError */
  json(): unknown;
}

/** Limit: of one request. */
const timeoutMs = 30_000;
/** Limit: a chain of certificates. */
const bytesMax = 256 * 1024;
/** Limit: nonces of one request that may be refused. Field: Pebble refuses half of them on purpose. */
const noncesMax = 30;
/** Limit: how long a Retry-After may make us wait at all. */
const retryMsMax = 7 * 24 * 60 * 60_000;

export class AcmeClient {
  readonly #parts: AcmeClientParts;
  #directory: Directory | undefined;
  #account: string | undefined;
  #nonce: string | undefined;

  constructor(parts: AcmeClientParts) {
    this.#parts = parts;
    this.#account = parts.account;
  }

  get key(): AccountKey {
    return this.#parts.key;
  }

  /** RFC 8555 §7.1.1. */
  async directory(): Promise<Directory> {
    this.#directory ??= readDirectory((await this.get(this.#parts.directory)).json());
    return this.#directory;
  }

  /** RFC 8555 §7.3: also finds the account that this key has already. Resolves to its URL. */
  async register({ contact, eab }: Registration): Promise<string> {
    const { newAccount, externalAccountRequired } = await this.directory();
    if (externalAccountRequired && eab === undefined)
      throw new AcmeError('the authority wants to know an account of yours: set `eab`');
    this.#account = undefined;
    const answer = await this.post(newAccount, {
      termsOfServiceAgreed: true,
      contact,
      ...(eab !== undefined && {
        externalAccountBinding: externalBinding(eab, this.#parts.key, newAccount),
      }),
    });
    const account = answer.headers.get('location');
    if (account === undefined) throw new AcmeError('the authority names no account of ours');
    this.#account = account;
    return account;
  }

  /** RFC 8555 §7.3.2. */
  async changeContact(contact: readonly string[]): Promise<void> {
    if (this.#account !== undefined) await this.post(this.#account, { contact });
  }

  /** RFC 8555 §6.3: without a payload it only reads. @throws AcmeError, HttpError */
  async post(url: string, payload?: unknown, accept = 'application/json'): Promise<Answer> {
    for (let refused = 0; ; refused += 1) {
      const nonce = await this.#takeNonce();
      const { key } = this.#parts;
      const body = signedBody({ key, account: this.#account, url, nonce, payload });
      // RFC 8555 §6.2
      const headers = { 'content-type': 'application/jose+json', accept };
      const answer = await this.#send({ method: 'POST', url, headers, body });
      if (answer.status < 400) return answer;
      const error = errorOf(answer);
      // RFC 8555 §6.5: the refusal brings a new one.
      if (error.type !== 'badNonce' || refused >= noncesMax) throw error;
    }
  }

  /** Unsigned: the directory, and when to renew. */
  async get(url: string): Promise<Answer> {
    const answer = await this.#send({ url });
    if (answer.status < 400) return answer;
    throw errorOf(answer);
  }

  async #takeNonce(): Promise<string> {
    const kept = this.#nonce;
    this.#nonce = undefined;
    if (kept !== undefined) return kept;
    const { newNonce } = await this.directory();
    await this.#send({ method: 'HEAD', url: newNonce });
    const nonce: string | undefined = this.#nonce;
    this.#nonce = undefined;
    if (nonce === undefined) throw new AcmeError('the authority gives no nonce');
    return nonce;
  }

  async #send(request: Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'>): Promise<Answer> {
    const { send, clock } = this.#parts;
    const response = await send({ ...request, timeoutMs, bytesMax });
    const { status, headers } = response;
    const nonce = headers.get('replay-nonce');
    // RFC 8555 §6.5.1: base64url
    if (nonce !== undefined && /^[A-Za-z0-9_-]{1,500}$/.test(nonce)) this.#nonce = nonce;
    const body = Buffer.from(response.body).toString('utf8');
    const retryAt = retryAtOf(headers.get('retry-after'), clock.now());
    return { status, headers, body, retryAt, json: () => parse(body) };
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AcmeError('the authority sent something that is no JSON');
  }
}

function errorOf({ status, body, retryAt }: Answer): AcmeError {
  let problem = { type: '', detail: '' };
  try {
    problem = readProblem(JSON.parse(body));
  } catch {
    // a server in front of it, with a page for people
  }
  const said = problemText(problem);
  return new AcmeError(`the authority says ${said === '' ? `HTTP ${status}` : said}`, {
    type: problem.type,
    ...(retryAt !== undefined && { retryAt }),
  });
}

/** RFC 9110 §10.2.3: seconds, or a date. */
export function retryAtOf(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const at = /^\d{1,10}$/.test(value) ? now + Number(value) * 1000 : Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(at, now), now + retryMsMax);
}
