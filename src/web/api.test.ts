import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { silentLog } from '../base/log.ts';
import { Counter } from '../base/metrics.ts';
import type { ApiParts } from './api.ts';
import { apiPaths } from './api.ts';
import type { ApiOperation } from './api-operation.ts';
import { Asking } from './asking.ts';
import { LargeRequests } from './large-requests.ts';
import { createWebApp } from './web-app.ts';

const one = (name: string, changes: Partial<ApiOperation> = {}): ApiOperation => ({
  ...{ name, about: `Does ${name}.`, kind: 'value', changes: false },
  ...{ input: z.strictObject({}), output: z.int(), ...changes },
});

const ids = z.strictObject({ ids: z.array(z.string()) });
const operations: readonly ApiOperation[] = [
  one('show', { input: z.strictObject({ id: z.string() }), output: z.object({ id: z.string() }) }),
  one('page', { input: z.strictObject({ from: z.int(), all: z.boolean().optional() }) }),
  one('find', {
    input: z.strictObject({
      ...{ text: z.string().optional(), limit: z.int().default(50) },
      ids: z.array(z.int()).optional(),
    }),
  }),
  one('list', { kind: 'list', input: ids, output: z.string() }),
  one('raw', { kind: 'bytes', output: undefined }),
  one('nothing', { kind: 'bytes', output: undefined }),
  one('hold', { changes: true, input: ids }),
  one('send', {
    ...{ changes: true, wholeMessage: 'raw' },
    input: z.strictObject({ from: z.string(), raw: z.string() }),
  }),
  one('refused'),
  one('broken'),
];

class Refusal extends Error {}

const tokens: Readonly<Record<string, readonly string[]>> = {
  reader: ['read'],
  chief: ['all'],
  holder: ['hold'],
};

