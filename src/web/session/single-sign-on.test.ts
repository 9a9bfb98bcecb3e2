import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { Counter } from '../../base/metrics.ts';
import type { LoginFailure } from '../../policy/refusals.ts';
import { createWebApp } from '../web-app.ts';
import type { Owner } from './session.ts';
import type { Claims, SingleSignOn } from './single-sign-on.ts';
import { singleSignOnPaths } from './single-sign-on.ts';

const own = 'https://mail.example.org';
const minute = 60_000;

// An identity provider that vouches for whatever a test wants. Nobody asks for its key: the answer comes over the
// connection that the client made itself (OpenID Connect Core 1.0 §3.1.3.7).

const said = { discoveries: 0, challenge: '', claims: {} as Record<string, unknown> | undefined };
const idp = createServer((request, answer) => {
  const json = (status: number, value: object): void => {
    answer.writeHead(status, { 'content-type': 'application/json' });
    answer.end(JSON.stringify(value));
  };
  if (request.url === '/.well-known/openid-configuration') {
    said.discoveries += 1;
    const [authorize, token] = [`${issuer()}/authorize`, `${issuer()}/token`];
    return json(200, {
      ...{ issuer: issuer(), authorization_endpoint: authorize, token_endpoint: token },
      jwks_uri: `${issuer()}/jwks`,
    });
  }
  let body = '';
  request.on('data', (piece) => (body += piece));
  request.on('end', () => {
    const verifier = new URLSearchParams(body).get('code_verifier') ?? '';
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    if (challenge !== said.challenge) return json(400, { error: 'invalid_grant' });
    const tokens = { access_token: 'a', token_type: 'bearer' };
    json(200, { ...tokens, ...(said.claims && { id_token: tokenOf(said.claims) }) });
  });
});
const issuer = () => `http://127.0.0.1:${(idp.address() as AddressInfo).port}`;

function tokenOf(claims: Record<string, unknown>): string {
  const now = Math.floor(Date.now() / 1000);
  const common = { iss: issuer(), aud: 'postrider', iat: now, exp: now + 60, sub: 'sub-1' };
  const texts = [{ alg: 'RS256' }, { ...common, ...claims }].map((one) => JSON.stringify(one));
  return [...texts, 'signature'].map((one) => Buffer.from(one).toString('base64url')).join('.');
}

before(async () => {
  idp.listen(0, '127.0.0.1');
  await once(idp, 'listening');
});
after(() => idp.close());

function site(change: Partial<SingleSignOn> | undefined = {}) {
  const clock = new FakeClock();
  const owners: Owner[] = [];
  const asked: Claims[] = [];
  const refused: LoginFailure[] = [];
  const there = { url: own, issuer: issuer(), insecure: true };
  const settings = { ...there, clientId: 'postrider', clientSecret: 's', ...change };
  const state = { settings: settings as SingleSignOn | undefined };
  const app = createWebApp({
    paths: [
      singleSignOnPaths({
        ...{ clock, log: silentLog, settings: () => state.settings },
        refused: (failure) => refused.push(failure),
        async ownerOf(claims) {
          asked.push(claims);
          return claims.subject === 'stranger' ? undefined : { kind: 'account', name: 'ann@b' };
        },
        async open({ owner, client }) {
          assert.equal(client, '192.0.2.1');
          owners.push(owner);
          return { secret: 'the-secret', asker: { kind: 'account', name: owner.name } };
        },
      }),
    ],
    answers: {
      '2xx': new Counter(),
      '3xx': new Counter(),
      '4xx': new Counter(),
      '5xx': new Counter(),
    },
    log: silentLog,
  });
  const get = (path: string, { cookie = '', secure = true } = {}) =>
    app.request(
      `${own}/postrider/session/oidc${path}`,
      { headers: { cookie } },
      { address: '192.0.2.1', secure },
    );
  /** Goes to the provider; what it said of where one comes from, and the way back. */
  const begin = async (claims: Record<string, unknown> | undefined = {}) => {
    const away = await get('');
    const to = new URL(away.headers.get('location') ?? '');
    const given = Object.fromEntries(to.searchParams);
    said.challenge = given.code_challenge!;
    said.claims = claims && { nonce: given.nonce, ...claims };
    const set = away.headers.get('set-cookie') ?? '';
    const back = { code: 'c', state: given.state!, iss: issuer() };
    const comeBack = (change: Partial<typeof back> = {}, cookie = set.split(';')[0]!) =>
      get(`/callback?${new URLSearchParams({ ...back, ...change })}`, { cookie });
    return { to, given, set, comeBack };
  };
  return { get, begin, clock, owners, asked, refused, state };
}

