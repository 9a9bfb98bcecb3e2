import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { connect, createServer, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { after, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { silentLog } from '../base/log.ts';
import type { ListenOptions } from './listener.ts';
import { ListenError, listen, startServerTls } from './listener.ts';
import { PeerTimeout } from './peer.ts';
import type { ProxyRules } from './proxy-protocol.ts';
import type { SocketPeer } from './socket-peer.ts';
import { loadTestTls, testCertificate, testServerTls } from './test-certificate.ts';
import { answeringAuthorities, challengeContext } from './tls-alpn.ts';

const tls = await testServerTls('mx.example.org');

const directory = mkdtempSync(join(tmpdir(), 'postrider-listener-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** A listener, and its connections in order. */
async function open(options: Partial<ListenOptions> = {}) {
  const peers: SocketPeer[] = [];
  const waiting: ((peer: SocketPeer) => void)[] = [];
  const listener = await listen({
    ...(options.path === undefined && { host: '127.0.0.1', port: 0 }),
    tls: undefined,
    implicitTls: false,
    onConnection: (peer) => {
      const next = waiting.shift();
      if (next === undefined) peers.push(peer);
      else next(peer);
    },
    ...options,
  });
  const accepted = async (): Promise<SocketPeer> =>
    peers.shift() ?? new Promise((resolve) => waiting.push(resolve));
  return { listener, accepted, peers };
}

/** Both ends of a connection. */
async function pair(options: Partial<ListenOptions> = {}) {
  const { listener, accepted } = await open(options);
  const client = connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => {});
  const peer = await accepted();
  await listener.close();
  return { peer, client };
}

/** Who says `reusePort` listens beside others who do: the kernel deals connections out among them. */
describe('reusePort', { skip: process.platform !== 'linux' }, () => {
  const greeted = async (port: number): Promise<void> => {
    const client = connect({ port, host: '127.0.0.1' });
    await once(client, 'connect');
    client.destroy();
  };

  it('connections reach all that listen in one place, and those that are left when one has gone', async () => {
    const one = await open({ reusePort: true });
    const { port } = one.listener;
    const two = await open({ port, reusePort: true });
    const arrived = async (count: number): Promise<void> => {
      while (one.peers.length + two.peers.length < count)
        await new Promise((resolve) => setImmediate(resolve));
    };
    for (let i = 0; i < 100; i += 1) await greeted(port);
    await arrived(100);
    const [ofOne, ofTwo] = [one.peers.length, two.peers.length];
    assert.ok(ofOne > 0 && ofTwo > 0, `${ofOne} and ${ofTwo}`);
    await one.listener.close();
    for (let i = 0; i < 20; i += 1) await greeted(port);
    await arrived(120);
    assert.deepEqual([one.peers.length, two.peers.length], [ofOne, ofTwo + 20]);
    await two.listener.close();
  });

  it('who does not say so has a port for himself', async () => {
    for (const [first, second] of [
      [true, false],
      [false, true],
    ] as const) {
      const { listener } = await open({ reusePort: first });
      await assert.rejects(open({ port: listener.port, reusePort: second }), ListenError);
      await listener.close();
    }
  });
});

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve();
    socket.once('close', () => resolve());
    socket.once('end', () => socket.end()); // it may be half open
    socket.resume();
  });
const nextChunk = (socket: Socket): Promise<string> =>
  new Promise((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())));
const textOf = async (peer: SocketPeer): Promise<string> =>
  Buffer.from((await peer.read(5_000)) ?? []).toString();

