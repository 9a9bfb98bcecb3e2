// Clients that mean harm, against the real process: whatever they send, however fast or slowly, the
// server stays small, says nothing of itself, and goes on serving others.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { FakeClock } from '../../src/base/fake-clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { startServer } from '../../src/compose/server.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { freePorts } from '../ports.ts';
import type { ConfigObject, RunningProcess } from '../process.ts';
import { eventually, startProcess } from '../process.ts';
import type { RawHop } from './attacker.ts';
import { attack, codes, mebi, peakMebibytes, send, startRawHop, tally } from './attacker.ts';
import { connectClient, submit } from './wire.ts';

/** Limit: what an attack may add to the process, with room for what V8 does not hurry to give back. */
const growthMebibytesMax = 32;

const hello = 'EHLO client.test\r\n';
const envelope = `${hello}MAIL FROM:<eve@evil.test>\r\nRCPT TO:<bob@far.test>\r\n`;
const piece = Buffer.alloc(mebi, 'A');

function* times<T>(count: number, make: (i: number) => T): Iterable<T> {
  for (let i = 0; i < count; i += 1) yield make(i);
}

let hop: RawHop;
let server: RunningProcess;
let port: number;
let tlsPort: number;

const config = (more: ConfigObject): ConfigObject => ({
  hostname: 'mx.here.test',
  domains: ['here.test'],
  trustedNetworks: ['127.0.0.1/32'],
  ...more,
});

const configOf = (limits: ConfigObject): ConfigObject =>
  config({
    listeners: [
      { service: 'smtp', host: '127.0.0.1', port },
      { service: 'smtp', host: '127.0.0.1', port: tlsPort, tls: 'implicit' },
    ],
    tls: 'self-signed',
    routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
    limits: { messageSize: '3MiB', connections: 200, ...limits },
  });

before(async () => {
  hop = await startRawHop();
  [port, tlsPort] = (await freePorts(2)) as [number, number];
  // Nobody is sent away for being slow: on a busy machine, an attack takes its time.
  server = await startProcess(configOf({}));
});

after(async () => {
  await server?.[Symbol.asyncDispose]();
  await hop?.[Symbol.asyncDispose]();
});

/** What the attack costs, and that mail still goes through afterwards. */
async function survives(what: () => Promise<void>): Promise<void> {
  const previous = peakMebibytes(server);
  await what();
  const growth = peakMebibytes(server) - previous;
  assert.ok(growth < growthMebibytesMax, `it grew by ${growth.toFixed(0)} MiB`);
  assert.doesNotMatch(server.log(), /unforeseen/);
  const client = await connectClient(port);
  await client.say(hello);
  await submit(client, { from: 'ann@here.test', to: ['bob@far.test'], content: 'Hi.' });
  client.close();
  await eventually(
    () => (readdirSync(join(server.directory, 'data/spool')).length === 0 ? true : undefined),
    'nothing half-received to be left',
  );
}

