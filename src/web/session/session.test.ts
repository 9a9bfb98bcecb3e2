import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { Counter } from '../../base/metrics.ts';
import type { Asker } from '../asking.ts';
import { Asking } from '../asking.ts';
import { createWebApp } from '../web-app.ts';
import type { KnownPasskey } from './passkeys.ts';
import { passkeyPaths } from './passkeys.ts';
import type { Owner } from './session.ts';
import { sessionPaths } from './session.ts';

const ann: Asker = { kind: 'administrator', name: 'ann', allows: ['all'] };

function site() {
  const clock = new FakeClock();
  const sessions = new Map<string, Asker>();
  const keys = new Map<string, KnownPasskey>();
  const failed: string[] = [];
  const asking = new Asking({
    bearer: async () => undefined,
    session: async (secret) => sessions.get(secret),
    ...{ needsNoToken: () => false, isLoopback: () => false },
  });
  const open = async ({ owner }: { readonly owner: Owner }) => {
    const secret = `secret-${sessions.size}`;
    sessions.set(secret, ann);
    assert.deepEqual(owner, { kind: 'administrator', name: 'ann' });
    return { secret, asker: ann };
  };
  const about = () => ({
    ...{ dev: false, version: '1.2.3', hostname: 'mx.test' },
    login: { password: true, passkey: true },
  });
  const counter = () => new Counter();
  const app = createWebApp({
    paths: [
      sessionPaths({
        ...{ asking, open, about },
        close: async (secret) => void sessions.delete(secret),
        login: async ({ name, password, code }) =>
          name !== 'ann' || password !== 'right'
            ? { kind: 'refused', reason: name === 'blocked' ? 'blocked' : 'credentials' }
            : code === undefined
              ? { kind: 'code' }
              : { kind: 'logged-in', owner: { kind: 'administrator', name } },
      }),
      passkeyPaths({
        ...{ asking, open, clock, hostname: () => 'mx.test' },
        keys: {
          of: async () => [...keys.values()],
          find: async (id) => {
            const passkey = keys.get(id);
            return passkey && { name: 'ann', passkey };
          },
          async add(_, { name: _name, ...passkey }, client) {
            assert.equal(client, '192.0.2.1');
            keys.set(passkey.id, passkey);
          },
          used: async (_, { id, counter }) => void keys.set(id, { ...keys.get(id)!, counter }),
        },
        throttle: { admits: () => failed.length < 3, failed: (client) => failed.push(client) },
      }),
    ],
    answers: { '2xx': counter(), '3xx': counter(), '4xx': counter(), '5xx': counter() },
    log: silentLog,
  });
  const ask = async (path: string, { body, ...init }: AskInit = {}) => {
    const { secure = true, cookie, origin = 'https://mx.test', method = 'POST' } = init;
    const headers = { origin, 'content-type': 'application/json', ...(cookie && { cookie }) };
    const answer = await app.request(
      `https://mx.test/postrider/session${path}`,
      { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) },
      { address: '192.0.2.1', secure },
    );
    const text = await answer.text();
    const set = answer.headers.get('set-cookie') ?? '';
    return { status: answer.status, json: text.startsWith('{') ? JSON.parse(text) : text, set };
  };
  return { ask, clock, keys, failed };
}

interface AskInit {
  readonly body?: unknown;
  readonly cookie?: string;
  readonly origin?: string;
  readonly method?: string;
  readonly secure?: boolean;
}

const right = { name: 'ann', password: 'right', code: '123456' };