describe('SocketPeer', () => {
  it('reads what comes, in order, and undefined at the end', async () => {
    const { peer, client } = await pair();
    client.end('hello');
    assert.equal(await textOf(peer), 'hello');
    assert.equal(await peer.read(5_000), undefined);
    assert.equal(await peer.read(5_000), undefined);
    peer.destroy();
  });

  it('can still answer a client that has ended its half', async () => {
    const { peer, client } = await pair();
    const answer = nextChunk(client);
    client.end('QUIT\r\n');
    await textOf(peer);
    assert.equal(await peer.read(5_000), undefined);
    await peer.write('221 Bye\r\n');
    await peer.end();
    assert.equal(await answer, '221 Bye\r\n');
  });

  it('knows who it was when the connection is gone', async () => {
    const { peer, client } = await pair();
    const { port } = client.address() as { port: number };
    assert.deepEqual(peer.remote, { address: '127.0.0.1', port });
    client.resetAndDestroy();
    await assert.rejects(peer.read(5_000));
    assert.deepEqual(peer.remote, { address: '127.0.0.1', port });
    await assert.rejects(async () => peer.write('too late'));
    await peer.end();
    peer.destroy();
  });

  it('a peer that sends what nobody reads is held back', async () => {
    const { peer, client } = await pair();
    const piece = Buffer.alloc(64 * 1024, 'x');
    // More than the kernel takes for both of us: the client must come to a halt.
    let sent = 0;
    const halted = new Promise<void>((resolve) => {
      const more = () => {
        while (sent < 64 * 2 ** 20) {
          sent += piece.length;
          if (!client.write(piece)) {
            const stuck = setTimeout(resolve, 200);
            client.once('drain', () => {
              clearTimeout(stuck);
              more();
            });
            return;
          }
        }
        resolve();
      };
      more();
    });
    await halted;
    assert.ok(sent < 64 * 2 ** 20, 'not everything was taken in');
    client.end();
    let received = 0;
    for (let chunk = await peer.read(5_000); chunk !== undefined; chunk = await peer.read(5_000))
      received += chunk.length;
    assert.equal(received, sent, 'nothing is lost by it');
    peer.destroy();
  });

  it('a peer that never reads is waited for, and not for ever', async () => {
    const { peer, client } = await pair();
    client.pause();
    const piece = Buffer.alloc(2 ** 20, 'x');
    const writing = (async () => {
      for (;;) await peer.write(piece, 50);
    })();
    await assert.rejects(writing, PeerTimeout);
    client.destroy();
  });

  it('silence is a PeerTimeout, after which it can still be written to', async () => {
    const { peer, client } = await pair();
    await assert.rejects(peer.read(20), PeerTimeout);
    await assert.rejects(peer.read(20), PeerTimeout, 'also the second time');
    const heard = nextChunk(client);
    await peer.write('421 Bye\r\n');
    assert.equal(await heard, '421 Bye\r\n');
    peer.destroy();
    await closed(client);
  });

  it('CVE-2011-0411: what was read in the clear is thrown away by startTls', async () => {
    const { peer, client } = await pair();
    // Both pieces are here before the handshake begins, the second one unread.
    client.write('STARTTLS\r\n');
    assert.equal(await textOf(peer), 'STARTTLS\r\n');
    client.write('injected\r\n');
    while (client.writableLength > 0) await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
    const upgrade = startServerTls(peer, tls);
    const secured = connectTls({ socket: client, rejectUnauthorized: false });
    secured.on('error', () => {});
    secured.write('protected');
    const upgraded = await upgrade;
    assert.equal(await textOf(upgraded), 'protected');
    assert.equal(upgraded.tls?.protocol, 'TLSv1.3');
    assert.deepEqual(upgraded.remote, peer.remote);
    upgraded.destroy();
  });

  for (const [what, spoil] of [
    ['that is none', (client: Socket) => client.write('EHLO x\r\n'.repeat(10))],
    ['whose client ends its half', (client: Socket) => client.end()],
    ['whose client goes away', (client: Socket) => client.resetAndDestroy()],
  ] as const)
    it(`a handshake ${what} fails and leaves no connection`, async () => {
      const { peer, client } = await pair();
      const upgrade = startServerTls(peer, tls);
      spoil(client);
      await assert.rejects(upgrade);
      await closed(client);
    });
});

