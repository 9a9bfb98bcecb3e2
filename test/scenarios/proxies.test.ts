// Behind proxies: the PROXY protocol tells every service who the client is, XCLIENT tells SMTP. What is told
// counts for those alone who are named as proxies.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { systemClock } from '../../src/base/clock.ts';
import type { RunningServer } from '../../src/compose/running-server.ts';
import { startServer } from '../../src/compose/server.ts';
import type { ConfigInput } from '../../src/config/config.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { addAccount } from '../../src/policy/accounts/account-changes.ts';
import { openSqliteStores } from '../../src/store/sqlite/stores.ts';
import { eventually } from '../process.ts';

const root = mkdtempSync(join(tmpdir(), 'postrider-proxies-'));
after(() => rmSync(root, { recursive: true, force: true }));

interface Line {
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const proxy = '127.0.0.2';
const nobody = '127.0.0.3';

async function start(given: ConfigInput) {
  const lines: Line[] = [];
  const note = (event: string, fields = {}) => void lines.push({ event, fields });
  const log = { debug: note, info: note, warn: note, error: note };
  const resolution = resolveConfig(
    {
      dataDirectory: join(root, 'data'),
      hostname: 'mx.example.org',
      domains: ['example.org'],
      tls: 'self-signed',
      // Nobody has to be asked about strangers.
      ...{ spf: { verify: false }, dkim: { verify: false }, dmarc: { verify: false } },
      ...given,
    },
    root,
  );
  assert.equal(resolution.kind, 'ok', JSON.stringify(resolution));
  const { config } = resolution as Extract<typeof resolution, { kind: 'ok' }>;
  const clock = systemClock();
  const stores = await openSqliteStores({ directory: ':memory:', log, clock });
  await addAccount(stores.accounts, 'ann@example.org', 'secret', clock);
  const server = await startServer({ config, log, stores, relayIn: 'same-thread' });
  const logged = (event: string, fields: Line['fields']) =>
    eventually(
      () =>
        lines.find(
          (line) =>
            line.event === event &&
            Object.entries(fields).every(([name, value]) => line.fields[name] === value),
        ),
      `${event} ${JSON.stringify(fields)} in ${JSON.stringify(lines)}`,
    );
  return { server, logged };
}

const portOf = (server: RunningServer, service: string): number =>
  server.listeners.find((one) => one.service === service)!.port;

function open(port: number, localAddress: string): Socket {
  return connect({ port, host: '127.0.0.1', localAddress }).setEncoding('latin1');
}

/** Everything until the text has been said, or the end. */
function heard(socket: Socket, text: RegExp): Promise<string> {
  return new Promise((resolve) => {
    let all = '';
    socket.on('data', (chunk) => {
      all += String(chunk);
      if (text.test(all)) resolve(all);
    });
    socket.on('close', () => resolve(`${all}<end>`));
    socket.on('error', () => {});
  });
}

/** PROXY protocol 2: LOCAL, as health checks send it. */
const localHeader = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');

describe('listeners with `proxyProtocol`', () => {
  const listeners = (['smtp', 'imap', 'pop3'] as const).map((service) => ({
    ...{ service, host: '127.0.0.1', port: 0, proxyProtocol: [proxy] },
    tls: service === 'smtp' ? ('starttls' as const) : ('implicit' as const),
  }));

  it('the client is who the proxy says: SMTP, and IMAP and POP3 under implicit TLS', async () => {
    const { server, logged } = await start({ listeners });
    await using _ = server;
    const smtp = open(portOf(server, 'smtp'), proxy);
    smtp.write('PROXY TCP4 198.51.100.7 192.0.2.1 40000 25\r\nMAIL FROM:<a@b.example>\r\n');
    assert.match(await heard(smtp, /^503/m), /^220 /);
    smtp.destroy();
    await logged('refused', { client: '198.51.100.7', stage: 'mail' });
    for (const [service, attempt, client] of [
      ['imap', 'a LOGIN ann@example.org wrong\r\n', '198.51.100.8'],
      ['pop3', 'USER ann@example.org\r\nPASS wrong\r\n', '2001:db8::9'],
    ] as const) {
      const socket = open(portOf(server, service), proxy);
      const family = client.includes(':') ? 'TCP6' : 'TCP4';
      socket.write(`PROXY ${family} ${client} ${client} 40000 25\r\n`);
      const secured = connectTls({ socket, rejectUnauthorized: false });
      await once(secured, 'secureConnect');
      secured.write(attempt);
      await logged('login failed', { client });
      secured.destroy();
    }
  });

  it('LOCAL is the proxy itself; nobody else may connect, and no proxy without a header', async () => {
    const { server, logged } = await start({ listeners });
    await using _ = server;
    const port = portOf(server, 'smtp');
    const check = open(port, proxy);
    check.write(localHeader);
    check.write('MAIL FROM:<a@b.example>\r\n');
    await heard(check, /^503/m);
    check.destroy();
    await logged('refused', { client: proxy, stage: 'mail' });
    const stranger = open(port, nobody);
    stranger.write('PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n');
    assert.equal(await heard(stranger, /220/), '<end>');
    await logged('refused', { client: nobody, reason: 'PROXY: not one of the proxies' });
    const silly = open(port, proxy);
    silly.write('EHLO client.example\r\n');
    assert.equal(await heard(silly, /220/), '<end>');
    await logged('refused', { client: proxy, reason: 'PROXY: no PROXY header' });
  });
});

describe('clients in `xclientNetworks`', () => {
  const listeners = [
    { service: 'smtp' as const, host: '127.0.0.1', port: 0 },
    { service: 'submission' as const, host: '127.0.0.1', port: 0 },
  ];
  const settings = { listeners, xclientNetworks: [proxy], trustedNetworks: ['192.0.2.0/24'] };
  /** What is said to each line. */
  const talk = async (socket: Socket, lines: readonly string[]): Promise<string> => {
    socket.write(lines.map((line) => `${line}\r\n`).join(''));
    const all = await heard(socket, /^221 /m);
    socket.destroy();
    return all;
  };

  it('policies judge whom they tell of: trusted or not, and by another name', async () => {
    const { server, logged } = await start(settings);
    await using _ = server;
    const port = portOf(server, 'smtp');
    const mail = ['MAIL FROM:<a@b.example>', 'RCPT TO:<x@elsewhere.example>', 'QUIT'];
    const told = ['XCLIENT ADDR=198.51.100.7 NAME=[UNAVAILABLE]', 'EHLO c.example', ...mail];
    const stranger = await talk(open(port, proxy), ['EHLO proxy.example', ...told]);
    assert.match(stranger, /^250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT/m);
    assert.equal(stranger.match(/^220 /gm)?.length, 2);
    assert.equal(stranger.match(/^250-XCLIENT/gm)?.length, 1, 'whom it tells of is no proxy');
    assert.match(stranger, /^550 5\.7\.1 /m);
    await logged('refused', { client: '198.51.100.7', stage: 'rcpt', hello: 'c.example' });
    const trusted = ['XCLIENT ADDR=192.0.2.7 HELO=c.example PROTO=ESMTP', ...mail];
    assert.match(await talk(open(port, proxy), trusted), /^250 2\.1\.5 /m);
    const unknown = ['XCLIENT ADDR=[UNAVAILABLE]', 'EHLO c.example', ...mail];
    assert.match(await talk(open(port, proxy), unknown), /^550 5\.7\.1 /m);
  });

  it('LOGIN is a login, of an account that there is', async () => {
    const { server } = await start(settings);
    await using _ = server;
    const port = portOf(server, 'submission');
    const mail = ['EHLO c.example', 'MAIL FROM:<ann@example.org>', 'QUIT'];
    const login = (name: string) => ['EHLO p.example', `XCLIENT LOGIN=${name}`, ...mail];
    assert.match(await talk(open(port, proxy), login('Ann@example.org')), /^250 2\.1\.0 /m);
    assert.match(
      await talk(open(port, proxy), login('bob@example.org')),
      /^501 5\.5\.4 [\s\S]*^530 /m,
    );
    assert.match(await talk(open(port, proxy), login('[UNAVAILABLE]')), /^530 5\.7\.0 /m);
  });

  it('nobody else is offered it, or heard', async () => {
    const { server } = await start(settings);
    await using _ = server;
    const lines = ['EHLO c.example', 'XCLIENT ADDR=192.0.2.7', 'QUIT'];
    const all = await talk(open(portOf(server, 'smtp'), nobody), lines);
    assert.doesNotMatch(all, /XCLIENT/);
    assert.match(all, /^550 5\.7\.0 Insufficient authorization/m);
  });
});
