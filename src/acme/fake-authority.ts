// A certificate authority in memory, for tests: checks signatures, nonces and addresses as RFC 8555 has it, and does
// what no authority does when one wants it: forgets, refuses, advises (RFC 9773), limits.

import assert from 'node:assert/strict';
import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { issueCertificate } from '../net/certificate.ts';
import type { HttpRequest, HttpResponse } from '../net/http-request.ts';
import { HttpError } from '../net/http-request.ts';
import type { RenewalWindow } from './messages.ts';

const site = 'https://ca.test';
const dayMs = 24 * 60 * 60_000;

interface FakeOrder {
  readonly names: readonly string[];
  readonly replaces: string | undefined;
  readonly profile: string | undefined;
  status: 'pending' | 'ready' | 'valid' | 'invalid';
  certificate: string;
}

type Said = { readonly status?: number; readonly json?: unknown; readonly body?: string } & {
  readonly headers?: Readonly<Record<string, string>>;
};

/** What an account's key has signed. */
interface Heard {
  readonly account: string | undefined;
  readonly jwk: unknown;
  readonly payload: Readonly<Record<string, unknown>>;
}

export class FakeAuthority {
  readonly directory = `${site}/directory`;
  /** Of what it issues. */
  lifeMs = 90 * dayMs;
  /** When to renew what it has issued at that time; undefined: it has no advice. */
  advice: ((issued: number) => RenewalWindow) | undefined;
  /** The next nonces that it refuses. */
  noncesRefused = 0;
  /** Whether what is shown for a name is right. */
  isShown: (name: string) => boolean = () => true;
  /** By path, once each: what is said in place of the usual; undefined: the connection breaks. */
  readonly instead = new Map<string, Said | undefined>();
  /** What it was asked, `POST /order`. */
  readonly asked: string[] = [];
  readonly orders: FakeOrder[] = [];
  revokes = true;
  /** Why, by serial number. */
  readonly revoked = new Map<string, number>();
  /** The keys of accounts. */
  readonly accounts: unknown[] = [];
  readonly #clock: Pick<Clock, 'now'>;
  readonly #nonces = new Set<string>();
  readonly #root = issueCertificate({
    ...{ commonName: 'Fake CA', names: [], authority: true },
    ...{ notBefore: new Date(0), notAfter: new Date(2 ** 42) },
  });
  #count = 0;
  #issued = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  readonly send = async (request: HttpRequest): Promise<HttpResponse> => {
    const path = String(request.url).slice(site.length);
    this.asked.push(`${request.method ?? 'GET'} ${path}`);
    if (this.instead.has(path)) {
      const said = this.instead.get(path);
      this.instead.delete(path);
      if (said === undefined) throw new HttpError('protocol', 'the connection ended');
      return this.#answer(said);
    }
    return this.#answer(this.#reply(path, request));
  };

  #answer({ status = 200, json, body, headers = {} }: Said): HttpResponse {
    this.#count += 1;
    const nonce = `nonce-${this.#count}`;
    this.#nonces.add(nonce);
    const text = body ?? (json === undefined ? '' : JSON.stringify(json));
    const all = { 'replay-nonce': nonce, ...headers };
    return { status, headers: new Map(Object.entries(all)), body: Buffer.from(text) };
  }

  #reply(path: string, request: HttpRequest): Said {
    const [, what = '', id = ''] = path.split('/');
    if (what === 'directory') return { json: this.#directory() };
    if (what === 'nonce') return {};
    if (what === 'renewal') return this.#advice(id);
    const heard = this.#heard(request);
    if ('json' in heard) return heard;
    const { payload, jwk, account } = heard;
    if (what === 'account') {
      const known = this.accounts.findIndex((one) => JSON.stringify(one) === JSON.stringify(jwk));
      if (known === -1) this.accounts.push(jwk);
      const number = known === -1 ? this.accounts.length - 1 : known;
      return { status: 201, json: {}, headers: { location: `${site}/accounts/${number}` } };
    }
    const number = account?.split('/').at(-1);
    if (this.accounts[Number(number)] === undefined) return problem('accountDoesNotExist');
    if (what === 'order') return this.#newOrder(payload);
    if (what === 'revoke') return this.#revoke(payload);
    const order = this.orders[Number(id)];
    if (order === undefined) return problem('malformed');
    return this.#about(what, id, order, payload);
  }

  #about(what: string, id: string, order: FakeOrder, payload: Heard['payload']): Said {
    const all = order.names.every((name) => this.isShown(name));
    if (what === 'challenges') order.status = all ? 'ready' : 'invalid';
    if (what === 'finalize') {
      order.certificate = this.#issue(order.names, String(payload.csr));
      order.status = 'valid';
    }
    if (what === 'certificates') return { body: order.certificate };
    if (what === 'authorizations') return { json: this.#authorization(id, order) };
    return what === 'challenges' ? { json: {} } : { json: this.#order(id, order) };
  }

  #directory() {
    return {
      newNonce: `${site}/nonce`,
      newAccount: `${site}/account`,
      newOrder: `${site}/order`,
      ...(this.revokes && { revokeCert: `${site}/revoke` }),
      ...(this.advice !== undefined && { renewalInfo: `${site}/renewal` }),
    };
  }

  #advice(id: string): Said {
    assert.match(id, /^[\w-]{27}\.[\w-]+$/);
    assert.ok(this.advice !== undefined);
    const window = this.advice(this.#issued);
    const [start, end] = [new Date(window.start), new Date(window.end)];
    return { json: { suggestedWindow: { start, end } }, headers: { 'retry-after': '21600' } };
  }

  /** RFC 8555 §6: or why it is not heard. */
  #heard({ url, body, headers }: HttpRequest): Heard | (Said & { readonly json: unknown }) {
    assert.equal(headers?.['content-type'], 'application/jose+json');
    const sent = JSON.parse(String(body));
    const decoded = (text: string) => Buffer.from(text, 'base64url').toString();
    const header = JSON.parse(decoded(sent.protected));
    assert.equal(header.url, String(url));
    const jwk = header.jwk ?? this.accounts[Number(header.kid.split('/').at(-1))];
    if (!this.#nonces.delete(header.nonce) || this.noncesRefused > 0) {
      this.noncesRefused -= 1;
      return problem('badNonce');
    }
    if (jwk === undefined) return problem('accountDoesNotExist');
    const isSigned = verify(
      'sha256',
      Buffer.from(`${sent.protected}.${sent.payload}`),
      { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
      Buffer.from(sent.signature, 'base64url'),
    );
    assert.ok(isSigned, 'a signature of the account');
    const payload = sent.payload === '' ? {} : JSON.parse(decoded(sent.payload));
    return { account: header.kid, jwk, payload };
  }

  #revoke({ certificate, reason }: Heard['payload']): Said {
    const { serialNumber } = new X509Certificate(Buffer.from(String(certificate), 'base64url'));
    if (this.revoked.has(serialNumber)) return problem('alreadyRevoked');
    this.revoked.set(serialNumber, reason as number);
    return {};
  }

  #newOrder({ identifiers, replaces, profile }: Heard['payload']): Said {
    const id = this.orders.length;
    const order: FakeOrder = {
      names: (identifiers as { readonly value: string }[]).map(({ value }) => value),
      replaces: replaces as string | undefined,
      profile: profile as string | undefined,
      ...{ status: 'pending', certificate: '' },
    };
    this.orders.push(order);
    const headers = { location: `${site}/orders/${id}` };
    return { status: 201, json: this.#order(String(id), order), headers };
  }

  #order(id: string, { status }: FakeOrder) {
    return {
      status,
      authorizations: [`${site}/authorizations/${id}`],
      finalize: `${site}/finalize/${id}`,
      ...(status === 'valid' && { certificate: `${site}/certificates/${id}` }),
    };
  }

  #authorization(id: string, { names, status }: FakeOrder) {
    const error = { type: 'urn:ietf:params:acme:error:unauthorized', detail: 'nothing is shown' };
    return {
      status: status === 'invalid' || status === 'pending' ? status : 'valid',
      identifier: { type: 'dns', value: names[0] },
      challenges: [
        { type: 'unheard-of-01', url: `${site}/challenges/${id}` },
        {
          type: 'http-01',
          url: `${site}/challenges/${id}`,
          token: 'abcdefghijklmnop',
          ...(status === 'invalid' && { error }),
        },
      ],
    };
  }

  #issue(names: readonly string[], csr: string): string {
    const der = Buffer.from(csr, 'base64url');
    // Of a P-256 key: its algorithm, then the point.
    const at = der.indexOf(Buffer.from('3059301306072a8648ce3d0201', 'hex'));
    const now = this.#clock.now();
    this.#issued = now;
    const { certificate } = issueCertificate({
      ...{ commonName: names[0]!, names, issuer: this.#root },
      publicKeyInfo: der.subarray(at, at + 91),
      ...{ notBefore: new Date(now), notAfter: new Date(now + this.lifeMs) },
    });
    return certificate + this.#root.certificate;
  }
}

/** RFC 8555 §6.7. */
export const problem = (type: string, headers: Readonly<Record<string, string>> = {}) => ({
  status: 400,
  json: { type: `urn:ietf:params:acme:error:${type}`, detail: `it is ${type}` },
  headers,
});