describe('listen', () => {
  it('TLS from the first byte: handshakes are counted in, and out again once', async () => {
    let counted = 0;
    const { listener, accepted, peers } = await open({
      tls,
      implicitTls: true,
      admitHandshake: () => {
        if (counted === 2) return undefined;
        counted += 1;
        return () => {
          counted -= 1;
        };
      },
    });
    const silent = [connect(listener.port, '127.0.0.1'), connect(listener.port, '127.0.0.1')];
    for (const one of silent) one.on('error', () => {});
    while (counted < 2) await new Promise((resolve) => setImmediate(resolve));
    const refused = connect(listener.port, '127.0.0.1');
    refused.on('error', () => {});
    await closed(refused);
    silent[0]!.destroy();
    while (counted > 1) await new Promise((resolve) => setImmediate(resolve));
    const good = connectTls({ port: listener.port, host: '127.0.0.1', rejectUnauthorized: false });
    good.write('hello');
    const peer = await accepted();
    assert.equal(counted, 1, 'now the owner counts it');
    assert.equal(await textOf(peer), 'hello');
    await listener.close();
    await closed(silent[1]!);
    assert.equal(counted, 0);
    assert.deepEqual(peers, []);
    peer.destroy();
  });

  it('without a certificate nothing is spoken in the clear where TLS comes first', async () => {
    let counted = 0;
    const admitHandshake = () => {
      counted += 1;
      return () => {
        counted -= 1;
      };
    };
    const { listener, peers } = await open({ implicitTls: true, admitHandshake });
    const client = connect(listener.port, '127.0.0.1');
    client.on('error', () => {});
    await closed(client);
    assert.deepEqual([peers.length, counted], [0, 0]);
    await listener.close();
  });

  it('a port in use is an error that says what to do', async () => {
    const { listener } = await open();
    await assert.rejects(open({ port: listener.port }), (error: Error) => {
      assert.ok(error instanceof ListenError);
      assert.deepEqual([error.code, error.mayPass], ['EADDRINUSE', true], 'the other may end');
      assert.match(error.message, /127\.0\.0\.1 port \d+: it is in use; stop the other program or/);
      return true;
    });
    await listener.close();
  });

  describe('what the system says of an address', () => {
    /** `refusals` are the codes that '::' gets, one after the other. */
    function binding(t: TestContext, ...refusals: string[]) {
      const asked: { readonly server: Server; readonly host: unknown }[] = [];
      const bind = Server.prototype.listen;
      t.mock.method(Server.prototype, 'listen', function (this: Server, ...given: unknown[]) {
        const [options] = given as [{ host?: string }];
        asked.push({ server: this, host: options.host });
        const code = options.host === '::' ? refusals.shift() : undefined;
        if (code === undefined) return Reflect.apply(bind, this, given);
        process.nextTick(() => this.emit('error', Object.assign(new Error(code), { code })));
        return this;
      });
      return { asked, hosts: () => asked.map(({ host }) => host) };
    }

    for (const code of ['EAFNOSUPPORT', 'EADDRNOTAVAIL'])
      it(`${code}: everything is IPv4 where there is no IPv6`, async (t) => {
        const { hosts } = binding(t, code);
        await using _ = (await open({ host: '::', port: 0 })).listener;
        assert.deepEqual(hosts(), ['::', '0.0.0.0']);
      });

    it('anything else is no reason to be content with IPv4', async (t) => {
      const { hosts } = binding(t, 'EADDRINUSE');
      await assert.rejects(open({ host: '::', port: 1 }), { code: 'EADDRINUSE' });
      assert.deepEqual(hosts(), ['::']);
    });

    it('once it listens, what fails passes: no connection can be taken now', async (t) => {
      const { asked, hosts } = binding(t);
      await using _ = (await open({ host: '::', port: 0 })).listener;
      for (const code of ['EADDRNOTAVAIL', 'EMFILE'])
        asked[0]!.server.emit('error', Object.assign(new Error(code), { code }));
      assert.deepEqual(hosts(), ['::']);
    });
  });

  it('an address of another machine is an error that says so', () =>
    assert.rejects(open({ host: '192.0.2.1' }), {
      ...{ message: /this machine has no such address/, code: 'EADDRNOTAVAIL' },
      mayPass: true, // an interface may come up
    }));

  it('a Unix socket is for whom its mode says, and is gone after close', async () => {
    const open660 = join(directory, 'zero.sock');
    await using _ = (await open({ path: open660 })).listener;
    assert.equal(statSync(open660).mode & 0o777, 0o660);
    const path = join(directory, 'one.sock');
    const { listener, accepted } = await open({ path, mode: 0o666 });
    assert.equal(statSync(path).mode & 0o777, 0o666);
    const client = connect({ path });
    const peer = await accepted();
    assert.deepEqual(peer.remote, { address: '', port: 0 });
    assert.equal(listener.port, 0);
    await listener.close();
    assert.throws(() => statSync(path), /ENOENT/);
    peer.destroy();
    await closed(client);
  });

  it('a Unix socket that is in use is refused, one that was left behind is replaced', async () => {
    const path = join(directory, 'two.sock');
    const { listener } = await open({ path });
    const inUse = { message: /another server listens there/, mayPass: true };
    await assert.rejects(open({ path }), inUse);
    await listener.close();
    await leaveBehind(path);
    const { listener: again } = await open({ path });
    await again.close();
  });

  it('a Unix socket whose server is too busy to take connections is in use', async () => {
    const path = join(directory, 'busy.sock');
    const busy = new Worker(
      `const { workerData: path, parentPort } = require('node:worker_threads');
      require('node:net').createServer().listen({ path, backlog: 1 }, () => {
        parentPort.postMessage('listens');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      });`,
      { eval: true, workerData: path },
    );
    await once(busy, 'message');
    const waiting = Array.from({ length: 3 }, () => connect({ path }).on('error', () => {}));
    await assert.rejects(open({ path }), /another server listens there/);
    for (const one of waiting) one.destroy();
    await busy.terminate();
  });

  it('a file is never taken for a socket', async () => {
    const path = join(directory, 'precious');
    writeFileSync(path, 'x');
    const isFile = { message: /there is a file of that name/, code: 'EEXIST', mayPass: false };
    await assert.rejects(open({ path }), isFile);
    const noFolder = { message: /its folder does not exist/, code: 'EACCES', mayPass: false };
    await assert.rejects(open({ path: join(directory, 'none', 'x.sock') }), noFolder);
    const long = open({ path: join(directory, 'x'.repeat(200)) });
    await assert.rejects(long, (error: Error) => !/folder/.test(error.message));
    assert.equal(statSync(path).size, 1);
  });
});

