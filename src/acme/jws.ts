// How requests to a certificate authority are signed: flattened JWS (RFC 7515 §7.2.2) as RFC 8555 §6.2 has it, with an
// ES256 key of ours, or with HS256 for the key that binds our account to one the authority knows. Pure.

import type { KeyObject } from 'node:crypto';
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from 'node:crypto';

export interface AccountKey {
  readonly privateKey: KeyObject;
  /** The public half, its members in the order that RFC 7638 §3 wants. */
  readonly jwk: Readonly<Record<'crv' | 'kty' | 'x' | 'y', string>>;
  /** RFC 7638 §3.1. */
  readonly thumbprint: string;
}

export const createAccountKey = (): AccountKey =>
  accountKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);

/** @throws Error when it is no P-256 key. */
export function accountKeyFromPem(pem: string): AccountKey {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error('the key of the account is none of P-256');
  return accountKey(key);
}

export const accountKeyPem = ({ privateKey }: AccountKey): string =>
  privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

function accountKey(privateKey: KeyObject): AccountKey {
  const { x = '', y = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  const jwk = { crv: 'P-256', kty: 'EC', x, y };
  return { privateKey, jwk, thumbprint: sha256(JSON.stringify(jwk)) };
}

export interface Signed {
  readonly key: AccountKey;
  /** RFC 8555 §6.2: the account's URL; undefined while there is none, when the key itself is sent. */
  readonly account: string | undefined;
  readonly url: string;
  readonly nonce: string;
  /** undefined for POST-as-GET (RFC 8555 §6.3). */
  readonly payload: unknown;
}

/** The body of a request. */
export function signedBody({ key, account, url, nonce, payload }: Signed): string {
  const { privateKey, jwk } = key;
  const header = { alg: 'ES256', ...(account === undefined ? { jwk } : { kid: account }) };
  return flattened({ ...header, nonce, url }, payload, (input) =>
    // RFC 7518 §3.4: r and s side by side, not DER.
    sign('sha256', input, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  );
}

export interface ExternalBinding {
  readonly kid: string;
  /** As the authority gave it: base64url. */
  readonly hmacKey: string;
}

/** RFC 8555 §7.3.4: somebody the authority knows vouches for our key. */
export function externalBinding(
  { kid, hmacKey }: ExternalBinding,
  { jwk }: AccountKey,
  url: string,
): unknown {
  const secret = Buffer.from(hmacKey, 'base64url');
  const signature = (input: Buffer) => createHmac('sha256', secret).update(input).digest();
  return JSON.parse(flattened({ alg: 'HS256', kid, url }, jwk, signature));
}

function flattened(
  header: unknown,
  payload: unknown,
  signature: (input: Buffer) => Buffer,
): string {
  const protectedHeader = base64url(JSON.stringify(header));
  const encoded = payload === undefined ? '' : base64url(JSON.stringify(payload));
  return JSON.stringify({
    protected: protectedHeader,
    payload: encoded,
    signature: signature(Buffer.from(`${protectedHeader}.${encoded}`)).toString('base64url'),
  });
}

/** RFC 8555 §8.1: what shows that whoever answers has the account's key. */
export const keyAuthorization = (token: string, { thumbprint }: AccountKey): string =>
  `${token}.${thumbprint}`;

const base64url = (text: string): string => Buffer.from(text).toString('base64url');
export const sha256 = (text: string): string =>
  createHash('sha256').update(text).digest('base64url');
