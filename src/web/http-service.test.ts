import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { listen } from '../net/listener.ts';
import type { Service } from '../net/service.ts';
import { reply } from '../smtp/reply.ts';
import type { HttpServiceParts } from './http-service.ts';
import { createHttpService } from './http-service.ts';
import { readBody } from './request-body.ts';

/** A service behind a listener, and a way to speak to it in octets. */
async function serving(parts: Partial<HttpServiceParts> = {}) {
  let open = 0;
  const service = createHttpService({
    fetch: (request) => new Response(new URL(request.url).pathname),
    connections: {
      admit: () => {
        open += 1;
        return undefined;
      },
      release: () => {
        open -= 1;
      },
    },
    ...{ random: seededRandom(1), log: silentLog },
    ...parts,
  });
  const listener = await listen({
    ...{ host: '127.0.0.1', port: 0, tls: undefined, implicitTls: false },
    onSocket: (accepted) => service.acceptSocket?.(accepted),
  });
  const sockets: Socket[] = [];
  return {
    service,
    open: () => open,
    port: listener.port,
    connect(text = '') {
      const socket = connect({ host: '127.0.0.1', port: listener.port });
      sockets.push(socket);
      socket.on('error', () => {});
      if (text !== '') socket.write(text);
      return socket;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await listener.close();
      service.destroy();
      await service.shutdown();
    },
  };
}

const get = (path: string, close = false) =>
  `GET ${path} HTTP/1.1\r\nHost: mx.example\r\n${close ? 'Connection: close\r\n' : ''}\r\n`;
const webSocket = 'Connection: Upgrade\r\nUpgrade: WebSocket\r\n';
const all = async (socket: Socket): Promise<string> =>
  String(Buffer.concat(await Array.fromAsync(socket)));
/** What comes up to some words. */
async function until(socket: Socket, words: string): Promise<string> {
  let text = '';
  for await (const piece of socket.iterator({ destroyOnReturn: false })) {
    text += String(piece);
    if (text.includes(words)) break;
  }
  return text;
}