describe('listen: proxies', () => {
  const proxyOf = (of: Partial<ProxyRules> = {}) => {
    const told: string[] = [];
    const onRefused = (...what: string[]) => told.push(what.join(' '));
    return { told, proxy: { isProxy: () => false, timeoutMs: 5_000, onRefused, ...of } };
  };

  it('who is none is turned away and told of, where proxies alone may come', async () => {
    const { told, proxy } = proxyOf({ others: 'refuse' });
    const { listener, peers } = await open({ proxy });
    await closed(connect(listener.port, '127.0.0.1'));
    assert.deepEqual([told, peers.length], [['127.0.0.1 not one of the proxies'], 0]);
    await listener.close();
  });

  it('… and speaks for himself where others may', async () => {
    const { told, proxy } = proxyOf();
    const { peer, client } = await pair({ proxy });
    client.write('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n');
    assert.match(await textOf(peer), /^PROXY/);
    assert.deepEqual([peer.remote.address, told], ['127.0.0.1', []]);
    peer.destroy();
  });

  it('so many may have said nothing yet, and more when these have', async () => {
    const { told, proxy } = proxyOf({ isProxy: () => true, timeoutMs: 60_000, unnamedMax: 2 });
    const { listener, accepted } = await open({ proxy });
    const come = () => connect(listener.port, '127.0.0.1').on('error', () => {});
    const [first, second] = [come(), come()];
    for (const one of [first, second]) await once(one, 'connect');
    await closed(come());
    assert.deepEqual(told, ['127.0.0.1 too many connections without one']);
    first.write('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n');
    assert.equal((await accepted()).remote.address, '192.0.2.1');
    const third = come();
    third.write('PROXY TCP4 192.0.2.3 192.0.2.2 1 2\r\n');
    const peer = await accepted();
    assert.deepEqual([peer.remote.address, told.length], ['192.0.2.3', 1]);
    for (const one of [first, second, third]) one.destroy();
    await listener.close();
  });

  it('a health check that hangs up before TLS is nobody who was refused; a client that does is', async () => {
    const failed: string[] = [];
    const debugged = Promise.withResolvers<void>();
    const { proxy } = proxyOf({ isProxy: () => true });
    const { listener } = await open({
      ...{ proxy, tls, implicitTls: true },
      onHandshakeFailure: (address) => failed.push(address),
      log: { ...silentLog, debug: () => debugged.resolve() },
    });
    // PROXY protocol §2.2: version 2, LOCAL.
    const local = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');
    const check = connect(listener.port, '127.0.0.1');
    check.end(local);
    await debugged.promise;
    assert.deepEqual(failed, []);
    const client = connect(listener.port, '127.0.0.1');
    client.end('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n');
    await closed(client);
    assert.deepEqual(failed, ['192.0.2.1']);
    await listener.close();
  });

  it('one that has not said whose its connection is does not outlive the listener', async () => {
    const asked = Promise.withResolvers<void>();
    const isProxy = () => {
      asked.resolve();
      return true;
    };
    const { proxy } = proxyOf({ isProxy, timeoutMs: 60_000 });
    const { listener, peers } = await open({ proxy });
    const client = connect(listener.port, '127.0.0.1');
    client.on('error', () => {});
    await asked.promise;
    await listener.close();
    await listener.close();
    await closed(client);
    assert.equal(peers.length, 0);
  });
});