describe('memory stays bounded', () => {
  const attacks: [string, () => Iterable<string | Uint8Array>, Record<string, number>][] = [
    [
      'a command line of 64 MiB without CRLF',
      function* () {
        yield* times(64, () => piece);
        yield '\r\nQUIT\r\n';
      },
      { 220: 1, 221: 1, 500: 1 },
    ],
    [
      'a text line of 64 MiB without CRLF',
      function* () {
        yield `${envelope}DATA\r\n`;
        yield* times(64, () => piece);
        yield '\r\n.\r\nQUIT\r\n';
      },
      { 220: 1, 221: 1, 250: 3, 354: 1, 554: 1 },
    ],
    [
      'a header of 2 MiB',
      function* () {
        yield `${envelope}DATA\r\n`;
        yield* times(2048, (i) => `X-${i}: ${'x'.repeat(500)}\r\n ${'y'.repeat(520)}\r\n`);
        yield '\r\n.\r\nQUIT\r\n';
      },
      { 220: 1, 221: 1, 250: 3, 354: 1, 552: 1 },
    ],
    [
      '64 MiB of bare newlines',
      function* () {
        yield `${envelope}DATA\r\n`;
        yield* times(64, () => Buffer.alloc(mebi, '\n'));
        yield '\r\n.\r\nQUIT\r\n';
      },
      { 220: 1, 221: 1, 250: 3, 354: 1, 550: 1 },
    ],
    [
      '10,000 RCPT',
      function* () {
        yield `${hello}MAIL FROM:<>\r\n`;
        yield* times(10_000, (i) => `RCPT TO:<bob${i}@far.test>\r\n`);
        yield 'RSET\r\nQUIT\r\n';
      },
      { 220: 1, 221: 1, 250: 1003, 452: 9000 },
    ],
    [
      '10,000 errors',
      function* () {
        yield hello;
        yield* times(10_000, () => '\x00\xff\r\n');
      },
      { 220: 1, 250: 1, 500: 20, 421: 1 },
    ],
    [
      'a megabyte of commands in one write',
      () => [hello + 'NOOP\r\n'.repeat(mebi / 6)],
      { 220: 1, 250: 100, 421: 1 },
    ],
    [
      'a megabyte of transactions in one write, given up each time',
      () => [hello + 'MAIL FROM:<>\r\nRCPT TO:<bob@far.test>\r\nRSET\r\n'.repeat(20_000)],
      { 220: 1, 250: 1 + 99 * 3 + 2, 421: 1 },
    ],
  ];
  for (const [title, pieces, expected] of attacks)
    it(title, () =>
      survives(async () => {
        const heard = tally(await send(port, pieces()));
        // Hung up on while it still sends, a client may lose the last replies (RFC 1122 §4.2.2.13).
        if (expected[421] === undefined) assert.deepEqual(heard, expected);
        for (const [code, count] of Object.entries(heard))
          assert.ok(count <= (expected[code] ?? 0), `${count} times ${code}`);
      }),
    );

  for (const [title, last] of [
    ['goes on sending', ''],
    ['says QUIT', 'QUIT\r\n'],
  ] as const)
    it(`a client that never reads a reply and ${title} is held back, then dropped`, () =>
      survives(async () => {
        await server.reload(configOf({ commandTimeout: '2s', contentTimeout: '2s' }));
        const { socket } = await attack(port);
        socket.pause();
        const block = `${'RCPT TO:<x@far.test>\r\n'.repeat(5_000)}`;
        socket.write(`${hello}MAIL FROM:<>\r\n`);
        let taken = 0;
        let isOver = false;
        socket.once('close', () => {
          isOver = true;
        });
        const pump = () => {
          while (!isOver && taken < 256 * mebi) {
            taken += block.length;
            if (!socket.write(block)) return void socket.once('drain', pump);
          }
        };
        pump();
        if (last !== '') socket.write(last);
        await eventually(() => (openConnections() === 0 ? true : undefined), 'it to be dropped');
        assert.ok(taken < 64 * mebi, `${taken} octets were taken from it`);
        socket.destroy();
        await server.reload(configOf({}));
      }));
});