describe('logging in by a browser', () => {
  it('gives a cookie that scripts and other sites cannot have, and takes it back', async () => {
    const { ask } = site();
    const { status, json, set } = await ask('', { body: right });
    assert.deepEqual([status, json.who.name], [200, 'ann']);
    assert.match(set, /^postrider_session=secret-0; /);
    for (const part of ['HttpOnly', 'SameSite=Strict', 'Secure', 'Path=/'])
      assert.ok(set.includes(part), part);
    const proxied = await ask('', { body: right, secure: false });
    assert.match(proxied.set, /Secure/, 'a proxy ended its TLS');
    const plain = await ask('', { body: right, secure: false, origin: 'http://mx.test' });
    assert.doesNotMatch(plain.set, /Secure/);
    const cookie = set.split(';')[0]!;
    const who = async () => (await ask('', { method: 'GET', cookie })).json.who;
    assert.equal((await who()).name, 'ann');
    const out = await ask('', { method: 'DELETE', cookie });
    assert.match(out.set, /postrider_session=;.*Max-Age=0/);
    assert.equal(await who(), null);
  });

  it('says what is wrong: password or name, the missing code, too many tries', async () => {
    const { ask } = site();
    const { code: _, ...uncoded } = right;
    const needs = await ask('', { body: uncoded });
    assert.deepEqual([needs.status, needs.json.needs], [401, 'code']);
    assert.equal((await ask('', { body: { ...right, password: 'x' } })).status, 401);
    assert.equal((await ask('', { body: { ...right, name: 'blocked' } })).status, 429);
    for (const body of [{}, { name: 'ann' }, { ...right, name: 'x'.repeat(321) }, []])
      assert.equal((await ask('', { body })).status, 400, JSON.stringify(body));
  });

  it('nobody is logged in or out by a page of others', async () => {
    const { ask } = site();
    const origin = 'https://evil.test';
    assert.equal((await ask('', { body: right, origin })).status, 403);
    assert.equal((await ask('', { method: 'DELETE', origin })).status, 403);
    assert.equal((await ask('/passkey/challenge', { origin })).status, 403);
  });
});

// An authenticator in software: WebAuthn §6.1, §6.5.4.

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

function createAuthenticator() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const id = Buffer.from('credential-1');
  let counter = 0;
  const data = (flags: number): Buffer => {
    counter += 1;
    const hash = createHash('sha256').update('mx.test').digest();
    const tail = Buffer.alloc(5);
    tail.writeUInt8(flags, 0);
    tail.writeUInt32BE(counter, 1);
    return Buffer.concat([hash, tail]);
  };
  const client = (type: string, challenge: string, origin: string): Buffer =>
    Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
  const shared = { id: base64url(id), rawId: base64url(id), clientExtensionResults: {} };
  return {
    create(challenge: string, origin = 'https://mx.test') {
      const length = Buffer.from([0, id.length]);
      const attested = [data(0x45), Buffer.alloc(16), length, id, coseKey(publicKey)];
      const authData = Buffer.concat(attested);
      const attestationObject = Buffer.concat([
        Buffer.from('a363666d74646e6f6e656761747453746d74a068617574684461746158', 'hex'),
        Buffer.from([authData.length]),
        authData,
      ]);
      const clientDataJSON = base64url(client('webauthn.create', challenge, origin));
      const response = { clientDataJSON, attestationObject: base64url(attestationObject) };
      return { ...shared, type: 'public-key', response };
    },
    get(challenge: string, { origin = 'https://mx.test', flags = 0x05 } = {}) {
      const authenticatorData = data(flags);
      const clientData = client('webauthn.get', challenge, origin);
      const hash = createHash('sha256').update(clientData).digest();
      const signature = sign('sha256', Buffer.concat([authenticatorData, hash]), privateKey);
      return {
        ...{ ...shared, type: 'public-key' },
        response: {
          authenticatorData: base64url(authenticatorData),
          clientDataJSON: base64url(clientData),
          signature: base64url(signature),
        },
      };
    },
  };
}

function coseKey(publicKey: KeyObject): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return Buffer.concat([
    Buffer.from('a5010203262001215820', 'hex'),
    Buffer.from(x, 'base64url'),
    Buffer.from('225820', 'hex'),
    Buffer.from(y, 'base64url'),
  ]);
}

