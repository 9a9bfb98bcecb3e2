import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTcpServer, isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { FakeResolver } from '../dns/fake-resolver.ts';
import { issueCertificate } from './certificate.ts';
import type { HttpFailure, HttpRequest } from './http-request.ts';
import { HttpError, httpRequest } from './http-request.ts';

const day = 24 * 60 * 60_000;
const lifetime = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + day) };
const root = issueCertificate({ commonName: 'Root', names: [], authority: true, ...lifetime });
const leaf = issueCertificate({
  ...{ commonName: 'web.example', names: ['web.example'], issuer: root },
  ...lifetime,
});
const overLeaf = issueCertificate({
  ...{ commonName: 'web.example', names: ['web.example'], issuer: root },
  ...{ notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() - day) },
});

/** A server until the end of the block, and where it is. */
async function serving(server: Server | ReturnType<typeof createTcpServer>) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    ...{ port, url: `http://127.0.0.1:${port}/` },
    async [Symbol.asyncDispose]() {
      if ('closeAllConnections' in server) server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
const plain = (listener: RequestListener) => serving(createServer(listener));
const secure = (
  listener: RequestListener,
  { certificate: cert, privateKeyPem: key }: typeof leaf = leaf,
) => serving(createSecureServer({ cert, key }, listener) as unknown as Server);
/** What is sent on each connection, whatever is asked. */
const raw = (bytes: string, then: (socket: Socket) => void = (socket) => socket.end()) =>
  serving(
    createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write(bytes, () => then(socket)));
    }),
  );

/** As many pieces of 64 KiB, and how many of them were asked for. */
function inPieces(count: number) {
  let given = 0;
  return {
    size: count * 2 ** 16,
    given: () => given,
    async *read() {
      for (; given < count; given += 1) yield Buffer.alloc(2 ** 16);
    },
  };
}

const limits = { timeoutMs: 10_000, bytesMax: 1000 };
const get = (url: string, options: Partial<HttpRequest> = {}) =>
  httpRequest({ url, ...limits, ...options });
const fails = (request: Promise<unknown>, kind: HttpFailure, words = /./) =>
  assert.rejects(request, (error) => {
    assert.ok(error instanceof HttpError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, words);
    return true;
  });