function api() {
  const called: [who: string, name: string][] = [];
  /** Lists that are being read. */
  const open = { count: 0 };
  const parts: ApiParts = {
    version: '1.2.3',
    large: new LargeRequests(),
    operations,
    call(name, given, by) {
      called.push([by.who, name]);
      if (name === 'refused') return Promise.reject(new Refusal('not like this'));
      if (name === 'broken') return Promise.reject(new Error('secret'));
      if (name === 'list')
        return (async function* items() {
          open.count += 1;
          try {
            yield* (given as { readonly ids: readonly string[] }).ids.filter((id) => id !== 'gone');
          } finally {
            open.count -= 1;
          }
        })();
      if (name === 'raw')
        return (async function* pieces() {
          yield Buffer.from([1, 2]);
          yield Buffer.from([255]);
        })();
      if (name === 'nothing') return (async function* none() {})();
      return Promise.resolve(given);
    },
    isRefusal: (error) => error instanceof Refusal,
    asking: new Asking({
      bearer: async (name) => {
        const allows = Object.hasOwn(tokens, name) ? tokens[name] : undefined;
        return allows && { kind: 'token', name, allows };
      },
      session: async () => undefined,
      needsNoToken: () => false,
      isLoopback: () => false,
    }),
  };
  const counter = () => new Counter();
  const answers = { '2xx': counter(), '3xx': counter(), '4xx': counter(), '5xx': counter() };
  const app = createWebApp({ paths: [apiPaths(parts)], answers, log: silentLog });
  const ask = async (
    path: string,
    token?: string,
    init: RequestInit = {},
    base = 'http://localhost',
  ) => {
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(init.headers as object),
    };
    const client = { address: '192.0.2.1', secure: true };
    const response = await app.request(`${base}/postrider${path}`, { ...init, headers }, client);
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  const post = (path: string, token: string, body: unknown, type = 'application/json') =>
    ask(path, token, {
      ...{ method: 'POST', headers: { 'content-type': type } },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return { ask, post, called, app, open };
}

describe('the HTTP interface', () => {
  it('answers with a value, a list as it comes, or octets', async () => {
    const { ask } = api();
    assert.equal((await ask('/v1/show?id=17', 'reader')).text, '{"id":"17"}');
    assert.deepEqual(JSON.parse((await ask('/v1/list?ids=a&ids=b', 'reader')).text), ['a', 'b']);
    assert.deepEqual(JSON.parse((await ask('/v1/list?ids=a', 'reader')).text), ['a']);
    assert.equal((await ask('/v1/page?from=3&all=true', 'reader')).text, '{"from":3,"all":true}');
    assert.deepEqual(
      JSON.parse((await ask('/v1/find?text=123&limit=5&ids=7&constructor=1', 'reader')).text),
      { text: '123', limit: 5, ids: [7], constructor: '1' },
    );
    const { text, headers } = await ask('/v1/raw', 'reader');
    assert.equal(headers.get('content-type'), 'application/octet-stream');
    assert.equal(text.length, 3);
    assert.equal(
      (await ask('/v1/page?from=-1&all=false', 'reader')).text,
      '{"from":-1,"all":false}',
    );
    assert.equal((await ask('/v1/list?ids=gone', 'reader')).text, '[]');
    const none = await ask('/v1/nothing', 'reader');
    assert.deepEqual([none.status, none.text], [200, '']);
  });

  it('closes a list that nobody reads: by HEAD, or by a client that is gone before its first piece, or after it', async () => {
    const { app, open } = api();
    const list = (method: string) =>
      app.request(
        'http://localhost/postrider/v1/list?ids=a&ids=b',
        { method, headers: { authorization: 'Bearer reader' } },
        { address: '192.0.2.1', secure: true },
      );
    const gone: readonly ((response: Response) => Promise<unknown>)[] = [
      async ({ body }) => body!.cancel(),
      async ({ body }) => {
        const reader = body!.getReader();
        await reader.read();
        await reader.cancel();
      },
    ];
    assert.equal((await list('HEAD')).status, 200);
    await new Promise(setImmediate);
    assert.equal(open.count, 0, 'HEAD');
    for (const go of gone) {
      await go(await list('GET'));
      await new Promise(setImmediate);
      assert.equal(open.count, 0);
    }
  });

  it('a browser asks for nothing by HEAD that it may not ask for by GET', async () => {
    const { ask, called } = api();
    const page = { 'user-agent': 'Mozilla/5.0', 'accept-language': 'en' };
    for (const method of ['GET', 'HEAD'])
      assert.equal((await ask('/v1/show?id=1', 'reader', { method, headers: page })).status, 403);
    assert.deepEqual(called, []);
  });

  it('RFC 6750 §3: without a token, or with one that there is not, is 401', async () => {
    const { ask } = api();
    for (const token of [undefined, 'nobody', 'toString']) {
      const { status, headers } = await ask('/v1/show?id=1', token);
      assert.equal(status, 401);
      assert.equal(headers.get('www-authenticate'), 'Bearer realm="postrider"');
    }
  });

  it('a token does what it allows: reading, everything, or what it names', async () => {
    const { ask, post, called } = api();
    const hold = { ids: ['a'] };
    for (const [token, reads, holds] of [
      ['reader', 200, 403],
      ['chief', 200, 200],
      ['holder', 403, 200],
    ] as const) {
      assert.equal((await ask('/v1/show?id=1', token)).status, reads, token);
      assert.equal((await post('/v1/hold', token, hold)).status, holds, token);
    }
    assert.deepEqual(
      called.filter(([, name]) => name === 'hold'),
      [
        ['token chief', 'hold'],
        ['token holder', 'hold'],
      ],
    );
  });

  it('what changes something is asked by POST, as JSON, which no form of another page can send', async () => {
    const { ask, post } = api();
    assert.equal((await ask('/v1/hold?ids=a', 'chief')).status, 405);
    assert.equal((await post('/v1/hold', 'chief', '{"ids":["a"]}', 'text/plain')).status, 400);
    assert.equal((await post('/v1/hold', 'chief', '{"ids"')).status, 400);
    const { status, text } = await ask('/v1/hold', 'chief', { method: 'POST' });
    assert.deepEqual([status, text], [200, '{}'], 'who says nothing says it in any type');
    assert.equal((await post('/v1/hold', 'chief', `"${'x'.repeat(2 ** 20)}"`)).status, 413);
  });

  it('RFC 5322: a whole message is one where the operation takes one, and else no JSON', async () => {
    const { post } = api();
    const sent = await post('/v1/send?from=a@b', 'chief', 'Subject: x\r\n\r\n', 'message/rfc822');
    const raw = Buffer.from('Subject: x\r\n\r\n').toString('base64');
    assert.deepEqual([sent.status, JSON.parse(sent.text)], [200, { from: 'a@b', raw }]);
    const told = await post('/v1/send', 'chief', { from: 'a@b', raw });
    assert.deepEqual([told.status, JSON.parse(told.text)], [200, { from: 'a@b', raw }]);
    const other = await post('/v1/hold?ids=a', 'chief', '{"ids":["a"]}', 'message/rfc822');
    assert.equal(other.status, 400);
  });

  it('what only looks is not asked by GET on behalf of any page; by POST it is', async () => {
    const { ask, called } = api();
    const headers = { 'user-agent': 'Mozilla/5.0', 'accept-language': 'de' };
    assert.equal((await ask('/v1/show?id=1', 'reader', { headers })).status, 403);
    assert.deepEqual(called, []);
    const json = { ...headers, 'content-type': 'application/json' };
    const init = { method: 'POST', headers: json, body: '{"id":"1"}' };
    assert.equal((await ask('/v1/show', 'reader', init)).status, 200);
  });

  it('says why it refuses, and nothing of what is broken', async () => {
    const { ask } = api();
    const refused = await ask('/v1/refused', 'reader');
    assert.deepEqual([refused.status, refused.text], [400, '{"error":"not like this"}']);
    const broken = await ask('/v1/broken', 'reader');
    assert.equal(broken.status, 500);
    assert.doesNotMatch(broken.text, /secret/);
    assert.equal((await ask('/v1/constructor', 'chief')).status, 404);
  });

  it('describes itself by OpenAPI 3.1, from the same schemas', async () => {
    const { ask } = api();
    const { status, text } = await ask('/openapi.json');
    assert.equal(status, 200);
    const { openapi, info, paths } = JSON.parse(text);
    assert.deepEqual([openapi, info.version], ['3.1.0', '1.2.3']);
    assert.deepEqual(Object.keys(paths), [...operations.map(({ name }) => `/${name}`), '/events']);
    const { servers, get } = paths['/events'];
    assert.deepEqual(
      [servers, Object.keys(get.responses)],
      [[{ url: '/postrider' }], ['200', '400', '401', '403', '503', 'default']],
    );
    assert.equal(paths['/hold'].get, undefined);
    const { responses } = paths['/hold'].post;
    assert.deepEqual(responses.default, responses['403'], 'whatever else is answered says why');
    assert.deepEqual(paths['/show'].get.parameters, [
      { name: 'id', in: 'query', schema: { type: 'string' }, required: true },
    ]);
    const optional = paths['/find'].get.parameters.map(({ name, required }: never) => [
      name,
      required,
    ]);
    assert.deepEqual(optional, [
      ['text', false],
      ['limit', false],
      ['ids', false],
    ]);
    const list = paths['/list'].post.responses[200].content['application/json'].schema;
    assert.deepEqual(list, { type: 'array', items: { type: 'string' } });
  });
});
