import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { getEventListeners } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import { freePorts } from '../../test/ports.ts';
import { FakeClock } from '../base/fake-clock.ts';
import type { TlsaRecord } from '../dns/resolver.ts';
import { issueCertificate } from './certificate.ts';
import { createDialer, DialError, dialFirst, TlsHandshakeError } from './dialer.ts';
import type { Peer } from './peer.ts';
import type { TlsSecurity } from './transport-security.ts';

async function serve(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    /** Resolves once every connection is closed. */
    async quiet() {
      while (sockets.size > 0) await setImmediate();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const request = {
  commonName: 'mx.example.net',
  names: ['mx.example.net', '127.0.0.1'],
  notBefore: new Date(Date.now() - 3_600_000),
  notAfter: new Date(Date.now() + 3_600_000),
};
const issued = issueCertificate(request);
const stranger = issueCertificate(request);

/** `3 1 1`: the key of the server's own certificate. */
function spki(pem: string): TlsaRecord {
  const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return { usage: 3, selector: 1, matching: 1, data: createHash('sha256').update(key).digest() };
}

/** A TLS server from the first byte, that echoes; as a raw socket to be upgraded by the client. */
async function serveTls(cert = issued.certificate, { privateKeyPem: key } = issued) {
  const tls = createTlsServer({ cert, key });
  tls.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => socket.write(chunk));
  });
  tls.on('tlsClientError', () => {});
  return serve((socket) => tls.emit('connection', socket));
}

interface Call {
  readonly host?: string;
  /** A certificate for the host that an authority vouches for; default: any. */
  readonly verify?: boolean;
  readonly security?: TlsSecurity;
}

async function call(port: number, options: Call = {}, dialer = createDialer()) {
  const { host = 'mx.example.net', verify = false } = options;
  const { security = verify ? { kind: 'names', names: [host] } : { kind: 'opportunistic' } } =
    options;
  const peer = await dialer.dial({ address: '127.0.0.1', port, timeoutMs: 5000 });
  return dialer.startTls(peer, { host, security });
}

const echo = async (peer: Peer) => {
  await peer.write('hello');
  return Buffer.from((await peer.read(5000)) ?? []).toString();
};

