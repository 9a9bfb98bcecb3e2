import assert from 'node:assert/strict';
import { createHash, createHmac, createPublicKey, verify } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  accountKeyFromPem,
  accountKeyPem,
  createAccountKey,
  externalBinding,
  keyAuthorization,
  signedBody,
} from './jws.ts';

const decoded = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString());
const key = createAccountKey();

describe('signed requests', () => {
  it('RFC 7515 §7.2.2, RFC 8555 §6.2: ES256 over header and payload; the key, or the account that has it', () => {
    const request = { key, url: 'https://ca.test/a', nonce: 'n1', payload: { a: 1 } };
    for (const account of [undefined, 'https://ca.test/accounts/1']) {
      const body = JSON.parse(signedBody({ ...request, account }));
      const who = account === undefined ? { jwk: key.jwk } : { kid: account };
      const header = { alg: 'ES256', ...who, nonce: 'n1', url: 'https://ca.test/a' };
      assert.deepEqual(decoded(body.protected), header);
      assert.deepEqual(decoded(body.payload), { a: 1 });
      const signature = Buffer.from(body.signature, 'base64url');
      assert.equal(signature.length, 64, 'RFC 7518 §3.4');
      const publicKey = createPublicKey({ key: key.jwk, format: 'jwk' });
      const input = Buffer.from(`${body.protected}.${body.payload}`);
      const how = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
      assert.ok(verify('sha256', input, how, signature));
    }
  });

  it('RFC 8555 §6.3: POST-as-GET has an empty payload', () => {
    const request = { key, account: undefined, url: 'u', nonce: 'n', payload: undefined };
    assert.equal(JSON.parse(signedBody(request)).payload, '');
  });

  it('RFC 8555 §7.3.4: a key that the authority gave vouches for ours', () => {
    const hmacKey = Buffer.from('a secret of the authority').toString('base64url');
    const url = 'https://ca.test/account';
    const bound = externalBinding({ kid: 'kid-1', hmacKey }, key, url) as Record<string, string>;
    assert.deepEqual(decoded(bound.protected!), { alg: 'HS256', kid: 'kid-1', url });
    assert.deepEqual(decoded(bound.payload!), key.jwk);
    const mac = createHmac('sha256', 'a secret of the authority');
    mac.update(`${bound.protected}.${bound.payload}`);
    assert.equal(bound.signature, mac.digest('base64url'));
  });

  it('RFC 7638 §3: the thumbprint is over the members in their order; a key comes back from PEM', () => {
    const { x, y } = key.jwk;
    const canonical = `{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`;
    const thumbprint = createHash('sha256').update(canonical).digest('base64url');
    assert.equal(accountKeyFromPem(accountKeyPem(key)).thumbprint, thumbprint);
    assert.equal(keyAuthorization('token', key), `token.${thumbprint}`);
  });
});