describe('listen: TLS from the first octet', () => {
  it('a handshake that fails is told of, with its client and the reason in one line', async () => {
    const failed = Promise.withResolvers<string>();
    const onHandshakeFailure = (address: string, { message }: Error) =>
      failed.resolve(`${address}: ${message}`);
    const { listener } = await open({ tls, implicitTls: true, onHandshakeFailure });
    const client = connect(listener.port, '127.0.0.1');
    client.on('error', () => {});
    client.write('EHLO c.test\r\n');
    assert.equal(await failed.promise, '127.0.0.1: wrong version number');
    await closed(client);
    await listener.close();
  });

  it('one that is over outlives the listener', async () => {
    const { listener, accepted } = await open({ tls, implicitTls: true });
    const options = { port: listener.port, host: '127.0.0.1', rejectUnauthorized: false };
    const client = connectTls(options);
    client.on('error', () => {});
    const peer = await accepted();
    await listener.close();
    await peer.write('220 hi\r\n');
    assert.equal(await nextChunk(client), '220 hi\r\n');
    peer.destroy();
    client.destroy();
  });
});

/** A socket without a server, as a killed process leaves one. */
async function leaveBehind(path: string): Promise<void> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const { _handle: handle } = server as unknown as { _handle: { close(): void } };
  const { renameSync } = await import('node:fs');
  renameSync(path, `${path}.kept`);
  handle.close();
  renameSync(`${path}.kept`, path);
}