describe('the dialer', () => {
  it('connects, and knows both ends', async () => {
    await using server = await serve((socket) => socket.end('hi'));
    const peer = await createDialer().dial({
      address: '127.0.0.1',
      port: server.port,
      timeoutMs: 5000,
    });
    assert.deepEqual(peer.remote, { address: '127.0.0.1', port: server.port });
    assert.equal(Buffer.from((await peer.read(5000)) ?? []).toString(), 'hi');
    peer.destroy();
  });

  it('says in words why there is no connection', async () => {
    const [port = 0] = await freePorts(1);
    const dialer = createDialer();
    await assert.rejects(
      dialer.dial({ address: '127.0.0.1', port, timeoutMs: 5000 }),
      (error) =>
        error instanceof DialError &&
        error.refused &&
        error.code === 'ECONNREFUSED' &&
        error.message === 'connection refused',
    );
    const { signal: kept } = new AbortController();
    await assert.rejects(
      dialer.dial({ path: '/nowhere/at/all', timeoutMs: 5000, signal: kept }),
      /there is no such socket/,
    );
    assert.equal(getEventListeners(kept, 'abort').length, 0, 'nothing is kept by the signal');
    const signal = AbortSignal.abort();
    await assert.rejects(dialer.dial({ address: '127.0.0.1', port, timeoutMs: 5000, signal }), {
      name: 'DialError',
      code: 'ABORT_ERR',
      message: 'given up',
    });
  });

  it('calls from the address that it is told to', {
    skip: process.platform !== 'linux' && 'only Linux has all of 127.0.0.0/8',
  }, async () => {
    await using server = await serve((socket) => socket.end(String(socket.remoteAddress)));
    const from = async (local: { localAddress?: string }) => {
      const options = { address: '127.0.0.1', port: server.port, timeoutMs: 5000, ...local };
      const peer = await createDialer().dial(options);
      return Buffer.from((await peer.read(5000)) ?? []).toString();
    };
    assert.equal(await from({ localAddress: '127.0.0.2' }), '127.0.0.2');
    assert.equal(await from({}), '127.0.0.1');
  });

  it('hangs up when it is told to give up, and never once there is a connection', async (t) => {
    await using server = await serve((socket) => socket.pipe(socket));
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const [early, late] = [new AbortController(), new AbortController()];
    const options = { address: '127.0.0.1', port: server.port, timeoutMs: 5000 };
    const given = createDialer().dial({ ...options, signal: early.signal });
    early.abort();
    await assert.rejects(given, { code: 'ABORT_ERR' });
    const timed = createDialer().dial(options);
    t.mock.timers.tick(5000);
    await assert.rejects(timed, { code: 'ETIMEDOUT', message: 'no connection within 5 seconds' });
    const peer = await createDialer().dial({ ...options, signal: late.signal });
    late.abort();
    t.mock.timers.tick(10_000);
    t.mock.timers.reset();
    assert.equal(await echo(peer), 'hello');
    peer.destroy();
    await server.quiet();
  });

  it('puts TLS over its own connections alone', async () => {
    const peer = {} as unknown as Peer;
    const options = { host: 'mx.example.net', security: { kind: 'encrypted' } } as const;
    await assert.rejects(createDialer().startTls(peer, options), { name: 'AssertionError' });
  });

  it('RFC 7435 §1.2: takes any certificate when it does not have to be verified', async () => {
    await using server = await serveTls();
    const peer = await call(server.port);
    assert.equal(await echo(peer), 'hello');
    assert.match(peer.tls?.protocol ?? '', /^TLSv1\.[23]$/);
    assert.equal(peer.tls?.verified, false);
    peer.destroy();
  });

  it('RFC 7817 §3: verifies chain and name', async () => {
    await using server = await serveTls();
    const trusting = createDialer({ authorities: issued.certificate });
    const peer = await call(server.port, { verify: true }, trusting);
    assert.equal(peer.tls?.verified, true);
    assert.equal(peer.tls?.servername, 'mx.example.net');
    peer.destroy();
    const byAddress = await call(server.port, { verify: true, host: '127.0.0.1' }, trusting);
    assert.equal(await echo(byAddress), 'hello');
    byAddress.destroy();
    await assert.rejects(call(server.port, { verify: true }), TlsHandshakeError);
    await assert.rejects(
      call(server.port, { verify: true, host: 'mx.example.org' }, trusting),
      /^TlsHandshakeError: the certificate for mx\.example\.org is not good/,
    );
    await server.quiet();
  });

  it('a session that failed is not offered again', async () => {
    const tls = createTlsServer({ cert: issued.certificate, key: issued.privateKeyPem });
    tls.on('secureConnection', (socket) => socket.on('error', () => {}).pipe(socket));
    let isBroken = false;
    await using server = await serve((socket) => {
      if (isBroken) socket.destroy();
      else tls.emit('connection', socket);
    });
    const dialer = createDialer();
    const resumed = async () => {
      const peer = await call(server.port, {}, dialer);
      await echo(peer);
      const facts = peer.tls;
      peer.destroy();
      return facts?.resumed;
    };
    assert.equal(await resumed(), false);
    assert.equal(await resumed(), true);
    isBroken = true;
    await assert.rejects(resumed(), TlsHandshakeError);
    isBroken = false;
    assert.equal(await resumed(), false);
  });

  it('a session is resumed, but never where it would hide a wrong name', async () => {
    await using server = await serveTls();
    const dialer = createDialer({ authorities: issued.certificate });
    const resumed = async (options: { host: string; verify: boolean }) => {
      const peer = await call(server.port, options, dialer);
      await echo(peer); // TLS 1.3 brings the ticket after the handshake
      const facts = peer.tls;
      peer.destroy();
      return facts?.resumed;
    };
    const right = { host: 'mx.example.net', verify: true };
    assert.equal(await resumed(right), false);
    assert.equal(await resumed(right), true);
    const wrong = { host: 'mx.example.org', verify: false };
    assert.equal(await resumed(wrong), false);
    assert.equal(await resumed(wrong), false);
    await assert.rejects(resumed({ ...wrong, verify: true }), /not good/);
  });

  it('RFC 7817 §3: what was not verified is not resumed where it has to be, nor the other way', async () => {
    await using server = await serveTls();
    const dialer = createDialer({ authorities: issued.certificate });
    const resumed = async (verify: boolean) => {
      const peer = await call(server.port, { verify }, dialer);
      await echo(peer);
      const facts = peer.tls;
      peer.destroy();
      return facts?.resumed;
    };
    assert.equal(await resumed(false), false);
    assert.equal(await resumed(true), false, 'a handshake of its own');
    assert.equal(await resumed(false), true);
    assert.equal(await resumed(true), true);
  });

  it('any one of the names will do, and the first one is in SNI', async () => {
    await using server = await serveTls();
    const trusting = createDialer({ authorities: issued.certificate });
    const names = ['mx.example.org', 'mx.example.net'] as const;
    const peer = await call(server.port, { security: { kind: 'names', names } }, trusting);
    assert.equal(peer.tls?.verified, true);
    assert.equal(peer.tls?.servername, 'mx.example.org');
    peer.destroy();
    const wrong = { kind: 'names', names: ['mx.example.org', 'example.net'] } as const;
    await assert.rejects(call(server.port, { security: wrong }, trusting), /not good/);
  });

  it('RFC 7672 §3.1: TLSA records need no authority, and what they do not match is refused', async () => {
    await using server = await serveTls();
    const dialer = createDialer();
    const names = ['mx.example.net'] as const;
    const good = { kind: 'tlsa', records: [spki(issued.certificate)], names } as const;
    const peer = await call(server.port, { security: good }, dialer);
    assert.equal(await echo(peer), 'hello');
    assert.equal(peer.tls?.verified, true);
    assert.equal(peer.tls?.verifyError, undefined);
    peer.destroy();
    const bad = { kind: 'tlsa', records: [spki(stranger.certificate)], names } as const;
    await assert.rejects(
      call(server.port, { security: bad }, dialer),
      /certificate for mx\.example\.net is not good: no TLSA record matches/,
    );
  });

  it('RFC 7672 §3.1.2: the authority of TLSA records is looked for in what the server sends', async () => {
    const authority = issueCertificate({ ...request, commonName: 'Authority', authority: true });
    const own = issueCertificate({ ...request, names: ['mx.example.net'], issuer: authority });
    await using server = await serveTls(`${own.certificate}${authority.certificate}`, own);
    await using alone = await serveTls(own.certificate, own);
    const records = [{ ...spki(authority.certificate), usage: 2 }] as const;
    const demand = (name: string) => ({
      security: { kind: 'tlsa', records, names: [name] } as const,
    });
    (await call(server.port, demand('mx.example.net'))).destroy();
    await assert.rejects(call(server.port, demand('mx.example.org')), /not for mx\.example\.org/);
    await assert.rejects(call(alone.port, demand('mx.example.net')), /no TLSA record matches/);
  });

  it('a session is resumed for the same demand only', async () => {
    await using server = await serveTls();
    const dialer = createDialer({ authorities: issued.certificate });
    const resumed = async (security: TlsSecurity) => {
      const peer = await call(server.port, { security }, dialer);
      await echo(peer);
      const facts = peer.tls;
      peer.destroy();
      return facts?.resumed;
    };
    const names = ['mx.example.net'] as const;
    const record = spki(issued.certificate);
    const demands: readonly TlsSecurity[] = [
      { kind: 'opportunistic' },
      { kind: 'encrypted' },
      { kind: 'names', names },
      { kind: 'names', names: [...names, 'mx.example.org'] },
      { kind: 'tlsa', records: [record], names },
      { kind: 'tlsa', records: [record, { ...record, selector: 0 }], names },
    ];
    for (const demand of demands) assert.equal(await resumed(demand), false, demand.kind);
    for (const demand of demands) assert.equal(await resumed(demand), true, demand.kind);
    const stale = { kind: 'tlsa', records: [{ ...record, selector: 0 }], names } as const;
    await assert.rejects(resumed(stale), /no TLSA record matches/);
    const elsewhere = { kind: 'names', names: ['mx.example.org'] } as const;
    await assert.rejects(resumed(elsewhere), /not good/, 'a name that was never looked at');
  });

  it('a handshake that fails is an error, not a crash', async () => {
    await using garbage = await serve((socket) => socket.write('220 this is no TLS\r\n'));
    await assert.rejects(call(garbage.port), TlsHandshakeError);
    await using closing = await serve((socket) => socket.once('data', () => socket.destroy()));
    await assert.rejects(call(closing.port), TlsHandshakeError);
  });

  it('RFC 9325 §3.1.1: nothing below TLS 1.2', async () => {
    await using server = await serve((socket) => {
      const secured = new TLSSocket(socket, {
        isServer: true,
        cert: issued.certificate,
        key: issued.privateKeyPem,
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      } as ConstructorParameters<typeof TLSSocket>[1]);
      secured.on('error', () => {});
    });
    await assert.rejects(call(server.port), TlsHandshakeError);
  });
});