describe('a client that is slow on purpose', () => {
  it('RFC 5321 §4.5.3.2: an octet now and then extends neither the wait for a command nor a message', async (t) => {
    const dataDirectory = mkdtempSync(join(tmpdir(), 'postrider-slow-'));
    t.after(() => rmSync(dataDirectory, { recursive: true, force: true }));
    const resolution = resolveConfig(
      config({
        dataDirectory,
        listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }],
        limits: { commandTimeout: '5m', contentTimeout: '10m', messageTimeout: '30m' },
      }),
      dataDirectory,
    );
    assert.ok(resolution.kind !== 'problems');
    const clock = new FakeClock();
    await using slow = await startServer({ config: resolution.config, log: silentLog, clock });
    const slowPort = slow.listeners[0]!.port;
    const starts = [
      ['', 5],
      [hello, 5],
      [`${envelope}DATA\r\n`, 30],
      [`${envelope}BDAT 1000000\r\n`, 30],
    ] as const;
    for (const [start, minutes] of starts) {
      const { socket, said, over } = await attack(slowPort);
      await eventually(() => codes(said()).includes('220') || undefined, 'the greeting');
      socket.write(start);
      const began = clock.now();
      // An octet a minute of the server's time, each as soon as the one before is on its way.
      const drip = setInterval(() => {
        void clock.advance(60_000);
        socket.write('x');
      }, 20);
      const replies = codes(await over);
      clearInterval(drip);
      assert.equal(replies.at(-1), '421', start);
      assert.ok(clock.now() - began >= minutes * 60_000, start);
    }
  });
});

describe('chunks (RFC 3030 §2)', () => {
  const cases: [string, string, Record<string, number>][] = [
    ['of 2^63 octets', `${envelope}BDAT 9223372036854775808 LAST\r\nQUIT\r\n`, { 250: 3, 552: 1 }],
    ['of 10^19 octets outside a transaction', 'BDAT 9999999999999999999\r\n', { 552: 1 }],
    ['of -1 octets', `${envelope}BDAT -1\r\nQUIT\r\n`, { 250: 3, 501: 1, 221: 1 }],
    ['of 1e3 octets', `${envelope}BDAT 1e3\r\nQUIT\r\n`, { 250: 3, 501: 1, 221: 1 }],
    ['of 0x10 octets', `${envelope}BDAT 0x10 LAST\r\nQUIT\r\n`, { 250: 3, 501: 1, 221: 1 }],
    ['without any content', `${envelope}BDAT 0 LAST\r\nQUIT\r\n`, { 250: 4, 221: 1 }],
    [
      'before any recipient',
      `${hello}MAIL FROM:<>\r\nBDAT 4 LAST\r\nQUITQUIT\r\n`,
      { 250: 2, 503: 1, 221: 1 },
    ],
    [
      'between which the transaction is given up',
      `${envelope}BDAT 4\r\nab\r\nRSET\r\nBDAT 4 LAST\r\nQUITMAIL FROM:<>\r\nQUIT\r\n`,
      { 250: 6, 503: 1, 221: 1 },
    ],
    [
      'that are followed by DATA',
      `${envelope}BDAT 4\r\nab\r\nDATA\r\nBDAT 0 LAST\r\nQUIT\r\n`,
      { 250: 5, 503: 1, 221: 1 },
    ],
    [
      'that are too many octets together',
      `${envelope}${`BDAT 1048576\r\n${`${'x'.repeat(1022)}\r\n`.repeat(1024)}`.repeat(4)}QUIT\r\n`,
      { 250: 3, 554: 1, 503: 3, 221: 1 },
    ],
  ];
  for (const [title, text, expected] of cases)
    it(title, () =>
      survives(async () => {
        const { 220: _greeting, ...heard } = tally(await send(port, [text]));
        assert.deepEqual(heard, expected);
      }),
    );
});

