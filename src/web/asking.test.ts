import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { Counter } from '../base/metrics.ts';
import type { Asker, AskingParts } from './asking.ts';
import { Asking } from './asking.ts';
import { createWebApp } from './web-app.ts';

const ann: Asker = { kind: 'administrator', name: 'ann', allows: ['read', 'hold'] };

function asking(changes: Partial<AskingParts> = {}) {
  const known = new Asking({
    bearer: async (token) =>
      token === 'good' ? { kind: 'token', name: 'ci', allows: ['all'] } : undefined,
    session: async (secret) =>
      secret === 'anns'
        ? ann
        : secret === 'bobs'
          ? { kind: 'account', name: 'bob@example.org' }
          : undefined,
    needsNoToken: () => false,
    isLoopback: (host) => ['localhost', '127.0.0.1', '::1'].includes(host),
    ...changes,
  });
  const counter = () => new Counter();
  const app = createWebApp({
    paths: [
      (web) => {
        web.get('/who', async (c) => c.json((await known.who(c)) ?? null));
        web.get('/own', async (c) => c.json(await known.account(c)));
        web.on(['GET', 'POST'], '/show', async (c) =>
          c.json(await known.allowed(c, { name: 'show', changes: false })),
        );
        web.post('/hold', async (c) =>
          c.json(await known.allowed(c, { name: 'hold', changes: true })),
        );
        web.get('/follow', async (c) =>
          c.json(await known.allowed(c, { name: 'follow', changes: true })),
        );
        web.post('/promote', async (c) =>
          c.json(await known.allowed(c, { name: 'hold', changes: true, empowers: true })),
        );
        web.post('/drop', async (c) =>
          c.json(await known.allowed(c, { name: 'drop', changes: true })),
        );
      },
    ],
    answers: { '2xx': counter(), '3xx': counter(), '4xx': counter(), '5xx': counter() },
    log: silentLog,
  });
  return async (
    path: string,
    headers: Record<string, string> = {},
    { base = 'http://mx.test:8025', method = 'GET' } = {},
  ) => {
    const client = { address: '192.0.2.1', secure: true };
    const answer = await app.request(base + path, { method, headers }, client);
    return { status: answer.status, text: await answer.text() };
  };
}

const cookie = 'postrider_session=anns';
const post = { method: 'POST' };
const own = { cookie, origin: 'http://mx.test:8025' };

describe('who asks', () => {
  it('RFC 6750 §3: is known by a token, or by a cookie, and a token that is none is nobody', async () => {
    const ask = asking();
    const who = async (headers: Record<string, string>) => (await ask('/who', headers)).text;
    assert.match(await who({ authorization: 'Bearer good' }), /"ci"/);
    assert.match(await who({ cookie }), /"ann"/);
    assert.equal(await who({ authorization: 'Bearer bad', cookie }), 'null');
    assert.equal(await who({ cookie: 'postrider_session=none' }), 'null');
    assert.equal(await who({}), 'null');
  });

  it('may what it may: reading, what is named, everything', async () => {
    const ask = asking();
    assert.equal((await ask('/show', { cookie })).status, 200);
    assert.equal((await ask('/hold', own, post)).status, 200);
    assert.equal((await ask('/drop', own, post)).status, 403);
    assert.equal((await ask('/drop', { authorization: 'Bearer good' }, post)).status, 200);
    assert.equal((await ask('/show')).status, 401);
    const bobs = { cookie: 'postrider_session=bobs' };
    assert.equal((await ask('/show', bobs)).status, 403, 'an account is no operator');
    assert.equal((await ask('/own', bobs)).text, '"bob@example.org"');
    assert.equal((await ask('/own', { cookie })).status, 403);
  });

  it('gives rights only with the right to everything, whatever else is named', async () => {
    const ask = asking();
    const refused = await ask('/promote', own, post);
    assert.equal(refused.status, 403);
    assert.match(refused.text, /administrator ann may not ask for hold: it gives rights/);
    assert.equal((await ask('/promote', { authorization: 'Bearer good' }, post)).status, 200);
  });

  it('no page of others uses the cookie', async () => {
    const ask = asking();
    for (const headers of [
      { cookie, 'sec-fetch-site': 'cross-site' },
      { cookie, 'sec-fetch-site': 'same-site', origin: 'http://mx.test:8025' },
      { cookie, origin: 'http://evil.test' },
      { cookie, origin: 'null' },
      { cookie, origin: 'http://mx.test' },
    ]) {
      assert.equal((await ask('/show', headers)).status, 401, JSON.stringify(headers));
      assert.equal((await ask('/hold', headers, post)).status, 401, JSON.stringify(headers));
    }
    assert.equal((await ask('/hold', { cookie }, post)).status, 401, 'no browser is so silent');
    assert.equal(
      (await ask('/hold', { cookie, 'sec-fetch-site': 'same-origin' }, post)).status,
      200,
    );
    // Behind a proxy that has the TLS.
    assert.equal(
      (await ask('/hold', { cookie, origin: 'https://mx.test:8025' }, post)).status,
      200,
    );
  });

  it('what is changed by GET, is so by no browser that does not say whose page asks', async () => {
    const ask = asking({ needsNoToken: () => true });
    const browser = { 'user-agent': 'Mozilla/5.0 Chrome/140.0', 'accept-language': 'en' };
    const base = 'http://192.0.2.7:8025';
    const asked = async (path: string, headers: Record<string, string>) =>
      (await ask(path, headers, { base })).status;
    assert.equal(await asked('/follow', browser), 403);
    assert.equal(await asked('/show', browser), 200);
    assert.equal(await asked('/follow', { ...browser, 'sec-fetch-site': 'same-origin' }), 200);
    // Cypress asks as its browser, but from a program.
    assert.equal(await asked('/follow', { 'user-agent': browser['user-agent'] }), 200);
    assert.equal(await asked('/follow', { 'accept-language': '*', 'user-agent': 'node' }), 200);
    assert.equal(await asked('/follow', {}), 200);
  });

  it('in dev nobody is needed, but no page of others asks through the browser of this machine', async () => {
    const ask = asking({ needsNoToken: () => true });
    const asked = async (base: string, headers: Record<string, string> = {}) =>
      (await ask('/show', headers, { base })).status;
    for (const base of [
      'http://localhost:8025',
      'http://127.0.0.1:8025',
      'http://[::1]:8025',
      'http://192.0.2.7:8025',
      'http://catcher:8025',
    ]) {
      assert.equal(await asked(base), 200, base);
      assert.equal(await asked(base, { origin: base }), 200, base);
      assert.equal(await asked(base, { origin: 'https://evil.test' }), 401, base);
      assert.equal(await asked(base, { origin: 'null' }), 401, base);
      assert.equal(await asked(base, { 'sec-fetch-site': 'cross-site' }), 401, base);
    }
    // Its owner has let the name lead to 127.0.0.1 after the page was loaded.
    assert.equal(await asked('http://evil.test:8025', { origin: 'http://evil.test:8025' }), 401);
    assert.equal(await asked('http://evil.test:8025'), 401);
    const dev = { base: 'http://localhost:8025', method: 'POST' };
    assert.equal((await ask('/drop', {}, dev)).status, 200);
    assert.equal((await ask('/show', { authorization: 'Bearer bad' }, dev)).status, 401);
  });
});
