// The whole server in this process, on a clock that stands still: what an operator configures is
// what clients meet.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { ConfigInput } from '../../src/config/config.ts';
import { sendMail } from '../../src/deliver/send-mail/send-mail.ts';
import { SmtpServer } from '../../src/embed/smtp-server.ts';
import { reply } from '../../src/smtp/reply.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { freePorts } from '../ports.ts';
import { connectClient } from './wire.ts';

const directory = mkdtempSync(join(tmpdir(), 'postrider-server-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const ann = 'ann@example.org';
const bob = 'bob@far.test';
const hello = { from: bob, to: ann, message: 'Subject: Hello\r\n\r\nIt works.\r\n' };
const minute = 60_000;
const local = { host: '127.0.0.1', port: 0 } as const;
const organisation: ConfigInput = { domains: ['example.org'] };
const trusting: ConfigInput = { ...organisation, trustedNetworks: ['127.0.0.1/32'] };

/** Another server: refuses for now until it is told to take mail. */
async function startPartner(isBack = true) {
  const state = { isBack, taken: [] as string[], tried: 0 };
  const server = await new SmtpServer({
    onRecipient() {
      state.tried += 1;
      return state.isBack ? undefined : reply(451, '3.0', 'Back soon');
    },
    onMessage: async ({ to, header }) => void state.taken.push(`${to}: ${await header('subject')}`),
  }).listen();
  const route = { domain: '*', host: '127.0.0.1', port: server.port, tls: 'none' } as const;
  return { state, route, [Symbol.asyncDispose]: () => server.close() };
}

describe('the way of a message', () => {
  it('from the port to the mailbox, with the trace fields of each step', async () => {
    await using server = await startTestServer({ accounts: [ann], config: organisation });
    await server.send(hello);
    const { mailbox, ...caught } = await server.waitFor(({ subject }) => subject === 'Hello');
    const raw = caught.raw.toString();
    assert.equal(mailbox, ann);
    const names = raw.split('\r\n\r\n', 1)[0]!.match(/^[\w-]+(?=:)/gm);
    const results = 'Authentication-Results';
    assert.deepEqual(names, ['Return-Path', 'Delivered-To', results, 'Received', 'Subject']);
    assert.match(raw, /^Return-Path: <bob@far\.test>\r\n/);
    assert.ok(raw.endsWith('\r\n\r\nIt works.\r\n'));
  });

  it('to the next hop, again and again until that takes it', async () => {
    await using partner = await startPartner(false);
    await using server = await startTestServer({
      config: { ...trusting, routes: [partner.route], queue: { retryAfter: ['5m', '1h'] } },
    });
    await server.send({ ...hello, to: bob });
    await server.advance(1);
    assert.equal(partner.state.tried, 1);
    await server.advance(10 * minute);
    assert.equal(partner.state.tried, 2);
    partner.state.isBack = true;
    await server.advance(2 * 60 * minute);
    assert.deepEqual(partner.state.taken, [`${bob}: Hello`]);
  });

  it('RFC 1985 §5.3: ETRN lets the mail of a domain we relay for out at once', async () => {
    await using partner = await startPartner(false);
    await using server = await startTestServer({
      config: {
        ...organisation,
        relayDomains: ['far.test'],
        routes: [partner.route],
        queue: { retryAfter: ['4h'] },
      },
    });
    await server.send({ ...hello, to: bob });
    await server.advance(1);
    partner.state.isBack = true;
    const client = await connectClient(server.port);
    await client.say('EHLO far.test\r\n');
    assert.match(await client.say('ETRN elsewhere.test\r\n'), /^459 4?5?\.?/);
    assert.match(await client.say('ETRN far.test\r\n'), /^250 2\.0\.0 /);
    client.close();
    await server.advance(1000);
    assert.deepEqual(partner.state.taken, [`${bob}: Hello`]);
  });

  it('by aliases, the catch-all and the delimiter, in and out', async () => {
    await using partner = await startPartner();
    await using server = await startTestServer({
      accounts: [ann],
      config: {
        ...organisation,
        aliases: { 'team@example.org': [ann, bob], '@example.org': [ann] },
        routes: [partner.route],
      },
    });
    await server.send({ ...hello, to: ['ann+lists@example.org', 'whoever@example.org'] });
    await server.send({ ...hello, to: 'team@example.org', message: 'Subject: Team\r\n\r\n' });
    await server.advance(1000);
    const to = server.messages.map((message) => `${message.subject} ${message.mailbox}`);
    assert.deepEqual([...new Set(to)].sort(), [`Hello ${ann}`, `Team ${ann}`]);
    assert.deepEqual(partner.state.taken, [`${bob}: Team`]);
  });

  it('RFC 2033: by LMTP over a Unix socket, whose users are not counted as one', async () => {
    const path = join(directory, 'lmtp.sock');
    await using server = await startTestServer({
      accounts: [ann],
      config: {
        ...organisation,
        listeners: [{ service: 'lmtp', path }],
        limits: { connectionsPerClient: 1 },
      },
    });
    const other = connect({ path });
    await new Promise((resolve) => other.once('data', resolve));
    await sendMail({ ...hello, path, protocol: 'lmtp' });
    const raw = (await server.waitFor(({ subject }) => subject === 'Hello')).raw.toString();
    assert.match(raw, /with LMTP id/);
    other.destroy();
    const mode = () => statSync(path).mode & 0o777;
    assert.equal(mode(), 0o660, 'for the group, unless the configuration says otherwise');
    await server.reload({ ...organisation, listeners: [{ service: 'lmtp', path, mode: '0600' }] });
    assert.equal(mode(), 0o600);
  });

  it('a message that trickles in has `limits.messageTimeout`, and then 421', async () => {
    await using server = await startTestServer({
      accounts: [ann],
      config: { ...organisation, limits: { messageTimeout: '1m', contentTimeout: '10m' } },
    });
    const client = await connectClient(server.port);
    await client.say('EHLO x.test\r\n');
    await client.say(`MAIL FROM:<${bob}>\r\n`);
    await client.say(`RCPT TO:<${ann}>\r\n`);
    await client.say('DATA\r\n');
    await server.clock.advance(minute);
    assert.match(await client.say('a line\r\n'), /^421 4\.4\.2 /);
    client.close();
  });
});

describe('who may send', () => {
  const account = { address: ann, password: 'correct horse' };
  const auth = { user: ann, password: 'correct horse' };

  it('RFC 5321 §3.6.2: strangers do not relay, trusted networks do', async () => {
    await using partner = await startPartner();
    const config = { ...organisation, routes: [partner.route] };
    await using strict = await startTestServer({ config });
    await assert.rejects(strict.send({ ...hello, to: bob }), /55\d 5\.7\.1/);
    await using open = await startTestServer({ config: { ...trusting, routes: [partner.route] } });
    await open.send({ ...hello, to: bob });
    await open.advance(1);
    assert.deepEqual(partner.state.taken, [`${bob}: Hello`]);
  });

  it('RFC 6409 §4.3: submission needs a login under TLS, and a sender of one’s own', async () => {
    await using partner = await startPartner();
    await using server = await startTestServer({
      accounts: [account, 'carol@example.org'],
      config: {
        ...organisation,
        tls: 'self-signed',
        listeners: [
          { service: 'submission', ...local },
          { service: 'submission', ...local, tls: 'implicit' },
        ],
        routes: [partner.route],
      },
    });
    const mine = { ...hello, from: ann, to: bob, auth, tls: 'require' as const };
    await assert.rejects(server.send({ ...hello, from: ann }), /530 5\.7\.0/);
    await assert.rejects(server.send({ ...mine, from: 'carol@example.org' }), /553 5\.7\.1/);
    await assert.rejects(server.send({ ...mine, to: 'dave@localhost' }), /55\d 5\./);
    await server.send(mine);
    const { port } = server.listeners[1]!;
    await server.send({ ...mine, port, implicitTls: true, message: 'Subject: 465\r\n\r\n' });
    await server.advance(1000);
    assert.deepEqual(partner.state.taken.sort(), [`${bob}: 465`, `${bob}: Hello`]);
    await assert.rejects(server.send({ ...mine, auth: { ...auth, password: 'x' } }), /535 5\.7\.8/);
  });
});

describe('limits', () => {
  it('are what the configuration says', async () => {
    await using server = await startTestServer({
      accounts: [ann],
      config: {
        ...organisation,
        limits: { messageSize: '64KiB', recipients: 100, errorsPerConnection: 3 },
      },
    });
    const client = await connectClient(server.port);
    assert.match(await client.say('EHLO x.test\r\n'), /250[- ]SIZE 65536\n[\s\S]*RCPTMAX=100/);
    assert.match(await client.say('MAIL FROM:<> SIZE=65537\r\n'), /^552 5\.3\.4 /);
    for (let i = 0; i < 2; i += 1) assert.match(await client.say('WHAT\r\n'), /^500 /);
    assert.match(await client.say('NOOP\r\n'), /^421 4\.7\.0 /);
    client.close();
  });

  it('RFC 5321 §3.8: 421 to those who connect too often, handshakes that never end included', async () => {
    await using server = await startTestServer({
      config: {
        ...organisation,
        tls: 'self-signed',
        listeners: [
          { service: 'smtp', ...local },
          { service: 'smtp', ...local, tls: 'implicit' },
        ],
        limits: { connectionsPerClient: 2 },
      },
    });
    const secure = server.listeners[1]!.port;
    const halfOpen = [connect(secure, '127.0.0.1'), connect(secure, '127.0.0.1')];
    for (const one of halfOpen) await new Promise((resolve) => one.once('connect', resolve));
    const third = await connectClient(server.port);
    assert.match(third.greeting, /^421 4\.7\.0 /);
    const refused = connect(secure, '127.0.0.1');
    refused.resume();
    refused.on('error', () => {});
    await new Promise((resolve) => refused.once('close', resolve));
    for (const one of halfOpen) {
      one.destroy();
      await new Promise((resolve) => one.once('close', resolve));
    }
    for (let greeting = ''; !greeting.startsWith('220'); ) {
      const client = await connectClient(server.port);
      ({ greeting } = client);
      client.close();
    }
  });
});

describe('reload', () => {
  it('opens new listeners, closes old ones and changes those that stay', async () => {
    const [one = 0] = await freePorts(1);
    const anywhere = { service: 'smtp', ...local } as const;
    const first = { ...anywhere, port: one };
    const second = { ...anywhere, tls: 'none' as const, withhold: ['CHUNKING'] };
    await using server = await startTestServer({
      config: { ...organisation, listeners: [first, second] },
    });
    const two = server.listeners[1]!.port;
    const onOne = await connectClient(one);
    const onTwo = await connectClient(two);
    await server.reload({
      ...organisation,
      hostname: 'new.test.example',
      tls: 'self-signed',
      listeners: [{ ...first, tls: 'starttls' }, second, anywhere],
    });
    const ports = server.listeners.map(({ port }) => port);
    assert.deepEqual(ports.slice(0, 2), [one, two], 'the sockets stayed');
    assert.notEqual(ports[2], two);
    assert.match(await onOne.hear(), /^421 4\.3\.2 /, 'its listener is another now');
    assert.match(await onTwo.say('NOOP\r\n'), /^250 /, 'what has not changed goes on');
    onTwo.close();
    const client = await connectClient(one);
    assert.match(client.greeting, /^220 new\.test\.example /);
    assert.match(await client.say('EHLO x.test\r\n'), /STARTTLS/, 'TLS is there, which was not');
    client.close();
    await server.reload({ ...organisation, listeners: [second] });
    assert.deepEqual(
      server.listeners.map(({ port }) => port),
      [two],
    );
    await assert.rejects(connectClient(one), /ECONNREFUSED/);
  });

  it('a listener may change from plain to TLS from the first byte', async () => {
    const plain = { service: 'smtp', ...local } as const;
    await using server = await startTestServer({
      config: { ...organisation, tls: 'self-signed', listeners: [plain] },
    });
    const { port } = server;
    await server.reload({
      ...organisation,
      tls: 'self-signed',
      listeners: [{ ...plain, tls: 'implicit' }],
    });
    assert.equal(server.port, port);
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    const greeting = await new Promise((resolve) => socket.once('data', resolve));
    assert.match(String(greeting), /^220 /);
    socket.destroy();
  });

  it('changes nothing when a part of it cannot be had', async () => {
    await using other = await startTestServer();
    await using server = await startTestServer({ accounts: [ann], config: organisation });
    const { port } = server;
    const listeners = [
      { service: 'smtp', host: '127.0.0.1', port: 0 },
      { service: 'smtp', host: '127.0.0.1', port: other.port },
    ] as const;
    const next = { ...organisation, hostname: 'new.test.example', listeners: [...listeners] };
    await assert.rejects(server.reload(next), /it is in use/);
    assert.deepEqual(
      server.listeners.map((one) => one.port),
      [port],
    );
    const client = await connectClient(port);
    assert.match(client.greeting, /^220 mx\.test\.example /);
    client.close();
    await server.send(hello);
  });

  it('closes again what it had opened when the certificate cannot be used', async () => {
    await using server = await startTestServer({ config: organisation });
    const [port] = (await freePorts(1)) as [number];
    const file = join(directory, 'bad.pem');
    writeFileSync(file, 'not a certificate');
    const next: ConfigInput = {
      ...organisation,
      tls: { certificate: file, privateKey: file },
      listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
    };
    await assert.rejects(server.reload(next), /bad\.pem is not a PEM file/);
    await assert.rejects(connectClient(port), /ECONNREFUSED/);
    (await connectClient(server.port)).close();
  });
});

describe('stop', () => {
  it('RFC 5321 §3.8: 421 to the idle; a transaction is finished, and its message kept', async () => {
    const [port = 0] = await freePorts(1);
    const listeners = [{ service: 'smtp', ...local, port } as const];
    await using server = await startTestServer({
      accounts: [ann],
      config: { ...organisation, listeners },
    });
    const idle = await connectClient(server.port);
    const busy = await connectClient(server.port);
    await busy.say('EHLO x.test\r\n');
    await busy.say(`MAIL FROM:<${bob}>\r\n`);
    await busy.say(`RCPT TO:<${ann}>\r\n`);
    await busy.say('DATA\r\n');
    const stopped = server.server.stop({ graceMs: 10_000 });
    assert.match(await idle.hear(), /^421 4\.3\.2 /);
    await assert.rejects(connectClient(server.port), /ECONNREFUSED/);
    assert.match(await busy.say('Hi\r\n.\r\n'), /^250 2\.6\.0 /);
    assert.match(await busy.hear(), /^421 4\.3\.2 /);
    await stopped;
  });

  it('those who do not finish are cut off after the grace', async () => {
    await using server = await startTestServer({ accounts: [ann], config: organisation });
    const busy = await connectClient(server.port);
    await busy.say('EHLO x.test\r\n');
    await busy.say(`MAIL FROM:<${bob}>\r\n`);
    const stopped = server.server.stop({ graceMs: 10_000 });
    const cut = assert.rejects(busy.hear(), /closed|reset/i);
    await server.clock.advance(0); // it has begun to wait
    await server.clock.advance(10_000);
    await cut;
    await stopped;
    await assert.rejects(server.reload(organisation), /stopping/);
  });
});