describe('TLS', () => {
  it('CVE-2011-0411: what is sent in the clear behind STARTTLS is never carried out', () =>
    survives(async () => {
      const { socket, said } = await attack(port);
      socket.write(
        `${hello}STARTTLS\r\nMAIL FROM:<injected@evil.test>\r\nRCPT TO:<bob@far.test>\r\n`,
      );
      await eventually(() => (said().includes('220 2.0.0') ? true : undefined), 'the go-ahead');
      socket.removeAllListeners('data');
      const secured = connectTls({ socket, rejectUnauthorized: false });
      let heard = '';
      secured.setEncoding('latin1').on('data', (text: string) => {
        heard += text;
      });
      secured.on('error', () => {});
      // RFC 3207 §4.2: as if nothing had been said before.
      secured.write(
        `RCPT TO:<bob@far.test>\r\n${hello}STARTTLS\r\nRCPT TO:<bob@far.test>\r\nQUIT\r\n`,
      );
      await new Promise((end) => secured.once('close', end));
      assert.deepEqual(codes(heard), ['503', '250', '503', '503', '221']);
      assert.doesNotMatch(heard, /STARTTLS/, 'and it is not offered twice');
    }));

  it('garbage and silence in place of a handshake cost no more than a connection', () =>
    survives(async () => {
      const open = await Promise.all([...times(150, () => attack(tlsPort))]);
      for (const [i, { socket }] of open.entries()) if (i % 2 === 0) socket.write('EHLO a\r\n');
      await eventually(
        () => (openConnections(tlsPort) <= 75 ? true : undefined),
        'half to be gone',
      );
      for (const { socket } of open) socket.destroy();
      await eventually(() => (openConnections(tlsPort) === 0 ? true : undefined), 'all to be gone');
    }));
});

describe('connection limits', () => {
  it('RFC 5321 §3.8: 1,000 at once get 200 greetings, the others 421, and the places are free again', () =>
    survives(async () => {
      await eventually(() => (openConnections() === 0 ? true : undefined), 'all to be free');
      const open = await Promise.all([...times(1_000, () => attack(port))]);
      await eventually(
        () => (open.every(({ said }) => codes(said()).length > 0) ? true : undefined),
        'an answer to each',
      );
      const heard = open.map(({ said }) => codes(said())[0]);
      assert.equal(heard.filter((code) => code === '220').length, 200);
      assert.equal(heard.filter((code) => code === '421').length, 800);
      for (const { socket } of open) socket.destroy();
      await eventually(() => (openConnections() === 0 ? true : undefined), 'all to be gone');
    }));

  it('TLS handshakes that never end count as connections, and one client gets no more than its share', async () => {
    const [plainPort, implicitPort] = (await freePorts(2)) as [number, number];
    await using strict = await startProcess({
      ...config({
        listeners: [
          { service: 'smtp', host: '127.0.0.1', port: plainPort },
          { service: 'smtp', host: '127.0.0.1', port: implicitPort, tls: 'implicit' },
        ],
        tls: 'self-signed',
        limits: { connectionsPerClient: 10 },
      }),
      trustedNetworks: [],
    });
    const halfOpen = await Promise.all([...times(20, () => attack(implicitPort))]);
    await eventually(
      () => (openConnections(implicitPort) <= 10 ? true : undefined),
      'those above the limit to be dropped',
    );
    const late = await attack(plainPort);
    assert.deepEqual(codes(await late.over), ['421']);
    const other = await attack(plainPort, '127.0.0.2');
    await eventually(() => codes(other.said())[0], 'a greeting for somebody else');
    assert.deepEqual(codes(other.said()), ['220']);
    for (const { socket } of [...halfOpen, other]) socket.destroy();
    assert.doesNotMatch(strict.log(), /unforeseen/);
  });
});

describe('what lies on the disk', () => {
  it('is for its owner alone', () => {
    const data = join(server.directory, 'data');
    for (const name of ['', ...readdirSync(data, { recursive: true, encoding: 'utf8' })]) {
      // What is spooled and written beside the database comes and goes.
      const { mode: whole } = statSync(join(data, name), { throwIfNoEntry: false }) ?? { mode: 0 };
      const mode = whole & 0o777;
      // The certificate is public; its folder is not.
      assert.equal(mode & 0o077, 0, `${name || 'the data directory'} has mode ${mode.toString(8)}`);
    }
  });
});

/** Connections to the listener that the server still holds, by the kernel's table. */
function openConnections(at = port): number {
  const local = `0100007F:${at.toString(16).toUpperCase().padStart(4, '0')}`;
  const held = new Set(['01', '08']); // established, or half-closed by the client
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/ +/))
    .filter(([, here, , state]) => here === local && held.has(state ?? '')).length;
}
