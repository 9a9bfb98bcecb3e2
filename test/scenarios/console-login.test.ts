// Who gets into the console of a server, and what they may there: by password, by the operator's identity provider, by
// nothing at all in dev.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import Provider from 'oidc-provider';
import type { ConfigInput } from '../../src/config/config.ts';
import '../../src/policy/accounts/test-hashing.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { freePorts } from '../ports.ts';
import { webClient } from './web-client.ts';

const root = mkdtempSync(join(tmpdir(), 'postrider-console-'));
after(() => rmSync(root, { recursive: true, force: true }));

const password = 'correct horse battery';
const ann = 'ann@example.org';

async function start(config: ConfigInput = {}) {
  const server = await startTestServer({
    accounts: [ann],
    config: {
      domains: ['example.org'],
      listeners: [
        { service: 'smtp', host: '127.0.0.1', port: 0 },
        { service: 'http', host: '127.0.0.1', port: 0 },
      ],
      ...config,
    },
  });
  const { operations } = server.server;
  return {
    ...webClient(server),
    operations,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe('an administrator', () => {
  it('logs in, does what they may, and all of it is on record', async () => {
    await using test = await start();
    const { ask, logIn, operations } = test;
    const allows = ['read', 'accountPassword'];
    await operations.administratorAdd({ name: 'root', password, allows });
    assert.equal((await ask('/postrider/v1/accountList')).status, 401);
    const { status, json, cookie } = await logIn({ name: 'root', password });
    assert.deepEqual([status, json.who.allows], [200, allows]);
    const facts = (await ask('/postrider/session', { cookie })).json;
    assert.deepEqual(
      [facts.who.kind, facts.dev, facts.smtpPort],
      ['administrator', false, undefined],
    );
    const accounts = await ask('/postrider/v1/accountList', { cookie });
    assert.deepEqual([accounts.status, accounts.json[0].address], [200, ann]);
    const body = { address: ann, password: 'another secret of ann' };
    assert.equal((await ask('/postrider/v1/accountPassword', { cookie, body })).status, 200);
    const remove = { cookie, body: { address: ann } };
    assert.equal((await ask('/postrider/v1/accountRemove', remove)).status, 403);
    const { entries } = await operations.auditList({ limit: 10 });
    assert.deepEqual(
      entries.map(({ who, what, outcome }) => [who, what, outcome]),
      [
        ['administrator root', 'accountPassword', 'done'],
        ['administrator root', 'login', 'done'],
      ],
    );
    assert.ok(!JSON.stringify(entries).includes('another secret'));
    await operations.administratorRemove({ name: 'root' });
    assert.equal((await ask('/postrider/v1/accountList', { cookie })).status, 401);
  });

  it('logs out, once, and that is on record', async () => {
    await using test = await start();
    const { url, ask, logIn, operations } = test;
    await operations.administratorAdd({ name: 'root', password, allows: ['all'] });
    const [{ cookie }, other] = [
      await logIn({ name: 'root', password }),
      await logIn({ name: 'root', password }),
    ];
    for (let i = 0; i < 2; i += 1) {
      const answer = await fetch(`${url}/postrider/session`, {
        method: 'DELETE',
        headers: { cookie, origin: url },
      });
      assert.equal(answer.status, 200);
    }
    assert.equal((await ask('/postrider/v1/accountList', { cookie })).status, 401);
    assert.equal((await ask('/postrider/v1/accountList', { cookie: other.cookie })).status, 200);
    const { entries } = await operations.auditList({ limit: 10 });
    assert.deepEqual(
      entries.map(({ who, what }) => [who, what]),
      [
        ['administrator root', 'logout'],
        ['administrator root', 'login'],
        ['administrator root', 'login'],
      ],
    );
  });

  it('a program asks by its token, and what it changes is on record by its name', async () => {
    await using test = await start();
    const { url, operations } = test;
    const allows = ['accountPassword'];
    const { token } = await operations.tokenCreate({ name: 'script', allows });
    const as = async (given: string) => {
      const answer = await fetch(`${url}/postrider/v1/accountPassword`, {
        method: 'POST',
        headers: { authorization: `Bearer ${given}`, 'content-type': 'application/json' },
        body: JSON.stringify({ address: ann, password: 'another secret of ann' }),
      });
      return answer.status;
    };
    assert.deepEqual([await as(token), await as(`${token}x`)], [200, 401]);
    const { entries } = await operations.auditList({ limit: 10 });
    assert.deepEqual(
      entries.map(({ who, what }) => [who, what]),
      [['token script', 'accountPassword']],
    );
  });

  it('the owner of an account gets in, and is no operator', async () => {
    await using test = await start();
    const { ask, logIn, operations } = test;
    await operations.accountPassword({ address: ann, password });
    const { json, cookie } = await logIn({ name: ann, password });
    assert.deepEqual(json.who, { kind: 'account', address: ann });
    assert.equal((await ask('/postrider/v1/accountList', { cookie })).status, 403);
    await operations.accountRemove({ address: ann });
    assert.equal((await ask('/postrider/session', { cookie })).json.who, null);
  });
});

it('whose passkey is not known is told of', async () => {
  await using test = await start();
  const { ask, operations } = test;
  const body = { response: { id: 'nobodys' } };
  assert.equal((await ask('/postrider/session/passkey', { body })).status, 401);
  const { refusals } = await operations.refusalSearch({ stage: 'login' });
  assert.deepEqual(
    refusals.map(({ client, reason }) => [client, reason]),
    [['127.0.0.1', 'passkey: credentials']],
  );
});

it('who guesses at passkeys is held up, as who guesses at passwords', async () => {
  await using test = await start();
  const { ask } = test;
  const body = { response: { id: 'nobodys' } };
  const guess = async () => (await ask('/postrider/session/passkey', { body })).status;
  let guesses = 1;
  for (; (await guess()) === 401; guesses += 1) assert.ok(guesses < 100);
  assert.equal(await guess(), 429);
});

it('where there is no identity provider nobody is sent to one', async () => {
  for (const http of [{}, { url: 'https://mail.example.org' }]) {
    await using test = await start({ http });
    assert.equal((await test.ask('/postrider/session/oidc')).status, 404);
  }
});

describe('single sign-on', () => {
  let issuer = '';
  let idp: Server;
  const clientSecretFile = join(root, 'client-secret');
  let port = 0;
  let url = '';

  before(async () => {
    writeFileSync(clientSecretFile, 'the secret of the client\n');
    const [own = 0, theirs = 0] = await freePorts(2);
    port = own;
    url = `http://127.0.0.1:${own}`;
    issuer = `http://127.0.0.1:${theirs}`;
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: 'postrider',
          client_secret: 'the secret of the client',
          redirect_uris: [`${url}/postrider/session/oidc/callback`],
        },
      ],
      claims: { email: ['email', 'email_verified'] },
      conformIdTokenClaims: false,
      findAccount: (_, id) => ({
        accountId: id,
        claims: async () => ({ sub: id, email: id, email_verified: !id.startsWith('unverified') }),
      }),
    });
    idp = provider.listen(theirs, '127.0.0.1');
    await once(idp, 'listening');
  });
  after(() => idp.close());

  /** As a browser does it: follows redirects, fills in the forms of the provider, keeps cookies. */
  async function signOn(login: string) {
    const cookies = new Map<string, string>();
    let next = `${url}/postrider/session/oidc`;
    let form: URLSearchParams | undefined;
    for (let steps = 0; steps < 15; steps += 1) {
      const answer = await fetch(next, {
        redirect: 'manual',
        ...(form !== undefined && { method: 'POST', body: form }),
        headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      });
      for (const one of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(one) ?? [];
        cookies.set(name, value);
      }
      const text = await answer.text();
      const location = answer.headers.get('location');
      form = undefined;
      if (location !== null) next = new URL(location, next).href;
      else {
        const action = /action="([^"]+)"/.exec(text)?.[1];
        if (action === undefined) return { status: answer.status, text, cookies };
        const prompt = /name="prompt" value="([^"]+)"/.exec(text)?.[1] ?? 'login';
        form = new URLSearchParams({ prompt, login, password: 'any' });
        next = new URL(action, next).href;
      }
    }
    throw new Error('no end of redirects');
  }

  it('RFC 7636: lets in who is named in the configuration, and owners of accounts; nobody else', async () => {
    const oidc = { issuer, clientId: 'postrider', clientSecretFile, accounts: true };
    const claimed = 'unverified@example.net';
    await using test = await start({
      listeners: [{ service: 'http', host: '127.0.0.1', port }],
      http: { url, oidc: { ...oidc, administrators: ['Boss@example.net', claimed, 'Sub-1'] } },
    });
    const { ask } = test;
    assert.deepEqual((await ask('/postrider/session')).json.login.oidc, { name: 'Single sign-on' });
    const who = async (login: string) => {
      const { status, cookies } = await signOn(login);
      const secret = cookies.get('postrider_session') ?? '';
      const { json } = await ask('/postrider/session', { cookie: `postrider_session=${secret}` });
      return [status, json.who];
    };
    const boss = { kind: 'administrator', name: 'boss@example.net', allows: ['all'] };
    assert.deepEqual(await who('boss@example.net'), [200, boss]);
    assert.deepEqual(await who(ann), [200, { kind: 'account', address: ann }]);
    assert.deepEqual(await who('stranger@example.net'), [403, null]);
    assert.deepEqual(await who('unverified@example.org'), [403, null]);
    assert.deepEqual(await who(claimed), [403, null], 'its subject is this address, too');
    assert.deepEqual(await who('Sub-1'), [200, { ...boss, name: 'Sub-1' }]);
    assert.deepEqual(await who('sub-1'), [403, null]);
    const told = await test.operations.why({ id: 'stranger@example.net' });
    assert.match(told.text, /at login: oidc: nobody here has that name/);
    const elsewhere = await ask('/postrider/session/oidc/callback?code=x&state=y');
    assert.equal(elsewhere.status, 400);
  });
});