describe('single sign-on', () => {
  it('one who begins again and again keeps nobody else out', async () => {
    const { get, begin } = site();
    const { comeBack } = await begin();
    // More than there was room for once; one network may ask 12,000 times in ten minutes.
    for (let i = 0; i < 2_000; i += 1) await get('');
    assert.equal((await comeBack()).status, 200);
  });

  it('RFC 7636: goes there and comes back, and is who the provider says', async () => {
    const { begin, owners, asked, refused } = site();
    const { to, given, set, comeBack } = await begin({ email: 'ann@b', email_verified: true });
    assert.equal(to.origin + to.pathname, `${issuer()}/authorize`);
    assert.deepEqual(
      [given.redirect_uri, given.scope, given.code_challenge_method, given.response_type],
      [`${own}/postrider/session/oidc/callback`, 'openid email', 'S256', 'code'],
    );
    for (const part of [
      'HttpOnly',
      'SameSite=Lax',
      'Secure',
      'Path=/postrider/session/oidc/callback',
    ])
      assert.ok(set.includes(part), `${part} in ${set}`);
    const { status, headers } = await comeBack();
    assert.equal(status, 200);
    assert.match(headers.get('set-cookie') ?? '', /^postrider_session=the-secret; .*HttpOnly/);
    assert.deepEqual(
      [headers.get('refresh'), headers.get('content-type')],
      ['0; url=/', 'text/html; charset=utf-8'],
    );
    assert.deepEqual(asked, [{ subject: 'sub-1', email: 'ann@b' }]);
    assert.deepEqual(owners, [{ kind: 'account', name: 'ann@b' }]);
    assert.deepEqual(refused, []);
  });

  it('each login is another, and its cookie travels in the clear only where all does', async () => {
    const { begin, get } = site();
    const [one, two] = [await begin(), await begin()];
    for (const name of ['state', 'nonce', 'code_challenge'])
      assert.notEqual(one.given[name], two.given[name], name);
    assert.notEqual(one.set, two.set);
    const plain = (await get('', { secure: false })).headers.get('set-cookie') ?? '';
    assert.doesNotMatch(plain, /Secure/);
  });

  it('comes back once, in ten minutes, by the browser that went', async () => {
    const { begin, clock, owners } = site();
    const once = await begin();
    assert.equal((await once.comeBack({}, '')).status, 400);
    assert.equal((await once.comeBack({}, 'postrider_oidc=other')).status, 400);
    assert.equal((await once.comeBack()).status, 200);
    assert.equal((await once.comeBack()).status, 400);
    const slow = await begin();
    await clock.advance(10 * minute - 1);
    assert.equal((await slow.comeBack()).status, 200);
    const late = await begin();
    await clock.advance(10 * minute);
    assert.equal((await late.comeBack()).status, 400);
    assert.equal(owners.length, 2);
  });

  it('what is not an answer to what was asked lets nobody in, and is told of', async () => {
    const { begin, owners, refused } = site();
    const states: ((login: Awaited<ReturnType<typeof begin>>) => Promise<Response> | Response)[] = [
      ({ comeBack }) => comeBack({ state: 'other' }),
      ({ comeBack }) => comeBack({ iss: 'https://other.test' }),
      ({ comeBack }) => {
        said.challenge = 'of another browser';
        return comeBack();
      },
      ...[{ nonce: 'other' }, { aud: 'another' }, { iss: 'https://other.test' }, { exp: 1 }].map(
        (change) =>
          ({ comeBack }: Awaited<ReturnType<typeof begin>>) => {
            said.claims = { ...said.claims, ...change };
            return comeBack();
          },
      ),
      ({ comeBack }) => {
        said.claims = undefined;
        return comeBack();
      },
    ];
    for (const [i, come] of states.entries()) {
      const login = await begin();
      assert.equal((await come(login)).status, 401, `${i}`);
      assert.equal((await login.comeBack()).status, 400, `${i}: it was used`);
    }
    assert.deepEqual(owners, []);
    assert.equal(refused.length, states.length);
    for (const { client, mechanism, reason } of refused)
      assert.deepEqual([client, mechanism, reason !== ''], ['192.0.2.1', 'oidc', true]);
  });

  it('an address counts when the provider has verified it, and nobody is refused in silence', async () => {
    const { begin, asked, refused, owners } = site();
    for (const claims of [
      { email: 'ann@b' },
      { email: 'ann@b', email_verified: false },
      { email: 'ann@b', email_verified: 'true' },
      { email: ['ann@b'], email_verified: true },
    ]) {
      const { comeBack } = await begin(claims);
      assert.equal((await comeBack()).status, 200);
    }
    assert.deepEqual(asked, Array(4).fill({ subject: 'sub-1', email: undefined }));
    const { length } = owners;
    for (const claims of [{}, { email: 'eve@b', email_verified: true }]) {
      const { comeBack } = await begin({ ...claims, sub: 'stranger' });
      const answer = await comeBack();
      assert.deepEqual([answer.status, answer.headers.get('set-cookie')], [403, null]);
    }
    assert.equal(owners.length, length);
    assert.deepEqual(
      refused.map(({ user, reason }) => [user, reason]),
      ['stranger', 'eve@b'].map((user) => [user, 'nobody here has that name']),
    );
  });

  it('asks the provider what it is like once an hour, and anew where the settings are others', async () => {
    const { begin, clock, state } = site();
    const before = said.discoveries;
    const asked = async () => {
      const { comeBack } = await begin();
      assert.equal((await comeBack()).status, 200);
      return said.discoveries - before;
    };
    assert.equal(await asked(), 1);
    await clock.advance(60 * minute - 1);
    assert.equal(await asked(), 1);
    await clock.advance(1);
    assert.equal(await asked(), 2);
    state.settings = { ...state.settings!, clientSecret: 'another' };
    assert.equal(await asked(), 3);
  });

  it('says that there is no provider, or that it does not answer; HTTP only where it may be', async () => {
    const { begin, get, state } = site();
    const { comeBack } = await begin();
    state.settings = undefined;
    assert.deepEqual([(await get('')).status, (await comeBack()).status], [404, 404]);
    for (const change of [{ issuer: 'http://127.0.0.1:1' }, { insecure: false }]) {
      const answer = await site(change).get('');
      assert.deepEqual([answer.status, answer.headers.get('set-cookie')], [503, null]);
    }
  });
});
