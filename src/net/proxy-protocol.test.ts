import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { silentLog } from '../base/log.ts';
import { fc } from '../base/test-properties.ts';
import type { ListenOptions } from './listener.ts';
import { listen } from './listener.ts';
import type { ProxyHeader } from './proxy-protocol.ts';
import { parseProxyHeader } from './proxy-protocol.ts';
import type { SocketPeer } from './socket-peer.ts';
import { testServerTls } from './test-certificate.ts';

const parse = (text: string | Buffer): ProxyHeader =>
  parseProxyHeader(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);

/** A header of version 2. */
function binary(
  command: number,
  family: number,
  ...parts: readonly (Buffer | readonly number[])[]
): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.from('\r\n\r\n\0\r\nQUIT\n\x20\0\0\0', 'latin1');
  head[12] = 0x20 | command;
  head[13] = family;
  head.writeUInt16BE(body.length, 14);
  return Buffer.concat([head, body]);
}
const v4 = [198, 51, 100, 7, 192, 0, 2, 1, 0x9c, 0x40, 0, 25];
const v6 = [
  ...[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
  ...[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  ...[0x9c, 0x40, 0, 25],
];
const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const ends4 = {
  remote: { address: '198.51.100.7', port: 40_000 },
  local: { address: '192.0.2.1', port: 25 },
};
const ends6 = {
  remote: { address: '2001:db8::7', port: 40_000 },
  local: { address: '2001:db8::1', port: 25 },
};
const text4 = 'PROXY TCP4 198.51.100.7 192.0.2.1 40000 25\r\n';
const text6 = 'PROXY TCP6 2001:db8::7 2001:db8::1 40000 25\r\n';

describe('PROXY protocol: the header', () => {
  const good: readonly (readonly [string, string | Buffer, object | undefined])[] = [
    ['1, TCP4', text4, ends4],
    ['1, TCP6', text6, ends6],
    ['1, UNKNOWN', 'PROXY UNKNOWN\r\n', undefined],
    ['1, UNKNOWN with addresses', 'PROXY UNKNOWN ffff:f::1 ::1 65535 65535\r\n', undefined],
    ['2, TCP over IPv4', binary(1, 0x11, v4), ends4],
    ['2, TCP over IPv6', binary(1, 0x21, v6), ends6],
    // RFC 4291 §2.5.5.2
    ['1, IPv4 within IPv6', 'PROXY TCP6 ::ffff:198.51.100.7 ::FFFF:c000:201 40000 25\r\n', ends4],
    ['2, IPv4 within IPv6', binary(1, 0x21, mapped, v4.slice(0, 4), mapped, v4.slice(4)), ends4],
    ['2, with TLVs', binary(1, 0x11, v4, [0x04, 0, 3, 0, 0, 0]), ends4],
    ['2, LOCAL', binary(0, 0x00), undefined],
    ['2, LOCAL with addresses', binary(0, 0x11, v4), undefined],
    ['2, AF_UNSPEC', binary(1, 0x00), undefined],
    ['2, AF_UNIX', binary(1, 0x31, Buffer.alloc(216)), undefined],
  ];
  for (const [title, bytes, endpoints] of good)
    it(`version ${title}: in any pieces, and what follows is left alone`, () => {
      const header = Buffer.from(bytes as string, 'latin1');
      const whole = Buffer.concat([header, Buffer.from('EHLO a\r\n')]);
      assert.deepEqual(parse(whole), { kind: 'header', endpoints, bytes: header.length });
      for (let length = 0; length < header.length; length += 1)
        assert.deepEqual(parse(whole.subarray(0, length)), { kind: 'more' }, `${length} octets`);
    });

  const wrong: readonly (readonly [string, string | Buffer])[] = [
    ['none', 'EHLO client.test\r\n'],
    ['another word', 'PROXIES'],
    ['lower case', 'proxy TCP4 198.51.100.7 192.0.2.1 40000 25\r\n'],
    ['two blanks', 'PROXY  TCP4 198.51.100.7 192.0.2.1 40000 25\r\n'],
    ['IPv6 in TCP4', 'PROXY TCP4 2001:db8::7 192.0.2.1 40000 25\r\n'],
    ['IPv4 in TCP6', 'PROXY TCP6 198.51.100.7 2001:db8::1 40000 25\r\n'],
    ['a zone', 'PROXY TCP6 fe80::1%eth0 2001:db8::1 40000 25\r\n'],
    ['a name', 'PROXY TCP4 localhost 192.0.2.1 40000 25\r\n'],
    ['an octet of 300', 'PROXY TCP4 300.51.100.7 192.0.2.1 40000 25\r\n'],
    ['a port of 70000', 'PROXY TCP4 198.51.100.7 192.0.2.1 70000 25\r\n'],
    ['a port with zeros', 'PROXY TCP4 198.51.100.7 192.0.2.1 040 25\r\n'],
    ['UDP', 'PROXY UDP4 198.51.100.7 192.0.2.1 40000 25\r\n'],
    ['LF alone', `PROXY TCP4 198.51.100.7 192.0.2.1 40000 25\n${' '.repeat(100)}`],
    ['an endless line', `PROXY UNKNOWN ${'x'.repeat(200)}\r\n`],
    ['version 1 in binary', Buffer.from('\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0', 'latin1')],
    ['a command nobody knows', binary(2, 0x11, v4)],
    ['UDP in binary', binary(1, 0x12, v4)],
    ['addresses cut off', binary(1, 0x11, v4.slice(0, 11))],
    ['too long', Buffer.concat([binary(1, 0x11, v4).subarray(0, 14), Buffer.of(0xff, 0xff)])],
    ['half a signature', Buffer.from('\r\n\r\n\0\r\nQUIX\n', 'latin1')],
    ['a wrong checksum', binary(1, 0x11, v4, [0x03, 0, 4, 1, 2, 3, 4])],
    ['a short checksum', binary(1, 0x11, v4, [0x03, 0, 2, 1, 2])],
  ];
  for (const [title, bytes] of wrong)
    it(`refuses ${title}`, () => assert.equal(parse(bytes).kind, 'bad'));

  it('§2.2.3: a checksum that is right is taken', () => {
    const header = binary(1, 0x11, v4, [0x03, 0, 4, 0, 0, 0, 0]);
    // From another implementation of CRC-32C over this very header.
    let crc = 0xffffffff;
    for (const octet of header) {
      crc ^= octet;
      for (let bit = 8; bit > 0; bit -= 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
    header.writeUInt32BE(~crc >>> 0, header.length - 4);
    assert.deepEqual(parse(header), { kind: 'header', endpoints: ends4, bytes: header.length });
  });

  it('never throws, and never asks for more than its bound', () => {
    const start = fc.constantFrom(
      '',
      'PROXY ',
      'PROXY TCP4 ',
      '\r\n\r\n\0\r\nQUIT\n',
      '\r\n\r\n\0\r\nQUIT\n!\x11',
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 5000 }), (front, rest) => {
        const bytes = Buffer.concat([Buffer.from(front, 'latin1'), rest]);
        const header = parseProxyHeader(bytes);
        if (bytes.length > 4200) assert.notEqual(header.kind, 'more');
        if (header.kind === 'header') assert.ok(header.bytes <= bytes.length);
      }),
    );
  });
});

const tls = await testServerTls('mx.test');

/** What a test that failed has left open would keep the process. */
const leftOpen: { destroy(): void }[] = [];
afterEach(() => {
  for (const one of leftOpen.splice(0)) one.destroy();
});

async function open(options: Partial<ListenOptions> = {}) {
  const peers: SocketPeer[] = [];
  const waiting: ((peer: SocketPeer) => void)[] = [];
  const lines: string[] = [];
  const note = (event: string, fields?: object) => lines.push(`${event} ${JSON.stringify(fields)}`);
  const listener = await listen({
    ...{ host: '127.0.0.1', port: 0, tls: undefined, implicitTls: false },
    proxy: { isProxy: (address) => address === '127.0.0.1', timeoutMs: 60_000 },
    onConnection: (peer) => {
      leftOpen.push(peer);
      (waiting.shift() ?? ((one) => peers.push(one)))(peer);
    },
    log: { ...silentLog, warn: note },
    ...options,
  });
  leftOpen.push({ destroy: () => void listener.close() });
  const accepted = async (): Promise<SocketPeer> =>
    peers.shift() ?? new Promise((resolve) => waiting.push(resolve));
  const dial = (localAddress?: string): Socket =>
    connect({ port: listener.port, host: '127.0.0.1', ...(localAddress && { localAddress }) }).on(
      'error',
      () => {},
    );
  return { listener, accepted, dial, peers, lines };
}
const socketConnected = (socket: Socket, then: (value: unknown) => void) =>
  socket.once('connect', then);
const gone = (socket: Socket) =>
  new Promise<void>((resolve) => socket.once('close', () => resolve()));
const textOf = async (peer: SocketPeer) => Buffer.from((await peer.read(5_000)) ?? []).toString();

describe('PROXY protocol: connections', () => {
  for (const [title, header, ends] of [
    ['TCP4', Buffer.from(text4), ends4],
    ['TCP6', Buffer.from(text6), ends6],
    ['binary IPv6', binary(1, 0x21, v6), ends6],
  ] as const)
    it(`${title}: the client is who the proxy says, and nothing behind the header is lost`, async () => {
      const { accepted, dial, listener } = await open();
      const socket = dial();
      socket.write(header.subarray(0, 7));
      await new Promise(setImmediate);
      socket.write(Buffer.concat([header.subarray(7), Buffer.from('EHLO a\r\n')]));
      const peer = await accepted();
      assert.deepEqual({ remote: peer.remote, local: peer.local }, ends);
      assert.equal(await textOf(peer), 'EHLO a\r\n');
      socket.write('NOOP\r\n');
      assert.equal(await textOf(peer), 'NOOP\r\n');
      peer.destroy();
      await listener.close();
    });

  it('LOCAL and UNKNOWN: the connection is the proxy’s own', async () => {
    const { accepted, dial, listener } = await open();
    for (const header of [binary(0, 0), Buffer.from('PROXY UNKNOWN\r\n')]) {
      const socket = dial();
      socket.write(header);
      const peer = await accepted();
      assert.equal(peer.remote.address, '127.0.0.1');
      assert.equal(peer.remote.port, socket.localPort);
      peer.destroy();
    }
    await listener.close();
  });

  it('nobody else is believed: a header from another address is what the client says', async () => {
    const { accepted, dial, listener } = await open();
    const socket = dial('127.0.0.2');
    socket.write(text4);
    const peer = await accepted();
    assert.equal(peer.remote.address, '127.0.0.2');
    assert.equal(await textOf(peer), text4);
    peer.destroy();
    await listener.close();
  });

  it('a proxy that says something else, or hangs up, has no connection; the log says why', async () => {
    const { dial, listener, peers, lines } = await open();
    const garbage = dial();
    garbage.write('EHLO client.test\r\n');
    await gone(garbage);
    assert.match(lines[0]!, /^PROXY header refused .*127\.0\.0\.1.*no PROXY header/);
    const short = dial();
    short.end('PROXY TCP4');
    await gone(short.resume());
    assert.match(lines[1]!, /ended before its PROXY header/);
    assert.deepEqual(peers, []);
    await listener.close();
  });

  it('a health check that connects and resets is no news', async () => {
    const { accepted, dial, listener, peers, lines } = await open();
    for (const said of ['', 'PROXY TC']) {
      const check = dial();
      await new Promise((resolve) => socketConnected(check, resolve));
      if (said !== '') await new Promise<void>((resolve) => check.write(said, () => resolve()));
      check.resetAndDestroy();
    }
    const client = dial();
    client.write(text4);
    (await accepted()).destroy();
    assert.deepEqual(peers, []);
    assert.ok(lines.length <= 1, 'only what was half a header is told');
    await listener.close();
  });

  it('silence and trickling have an end', async () => {
    const proxy = { isProxy: () => true, timeoutMs: 30 };
    const { dial, listener, peers, lines } = await open({ proxy });
    await gone(dial());
    const trickling = dial();
    trickling.write('PROXY ');
    await gone(trickling);
    assert.match(lines.join(), /no PROXY header within 30 ms/);
    assert.deepEqual(peers, []);
    await listener.close();
  });

  it('closing the listener does not wait for a header', async () => {
    const { dial, listener } = await open();
    const socket = dial();
    await new Promise((resolve) => socket.once('connect', resolve));
    await new Promise(setImmediate);
    const over = gone(socket);
    await listener.close();
    socket.destroy();
    await over;
  });

  for (const together of [true, false])
    it(`comes before TLS, ${together ? 'in one piece with it' : 'and apart from it'}`, async () => {
      const { accepted, dial, listener } = await open({ tls, implicitTls: true });
      const socket = dial();
      await new Promise((resolve) => socket.once('connect', resolve));
      if (together) socket.cork();
      socket.write(text4);
      if (!together) await new Promise((resolve) => setTimeout(resolve, 20));
      const secured = connectTls({ socket, rejectUnauthorized: false, servername: 'mx.test' });
      secured.on('error', () => {});
      if (together) setImmediate(() => socket.uncork());
      secured.write('EHLO a\r\n');
      const peer = await accepted();
      assert.deepEqual(peer.remote, ends4.remote);
      assert.equal(peer.tls?.protocol, 'TLSv1.3');
      assert.equal(await textOf(peer), 'EHLO a\r\n');
      secured.destroy();
      peer.destroy();
      await listener.close();
    });
});