describe('HTTP service', () => {
  it('RFC 9112: answers requests, several over one connection', async () => {
    await using server = await serving();
    const answers = await all(server.connect(get('/one') + get('/two', true)));
    assert.match(answers, /^HTTP\/1\.1 200 OK[\s\S]*\/oneHTTP\/1\.1 200 OK[\s\S]*\/two$/);
  });

  it('tells when an answer has been sent, and when nobody is there for it', async () => {
    const over: string[] = [];
    const { promise, resolve } = Promise.withResolvers<Response>();
    await using server = await serving({
      fetch(request, client) {
        const { pathname } = new URL(request.url);
        client.over!(() => over.push(pathname));
        return pathname === '/never' ? promise : new Response(pathname);
      },
    });
    await all(server.connect(get('/one', true)));
    assert.deepEqual(over, ['/one']);
    const gone = server.connect(get('/never'));
    await once(gone, 'connect');
    gone.end();
    await once(gone, 'close');
    resolve(new Response());
    await until(server.connect(get('/two')), '/two');
    while (over.length < 3) await new Promise(setImmediate);
    assert.deepEqual(over.toSorted(), ['/never', '/one', '/two']);
  });

  it('tells the same of requests that wait behind another on a connection that goes', async () => {
    const over: string[] = [];
    const asked = Promise.withResolvers<void>();
    await using server = await serving({
      fetch(request, client) {
        const { pathname } = new URL(request.url);
        client.over!(() => over.push(pathname));
        if (pathname === '/second') asked.resolve();
        return pathname === '/third' ? new Response(pathname) : Promise.race<Response>([]);
      },
    });
    const socket = server.connect(get('/never') + get('/second'));
    await asked.promise;
    socket.destroy();
    await until(server.connect(get('/third')), '/third');
    while (over.length < 3) await new Promise(setImmediate);
    assert.deepEqual(over.toSorted(), ['/never', '/second', '/third']);
  });

  it('RFC 9112 §3.2: a request without Host, with two, or with nonsense in it is 400', async () => {
    await using server = await serving();
    for (const head of ['', 'Host: a\r\nHost: b\r\n', 'Host: a b/..@c\r\n'])
      assert.match(
        await all(server.connect(`GET / HTTP/1.1\r\n${head}Connection: close\r\n\r\n`)),
        /^HTTP\/1\.1 400 /,
        head,
      );
  });

  it('a request of HTTP/1.0 needs no Host, and has the one that it names', async () => {
    await using server = await serving({ fetch: ({ url }) => new Response(url) });
    const ask = (head: string) => all(server.connect(`GET /readyz HTTP/1.0\r\n${head}\r\n`));
    assert.match(await ask(''), / 200 [\s\S]*\r\nhttp:\/\/localhost\/readyz$/);
    assert.match(await ask('Host: mx.test\r\n'), / 200 [\s\S]*\r\nhttp:\/\/mx\.test\/readyz$/);
    assert.match(await ask('Host: a\r\nHost: b\r\n'), / 400 /);
  });

  it('RFC 9110 §7.8: another protocol that is offered is ignored', async () => {
    const fetch = async (request: Request) => new Response(await request.text());
    await using server = await serving({ fetch });
    const offer = 'Host: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n';
    const post = `POST / HTTP/1.1\r\n${offer}HTTP2-Settings: AA\r\nContent-Length: 3\r\n\r\nabc`;
    assert.match(await all(server.connect(post)), / 200 [\s\S]*\r\n\r\nabc$/);
    assert.match(await all(server.connect(`GET / HTTP/1.1\r\n${offer}\r\n`)), / 200 /);
  });

  it('what is no WebSocket is refused, with the words of the refusal, and not read', async () => {
    let ended = 0;
    const endless = () =>
      new ReadableStream({
        cancel() {
          ended += 1;
        },
      });
    const fetch = ({ url, headers }: Request) =>
      url.endsWith('/events')
        ? new Response(endless())
        : new Response(`not ${headers.get('x-who')}`, { status: Number(url.slice(-3)) });
    await using server = await serving({ fetch });
    const ask = (path: string, host = 'a') =>
      all(
        server.connect(
          `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Who: you\r\nX-Who: all\r\n${webSocket}\r\n`,
        ),
      );
    for (const status of [400, 401]) {
      const [head = '', body] = (await ask(`/${status}`)).split('\r\n\r\n');
      assert.ok(head.startsWith(`HTTP/1.1 ${status} `));
      assert.ok(head.includes('content-length: 12'));
      assert.ok(head.includes('connection: close'));
      assert.equal(body, 'not you, all');
    }
    assert.match(await ask('/events'), /^HTTP\/1\.1 426 [\s\S]*\r\n\r\nthis is no WebSocket\n$/);
    assert.equal(ended, 1);
    assert.match(await ask('/events', 'a b/..@c'), /^HTTP\/1\.1 400 /);
  });

  it('who asks for a WebSocket and is gone before the answer does no harm', async () => {
    const { promise: isDecided, resolve: decide } = Promise.withResolvers<void>();
    const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>();
    const fetch = async () => {
      asked();
      await isDecided;
      return new Response('not you', { status: 401 });
    };
    await using server = await serving({ fetch });
    const socket = server.connect(`GET / HTTP/1.1\r\nHost: a\r\n${webSocket}\r\n`);
    await isAsked;
    socket.resetAndDestroy();
    while (server.open() > 0) await new Promise((resolve) => setImmediate(resolve));
    decide();
    assert.match(await all(server.connect(get('/', true))), /not you$/);
  });

  it('what throws where a WebSocket is asked for ends the connection, and is logged', async () => {
    const logged: string[] = [];
    const log = { ...silentLog, error: (event: string) => void logged.push(event) };
    const fetch = () => Promise.reject(new Error('broken'));
    await using server = await serving({ fetch, log });
    assert.equal(await all(server.connect(`GET / HTTP/1.1\r\nHost: a\r\n${webSocket}\r\n`)), '');
    assert.deepEqual(logged, ['request failed']);
  });

  it('a WebSocket is none with two Hosts', async () => {
    let asked = 0;
    const fetch = () => {
      asked += 1;
      return new Response('not you', { status: 401 });
    };
    await using server = await serving({ fetch });
    const twice = `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n${webSocket}\r\n`;
    assert.equal(await all(server.connect(twice)), '');
    assert.equal(asked, 0);
  });

  it('RFC 6455 §7.4.1: one that is open is told when the server goes away, or when it says too much', async () => {
    let ended = 0;
    const fetch: HttpServiceParts['fetch'] = (_, { upgrade }) => {
      upgrade?.((socket) => socket.send('hello'));
      const cancel = () => {
        ended += 1;
      };
      return new Response(new ReadableStream({ cancel }));
    };
    await using server = await serving({ fetch });
    const open = async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`);
      const [{ data }] = await once(socket, 'message');
      assert.equal(data, 'hello');
      assert.equal(socket.extensions, '', 'nothing is packed');
      return socket;
    };
    const [socket, talkative] = [await open(), await open()];
    assert.equal(ended, 2, 'what would have been the answer is let go');
    talkative.send('x'.repeat(4097));
    assert.equal((await once(talkative, 'close'))[0].code, 1009);
    socket.send('x'.repeat(4096));
    void server.service.shutdown();
    const [{ code }] = await once(socket, 'close');
    assert.equal(code, 1001);
  });

  it('a connection has so many requests, and no more', async () => {
    await using server = await serving({ limits: { requestsPerConnection: 2 } });
    const answers = await all(server.connect(get('/one') + get('/two') + get('/three', true)));
    assert.match(answers, /\/oneHTTP\/1\.1 200 [\s\S]*\/two/);
    assert.doesNotMatch(answers, /\/three/);
  });

  it('a client that is too many may go before it was told so', async () => {
    const admit = () => reply(421, '3.2', 'Too many');
    await using server = await serving({ connections: { admit, release() {} } });
    const socket = new PassThrough();
    const end = { address: '192.0.2.1', port: 1 };
    server.service.acceptSocket?.({
      ...{ socket: socket as never, ends: { remote: end, local: end } },
    });
    socket.emit('error', new Error('it was reset'));
  });

  it('what the process has of HTTP stays its own', async () => {
    const before = [globalThis.Request, globalThis.Response];
    await using server = await serving();
    await all(server.connect(get('/', true)));
    assert.deepEqual([globalThis.Request, globalThis.Response], before);
  });

  it('a body is read up to a limit, announced or in chunks', async () => {
    await using server = await serving({
      fetch: (request) =>
        readBody(request, 10).then(
          (body) => new Response(body),
          (error) => error.getResponse(),
        ),
    });
    const post = (rest: string) =>
      all(server.connect(`POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${rest}`));
    assert.match(await post('Content-Length: 10\r\n\r\n0123456789'), / 200 [\s\S]*0123456789$/);
    assert.match(await post('Content-Length: 11\r\n\r\n01234567890'), / 413 /);
    const chunks = (size: string, body: string) =>
      post(`Transfer-Encoding: chunked\r\n\r\n${size}\r\n${body}\r\n0\r\n\r\n`);
    assert.match(await chunks('a', '0123456789'), / 200 [\s\S]*0123456789$/);
    assert.match(await chunks('b', '0123456789a'), / 413 /);
  });

  it('what throws is a 500 that says nothing of it', async () => {
    const error = new Error('secret');
    for (const fetch of [() => Promise.reject(error), () => assert.fail(error)]) {
      await using server = await serving({ fetch });
      const answer = await all(server.connect(get('/', true)));
      assert.match(answer, /^HTTP\/1\.1 500 /);
      assert.doesNotMatch(answer, /secret/);
    }
  });

  it('a client that is too many is told 503 and goes', async () => {
    await using server = await serving({
      connections: {
        admit: () => reply(421, '3.2', 'Too many'),
        release: () => assert.fail('was never admitted'),
      },
    });
    assert.match(await all(server.connect(get('/'))), /^HTTP\/1\.1 503 [\s\S]*Retry-After/);
  });

  it('a connection has a name of its own in all services, and is ended by it', async () => {
    await using one = await serving({ random: seededRandom(1) });
    await using other = await serving({ random: seededRandom(2) });
    const sockets = [one.connect(get('/')), other.connect(get('/'))];
    for (const socket of sockets) await once(socket, 'data');
    const [first, second] = [one, other].map(({ service }) => service.sessions!()[0]!);
    assert.notEqual(first!.id, second!.id);
    assert.deepEqual(
      [first!.client, first!.secure, first!.bytesIn > 0],
      ['127.0.0.1', false, true],
    );
    assert.equal(other.service.endSession!(first!.id), false);
    assert.equal(one.service.endSession!(first!.id), true);
    await once(sockets[0]!, 'close');
    await one.service.shutdown();
    assert.deepEqual(one.service.sessions!(), []);
    assert.equal(other.service.sessions!().length, 1);
  });

  it('slow clients are ended: silent ones, a header or a body that trickles, an idle connection', async () => {
    const limits = { headersMs: 40, requestMs: 60, idleMs: 20, checkMs: 10 };
    const fetch = async (request: Request) => new Response(await request.text());
    await using server = await serving({ limits, fetch });
    const body = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12';
    for (const [what, text] of [
      ['nothing', ''],
      ['half a header', 'GET / HTTP/1.1\r\nHost:'],
      ['half a body', body],
      ['a request and no other', get('/')],
    ] as const) {
      const socket = server.connect(text);
      socket.resume();
      await once(socket, 'close');
      while (server.open() > 0) await new Promise(setImmediate);
      assert.equal(socket.destroyed, true, what);
    }
  });

  it('a body that comes on may take longer than any piece of it', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const limits = { requestMs: 60, bodyBytes: 100 };
    const fetch = async (request: Request) => new Response(await request.text());
    await using server = await serving({ limits, fetch });
    const pieces = 10;
    const head = `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${100 * pieces}\r\n\r\n`;
    const grown = async (wanted: number) => {
      while (server.service.sessions!()[0]!.bytesIn < wanted) await new Promise(setImmediate);
    };
    const socket = server.connect(head);
    const answer = all(socket);
    while (server.open() === 0) await new Promise(setImmediate);
    await grown(head.length);
    for (let i = 1; i <= pieces; i += 1) {
      socket.write('x'.repeat(100));
      await grown(head.length + 100 * i);
      if (i < pieces) t.mock.timers.tick(60);
    }
    assert.match(await answer, /^HTTP\/1\.1 200 [\s\S]*x{1000}$/);
    const slow = server.connect(`${head}${'x'.repeat(99)}`);
    while (server.service.sessions!().at(-1)?.bytesIn !== head.length + 99)
      await new Promise(setImmediate);
    slow.resume();
    t.mock.timers.tick(60);
    t.mock.timers.tick(60);
    await once(slow, 'close');
  });

  for (const method of ['GET', 'POST'])
    it(`a body that goes on behind its answer is ended, of ${method}`, async (t) => {
      t.mock.timers.enable({ apis: ['setInterval'] });
      const limits = { requestMs: 60, bodyBytes: 100 };
      await using server = await serving({ limits, fetch: () => new Response('done') });
      const head = `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${2 ** 40}\r\n\r\n`;
      const socket = server.connect(head);
      await until(socket, 'done');
      socket.resume();
      // What the client sends is always enough.
      for (let i = 1; i <= 3 && server.open() > 0; i += 1) {
        socket.write('x'.repeat(100));
        const grown = () => server.service.sessions!()[0]?.bytesIn === head.length + 100 * i;
        while (server.open() > 0 && !grown()) await new Promise(setImmediate);
        t.mock.timers.tick(60);
        for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
      }
      assert.equal(server.open(), 0);
    });

  it('a client that does not read its answer is ended', async () => {
    const fetch = () => new Response(Buffer.alloc(32 * 2 ** 20));
    await using server = await serving({ fetch, limits: { silentMs: 50 } });
    const socket = server.connect();
    socket.pause();
    socket.write(get('/'));
    while (server.open() === 0) await new Promise(setImmediate);
    while (server.open() > 0) await new Promise(setImmediate);
  });

  it('a header that does not end is 431', async () => {
    await using server = await serving();
    const socket = server.connect(`GET / HTTP/1.1\r\nX: ${'y'.repeat(20_000)}`);
    assert.match(await all(socket), /^HTTP\/1\.1 431 /);
  });

  it('at its end idle connections go at once, others with their answer, and new ones are turned away', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    const fetch = () => {
      asked.resolve();
      return answer.promise;
    };
    await using server = await serving({ fetch });
    const [idle, busy] = [server.connect(), server.connect(get('/'))];
    idle.resume();
    await asked.promise;
    while (server.open() < 2) await new Promise(setImmediate);
    let ended = false;
    const shutdown = server.service.shutdown().then(() => {
      ended = true;
    });
    await once(idle, 'close');
    assert.match(await all(server.connect(get('/'))), / 503 /);
    assert.equal(ended, false);
    answer.resolve(new Response('done'));
    assert.match(await all(busy), /^HTTP\/1\.1 200 [\s\S]*done$/);
    await shutdown;
  });

  it('destroy() drops what is open', async () => {
    await using server = await serving({ fetch: () => new Promise<Response>(() => {}) });
    const socket = server.connect(get('/'));
    while (server.open() === 0) await new Promise(setImmediate);
    const gone = new Promise((resolve) => socket.once('close', resolve));
    server.service.destroy();
    await gone;
  });

  it('says who asks, also behind a proxy that named the client', async () => {
    const fetch: HttpServiceParts['fetch'] = (_, { address, secure }) =>
      new Response(`${address} ${secure}`);
    await using server = await serving({ fetch });
    assert.match(await all(server.connect(get('/', true))), /127\.0\.0\.1 false$/);
    const service: Service = server.service;
    const listener = await listen({
      ...{ host: '127.0.0.1', port: 0, tls: undefined, implicitTls: false },
      proxy: { isProxy: () => true, timeoutMs: 5_000 },
      onSocket: (accepted) => service.acceptSocket?.(accepted),
    });
    const socket = connect({ host: '127.0.0.1', port: listener.port });
    socket.write(`PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${get('/')}`);
    assert.match(await until(socket, 'false'), /192\.0\.2\.1 false$/);
    socket.destroy();
    await listener.close();
  });
});