describe('several addresses', () => {
  const peerOf = (address: string, destroyed: string[]) =>
    ({ destroy: () => destroyed.push(address) }) as unknown as Peer;

  it('RFC 8305 §5: a silent one costs a moment, and the loser is hung up on', async () => {
    const clock = new FakeClock();
    const called: string[] = [];
    const destroyed: string[] = [];
    const late = Promise.withResolvers<Peer>();
    const signals = new Set<AbortSignal>();
    const racing = dialFirst(
      ['2001:db8::1', '192.0.2.1', '192.0.2.2'],
      async (address, signal) => {
        called.push(address);
        signals.add(signal);
        return address.includes(':') ? late.promise : peerOf(address, destroyed);
      },
      { clock, staggerMs: 250 },
    );
    await clock.advance(249);
    assert.deepEqual(called, ['2001:db8::1']);
    await clock.advance(1);
    assert.equal((await racing).address, '192.0.2.1');
    for (const { aborted } of signals) assert.ok(aborted);
    assert.equal(clock.nextTimer(), undefined);
    late.resolve(peerOf('2001:db8::1', destroyed));
    await clock.advance(1000);
    assert.deepEqual(called, ['2001:db8::1', '192.0.2.1']);
    assert.deepEqual(destroyed, ['2001:db8::1']);
  });

  it('one that fails gives way at once, and all failures are told', async () => {
    const clock = new FakeClock();
    const racing = dialFirst(
      ['192.0.2.1', '192.0.2.2'],
      async (address) => {
        throw address.endsWith('1') ? new DialError('connection refused', true) : new Error('odd');
      },
      { clock, staggerMs: 250 },
    );
    await assert.rejects(racing, (error) => {
      assert.ok(error instanceof DialError);
      assert.equal(error.message, '[192.0.2.1]: connection refused, [192.0.2.2]: odd');
      return error.refused;
    });
    const odd = () => Promise.reject(new Error('odd'));
    for (const addresses of [['192.0.2.1'], []])
      await assert.rejects(dialFirst(addresses, odd, { clock, staggerMs: 250 }), {
        refused: false,
      });
  });

  it('one that fails late does not hurry the one after the next', async () => {
    const clock = new FakeClock();
    const called: string[] = [];
    const first = Promise.withResolvers<Peer>();
    void dialFirst(
      ['192.0.2.1', '192.0.2.2', '192.0.2.3'],
      (address) => {
        called.push(address);
        return called.length === 1 ? first.promise : new Promise(() => {});
      },
      { clock, staggerMs: 250 },
    );
    await clock.advance(200);
    first.reject(new DialError('connection refused', true));
    await clock.advance(0);
    await clock.advance(249);
    assert.equal(called.length, 2);
    await clock.advance(1);
    assert.equal(called.length, 3);
  });
});