describe('listen: authorities', () => {
  it('RFC 8737 §3: who speaks acme-tls/1 gets the proof for the name and no service; others are served as ever', async () => {
    const serverTls = await loadTestTls([testCertificate('usual'), testCertificate('a.example')]);
    const challenges = new Map([['a.example', challengeContext(testCertificate('proof'))]]);
    let served = 0;
    const { listener } = await open({
      tls: answeringAuthorities(serverTls, challenges),
      implicitTls: true,
      onConnection: (peer) => {
        served += 1;
        void peer.write('hello');
      },
    });
    let maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3';
    const ask = (servername: string, ...ALPNProtocols: string[]) =>
      new Promise<string>((resolve) => {
        const socket = connectTls({
          ...{ port: listener.port, host: '127.0.0.1', servername, rejectUnauthorized: false },
          maxVersion,
          ...(ALPNProtocols.length > 0 && { ALPNProtocols }),
        });
        let said = '';
        socket.on('secureConnect', () => {
          const { CN } = socket.getPeerCertificate().subject;
          said = `${String(CN)} ${socket.alpnProtocol}`;
        });
        socket.on('data', (text) => {
          said += ` ${text}`;
          socket.destroy();
        });
        socket.on('error', ({ message }) => {
          said = /no application protocol/i.test(message) ? 'refused' : message;
        });
        socket.on('close', () => resolve(said));
      });
    for (maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      served = 0;
      assert.equal(await ask('A.example', 'acme-tls/1'), 'proof acme-tls/1');
      assert.equal(await ask('b.example', 'acme-tls/1'), 'refused');
      assert.equal(served, 0);
      assert.equal(await ask('a.example'), 'a.example false hello');
      assert.equal(await ask('a.example', 'imap'), 'a.example imap hello');
      assert.equal(await ask('b.example', 'h2', 'http/1.1'), 'usual http/1.1 hello');
    }
    await listener.close();
  });
});

describe('listen: sockets for node:http', () => {
  async function openHttp(options: Partial<ListenOptions> = {}) {
    const http = createHttpServer((request, response) => {
      const { servername } = request.socket as { servername?: unknown };
      response.end(`${request.url} ${servername || 'in the clear'}`);
    });
    const { listener } = await open({
      onSocket: ({ socket }) => void http.emit('connection', socket),
      ...options,
    });
    const client = connect({ port: listener.port, host: '127.0.0.1' });
    return { listener, client };
  }
  const ask = 'GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  const answerOn = async (socket: Socket): Promise<string> =>
    String(Buffer.concat(await Array.fromAsync(socket)));

  it('one in the clear is served', async () => {
    const { listener, client } = await openHttp();
    client.write(ask);
    assert.match(await answerOn(client), /^HTTP\/1\.1 200 OK[\s\S]*\/metrics in the clear$/);
    await listener.close();
  });

  it('so is one behind a PROXY header, all in one write', async () => {
    const { listener, client } = await openHttp({
      proxy: { isProxy: () => true, timeoutMs: 5_000 },
    });
    client.write(`PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${ask}`);
    assert.match(await answerOn(client), /\/metrics in the clear$/);
    await listener.close();
  });

  it('the certificate is that of the name that is asked for, also after a change', async () => {
    const [a, b, c] = ['a.example', 'b.example', 'c.example'].map((name) => testCertificate(name));
    const serverTls = await loadTestTls([a!, b!]);
    const { listener, client } = await openHttp({ implicitTls: true, tls: serverTls });
    client.destroy();
    const askAs = async (servername: string) => {
      const socket = connectTls({
        ...{ port: listener.port, host: '127.0.0.1', servername, rejectUnauthorized: false },
      });
      socket.write(ask);
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      const { CN } = socket.getPeerCertificate().subject;
      assert.match(await answerOn(socket), new RegExp(`/metrics ${servername}$`));
      return CN;
    };
    assert.equal(await askAs('a.example'), 'a.example');
    assert.equal(await askAs('b.example'), 'b.example');
    assert.equal(await askAs('c.example'), 'a.example', 'the first, where none fits');
    await serverTls.reload([a!, b!, c!]);
    assert.equal(await askAs('c.example'), 'c.example');
    await listener.close();
  });
});