async function withPasskey() {
  const made = site();
  const { ask } = made;
  const cookie = (await ask('', { body: right })).set.split(';')[0]!;
  const authenticator = createAuthenticator();
  const offered = await ask('/passkeys/challenge', { cookie });
  assert.equal(offered.status, 200);
  const body = { name: 'phone', response: authenticator.create(offered.json.challenge) };
  const added = await ask('/passkeys', { cookie, body });
  assert.deepEqual([added.status, added.json], [200, { added: true }]);
  const challenge = async () => (await ask('/passkey/challenge')).json.challenge as string;
  const enter = (response: unknown) => ask('/passkey', { body: { response } });
  return { ...made, authenticator, cookie, challenge, enter };
}

describe('passkeys', () => {
  it('are made by who is logged in, and then log in without name and password', async () => {
    const { ask, authenticator, challenge, enter, keys } = await withPasskey();
    assert.equal((await ask('/passkeys/challenge')).status, 401);
    const { status, json, set } = await enter(authenticator.get(await challenge()));
    assert.deepEqual([status, json.who.name], [200, 'ann'], JSON.stringify(json));
    assert.match(set, /^postrider_session=/);
    assert.equal([...keys.values()][0]?.counter, 2);
  });

  it('a challenge is good once, for five minutes, for whom it was given to', async () => {
    const { ask, authenticator, challenge, enter, cookie, clock } = await withPasskey();
    const once = await challenge();
    assert.equal((await enter(authenticator.get(once))).status, 200);
    assert.equal((await enter(authenticator.get(once))).status, 401);
    const late = await challenge();
    await clock.advance(5 * 60_000);
    assert.equal((await enter(authenticator.get(late))).status, 401);
    const body = { name: 'other', response: authenticator.create(await challenge()) };
    assert.equal((await ask('/passkeys', { cookie, body })).status, 400);
  });

  it('strangers who ask for any number push none of an administrator’s out', async () => {
    const { ask, authenticator, cookie, challenge, enter } = await withPasskey();
    const offered = await ask('/passkeys/challenge', { cookie });
    const mine = await challenge();
    // What one network gets in five minutes.
    for (let i = 0; i < 6_000; i += 1) await challenge();
    assert.equal((await enter(authenticator.get(mine))).status, 200);
    for (let i = 0; i < 501; i += 1) await challenge();
    const response = createAuthenticator().create(offered.json.challenge);
    const added = await ask('/passkeys', { cookie, body: { name: 'second', response } });
    assert.equal(added.status, 200);
  });

  it('another origin, a user that was not verified, an unknown key and garbage are refused, and counted', async () => {
    const { authenticator, challenge, enter, failed } = await withPasskey();
    const { get } = authenticator;
    assert.equal(
      (await enter(get(await challenge(), { origin: 'https://evil.test' }))).status,
      401,
    );
    assert.equal((await enter(get(await challenge(), { flags: 0x01 }))).status, 401);
    assert.equal((await enter({ ...get(await challenge()), id: 'unknown' })).status, 401);
    assert.deepEqual(failed, ['192.0.2.1', '192.0.2.1', '192.0.2.1']);
    assert.equal((await enter(get(await challenge()))).status, 429);
    const { enter: again } = await withPasskey();
    assert.equal((await again('x')).status, 400);
    assert.equal((await again({ id: 'Y3JlZGVudGlhbC0x' })).status, 401);
  });

  it('are made and used by our own pages alone', async () => {
    const { ask, authenticator, challenge, cookie } = await withPasskey();
    const origin = 'https://evil.test';
    const response = authenticator.get(await challenge(), { origin });
    assert.equal((await ask('/passkey', { body: { response }, origin })).status, 403);
    assert.equal((await ask('/passkeys/challenge', { cookie, origin })).status, 401);
    const offered = (await ask('/passkeys/challenge', { cookie })).json;
    const body = { name: 'evil', response: authenticator.create(offered.challenge, origin) };
    assert.equal((await ask('/passkeys', { cookie, origin, body })).status, 401);
    assert.equal((await ask('/passkeys', { cookie, body: { name: 'phone' } })).status, 400);
  });
});