describe('httpRequest()', () => {
  it('RFC 9110: sends method, header and body, and gives status, header and body', async () => {
    await using server = await plain((request, response) => {
      let body = '';
      request.on('data', (piece) => {
        body += piece;
      });
      request.on('end', () => {
        response.setHeader('X-Twice', ['a', 'b']);
        response.writeHead(418);
        const { method, url, headers } = request;
        const { host, accept, 'content-length': length } = headers;
        response.end(JSON.stringify({ method, url, host, accept, length, body }));
      });
    });
    const answer = await get(`${server.url}a%20b?c=d#e`, {
      ...{ method: 'POST', body: 'grüße', headers: { accept: 'application/json' } },
    });
    assert.equal(answer.status, 418);
    assert.equal(answer.headers.get('x-twice'), 'a, b');
    assert.deepEqual(JSON.parse(Buffer.from(answer.body).toString()), {
      ...{ method: 'POST', url: '/a%20b?c=d', host: `127.0.0.1:${server.port}` },
      ...{ accept: 'application/json', length: '7', body: 'grüße' },
    });
  });

  it('a body in pieces is sent whole, its length said before', async () => {
    await using server = await plain((request, response) => {
      let octets = 0;
      request.on('data', (piece) => {
        octets += piece.length;
      });
      request.on('end', () => response.end(`${request.headers['content-length']} ${octets}`));
    });
    const body = inPieces(16);
    const answer = await get(server.url, { method: 'POST', body });
    assert.equal(Buffer.from(answer.body).toString(), '1048576 1048576');
  });

  it('… and read no faster than it is taken; what cannot be read is no answer', async () => {
    await using server = await plain((request) => void request.pause());
    const body = inPieces(1024);
    await fails(get(server.url, { method: 'POST', body, timeoutMs: 300 }), 'timeout');
    assert.ok(body.given() < 512, `${body.given()} pieces`);
    const broken = {
      size: 10,
      // biome-ignore lint/correctness/useYield: it fails before it gives anything
      async *read(): AsyncIterable<Uint8Array> {
        throw new Error('the disk is gone');
      },
    };
    await fails(get(server.url, { method: 'POST', body: broken }), 'protocol', /the disk is gone/);
  });

  it('an answer that comes before all was sent is one', async () => {
    await using server = await plain((_, response) => void response.writeHead(413).end());
    const { status } = await get(server.url, { method: 'POST', body: inPieces(1024) });
    assert.equal(status, 413);
  });

  it('follows no redirect', async () => {
    await using server = await plain((_, response) => {
      response.writeHead(302, { location: 'https://elsewhere.example/' }).end();
    });
    const { status, headers } = await get(server.url);
    assert.deepEqual([status, headers.get('location')], [302, 'https://elsewhere.example/']);
  });

  it('a body that nobody wants is not waited for, however long it is said to be', async () => {
    let closed = Promise.resolve<unknown>(undefined);
    await using server = await plain((_, response) => {
      closed = once(response, 'close');
      response.writeHead(200, { 'content-length': '1000000' });
      response.write('a beginning');
    });
    await fails(get(server.url), 'too-large');
    const { status, body } = await get(server.url, { bodyUnread: true });
    assert.deepEqual([status, body.length], [200, 0]);
    await closed;
  });

  it('nor does it matter where no body may be, as rspamd answers', async () => {
    await using server = await plain((_, response) => {
      response.socket!.end('HTTP/1.1 204 x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}');
    });
    await fails(get(server.url), 'protocol');
    assert.equal((await get(server.url, { bodyUnread: true })).status, 204);
  });

  it('checks the certificate for the name in the URL, wherever it connects', async () => {
    await using server = await secure((_, response) => response.end('fine'));
    const connectTo = { host: '127.0.0.1', port: server.port };
    const tls = { ca: root.certificate };
    const { body } = await get('https://web.example/', { connectTo, tls });
    assert.equal(Buffer.from(body).toString(), 'fine');
    await fails(get('https://other.example/', { connectTo, tls }), 'tls', /other\.example/);
    await fails(get('https://web.example/', { connectTo }), 'tls', /TLS failed/);
  });

  it('RFC 9110 §4.3.4: a certificate speaks by its subjectAltName alone', async () => {
    const named = { commonName: 'web.example', issuer: root, ...lifetime };
    for (const names of [[], ['someone@web.example']]) {
      const certificate = issueCertificate({ ...named, names });
      await using server = await secure((_, response) => response.end(), certificate);
      const connectTo = { host: '127.0.0.1', port: server.port };
      const tls = { ca: root.certificate };
      await fails(get('https://web.example/', { connectTo, tls }), 'tls', /names no host/);
    }
  });

  it('a certificate that is over is a failure of TLS, as is no TLS at all', async () => {
    await using over = await secure((_, response) => response.end(), overLeaf);
    const tls = { ca: root.certificate };
    const to = (port: number) => ({ tls, connectTo: { host: '127.0.0.1', port } });
    await fails(get('https://web.example/', to(over.port)), 'tls', /expired/);
    await using clear = await plain((_, response) => response.end());
    await fails(get('https://web.example/', to(clear.port)), 'tls');
  });

  it('asks our resolver, both families, of which one is enough', async () => {
    await using server = await plain((_, response) => response.end('found'));
    const resolver = new FakeResolver({
      'web.example': { A: ['127.0.0.1'], fails: { AAAA: 'servfail' } },
      'later.example': { fails: 'servfail' },
      'empty.example': { TXT: ['nothing else'] },
    });
    const at = (name: string) => get(`http://${name}:${server.port}/`, { resolver });
    assert.equal(Buffer.from((await at('web.example')).body).toString(), 'found');
    await fails(at('later.example'), 'dns', /no answer/);
    await fails(at('empty.example'), 'dns', /has no address/);
    await fails(at('nowhere.example'), 'dns', /has no address/);
  });

  it('calls no address that may not be called, whoever names it', async () => {
    await using server = await plain((_, response) => response.end('found'));
    const resolver = new FakeResolver({ 'web.example': { A: ['127.0.0.1'] } });
    const asked: string[] = [];
    const at = (host: string, isAllowed: boolean, given: Partial<HttpRequest> = {}) =>
      get(`http://${host}:${server.port}/`, {
        allows(address) {
          asked.push(address);
          return isAllowed && address === '127.0.0.1';
        },
        ...given,
      });
    const no = (host: string, words: RegExp, given: Partial<HttpRequest> = {}) =>
      fails(at(host, false, given), 'not-allowed', words);
    await no('127.0.0.1', /^127\.0\.0\.1 is no address that may be called/);
    await no('[::1]', /^::1 is no address/);
    await no('web.example', /^web\.example \(127\.0\.0\.1\) is no/, { resolver });
    await no('localhost', /^localhost \(.*127\.0\.0\.1.*\) is no/);
    for (const host of ['127.0.0.1', 'localhost'])
      assert.equal(Buffer.from((await at(host, true)).body).toString(), 'found');
    await at('web.example', true, { resolver });
    assert.ok(!asked.some((address) => isIP(address) === 0), 'names are no addresses');
  });

  it('a name that the system does not know is a failure of the DNS', async () => {
    await fails(get(`http://${'x'.repeat(64)}.example/`), 'dns');
  });

  it('reaches a Unix socket', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'postrider-http-'));
    t.after(() => rm(directory, { recursive: true }));
    const path = join(directory, 'http.sock');
    const server = createServer((request, response) => response.end(request.headers.host));
    server.listen(path);
    await once(server, 'listening');
    t.after(() => server.close());
    const { body } = await get('http://filter.example/checkv2', { connectTo: { path } });
    assert.equal(Buffer.from(body).toString(), 'filter.example');
  });

  it('nobody there is a failure to connect', async () => {
    const server = await plain(() => {});
    await server[Symbol.asyncDispose]();
    await fails(get(server.url), 'connect', /refused/);
  });

  it('a body larger than allowed ends the request, announced or not', async () => {
    await using announced = await raw(
      'HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n',
      () => {},
    );
    await fails(get(announced.url), 'too-large', /1000 octets/);
    let sent = 0;
    await using endless = await plain((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536;
      };
      response.on('drain', more);
      more();
    });
    await fails(get(endless.url), 'too-large');
    assert.ok(sent < 50 * 2 ** 20, `${sent} octets were sent`);
    await using exact = await plain((_, response) => response.end('x'.repeat(1000)));
    assert.equal((await get(exact.url)).body.length, 1000);
  });

  it('so does a header that does not end', async () => {
    await using server = await raw(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}`, () => {});
    await fails(get(server.url), 'protocol', /header/i);
  });

  it('silence is a timeout, before the header and within the body', async () => {
    await using mute = await plain(() => {});
    await fails(get(mute.url, { timeoutMs: 50 }), 'timeout');
    await using slow = await plain((_, response) => response.write('begun'));
    await fails(get(slow.url, { timeoutMs: 50 }), 'timeout');
    await using handshake = await raw('', () => {});
    await fails(get(handshake.url.replace('http:', 'https:'), { timeoutMs: 50 }), 'timeout');
  });

  it('what breaks off or is no HTTP is a failure of the protocol', async () => {
    await using short = await raw('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfour');
    await fails(get(short.url), 'protocol', /broke off/);
    await using other = await raw('220 mx.example ESMTP\r\n');
    await fails(get(other.url), 'protocol');
    await using nothing = await raw('');
    await fails(get(nothing.url), 'protocol');
    await using upgraded = await raw(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    );
    await fails(get(upgraded.url), 'protocol');
  });

  it('what is no HTTP is none over TLS either', async () => {
    const { certificate: cert, privateKeyPem: key } = leaf;
    await using server = await serving(
      createTlsServer({ cert, key }, (socket) => socket.resume().end('220 mx.example ESMTP\r\n')),
    );
    const connectTo = { host: '127.0.0.1', port: server.port };
    const tls = { ca: root.certificate };
    await fails(get('https://web.example/', { connectTo, tls }), 'protocol');
  });

  it('is no other scheme', async () => {
    for (const url of ['ftp://web.example/', 'file:///etc/passwd', 'nonsense', 'data:,x'])
      await fails(get(url), 'protocol', /no address of the web/);
  });

  it('ends with the caller’s signal', async () => {
    const controller = new AbortController();
    let requests = 0;
    await using server = await plain((_, response) => {
      requests += 1;
      if (requests === 1) response.end();
      else controller.abort();
    });
    const { signal } = controller;
    await get(server.url, { signal });
    assert.deepEqual(getEventListeners(signal, 'abort'), [], 'it outlives the request');
    await fails(get(server.url, { signal }), 'aborted');
    await fails(get(server.url, { signal, timeoutMs: 500 }), 'aborted');
    assert.equal(requests, 2);
  });
});
