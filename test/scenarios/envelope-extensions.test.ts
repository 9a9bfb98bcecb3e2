// Two servers, and what senders ask for in the envelope on its way through both: priority, deadline, tracking,
// a time to leave; mail that is fetched, and mail that is submitted by its URL.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import type { ConfigInput } from '../../src/config/config.ts';
import { countOf } from '../../src/store/conformance/harness.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { connectClient } from './wire.ts';

const local = { host: '127.0.0.1', port: 0 } as const;
const ann = { address: 'ann@isp.example', password: 'secret of ann' };
const bob = { address: 'bob@isp.example', password: 'secret of bob' };
const login = `AUTH PLAIN ${Buffer.from(`\0${ann.address}\0${ann.password}`).toString('base64')}\r\n`;
const auth = { user: ann.address, password: ann.password };

const far = (permission = true) =>
  startTestServer({
    accounts: ['bob@far.example'],
    config: {
      hostname: 'mx.far.example',
      domains: ['far.example'],
      trustedNetworks: ['127.0.0.1/32'],
      tls: 'self-signed',
      contentConversion: { permission, features: { '@far.example': '(color=binary)' } },
      listeners: [
        { service: 'smtp', ...local },
        { service: 'mtqp', ...local },
      ],
    },
  });

const ispConfig = (farPort: number): ConfigInput => ({
  hostname: 'mx.isp.example',
  domains: ['isp.example'],
  relayDomains: ['customer.example'],
  contentConversion: { permission: true },
  routes: [
    { domain: 'customer.example', via: 'atrn', account: ann.address },
    { domain: 'far.example', host: '127.0.0.1', port: farPort, tls: 'none' },
  ],
  listeners: [
    { service: 'submission', ...local, insecureAuth: true },
    { service: 'imap', ...local, insecureAuth: true },
    { service: 'smtp', ...local },
    { service: 'mtqp', ...local },
  ],
});

const isp = (farPort: number) =>
  startTestServer({ accounts: [ann, bob], config: ispConfig(farPort) });

type Server = Awaited<ReturnType<typeof isp>>;
const portOf = (server: Server, service: string): number =>
  server.listeners.find((one) => one.service === service)!.port!;

/** What MTQP says of a message. */
const asks = (port: number, envid: string, secret: Buffer): Promise<string> =>
  mtqp(port, `TRACK ${envid} ${secret.toString('base64')}`);

function mtqp(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = connect(port, '127.0.0.1');
    socket.setEncoding('utf8');
    socket.on('data', (text) => {
      said += text;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(said));
    socket.end(`${command}\r\nQUIT\r\n`);
  });
}

const submit = (server: Server, to: string, params: readonly string[]) =>
  server.send({
    ...{ auth, tls: 'none', from: ann.address, to, params },
    message: `From: ${ann.address}\r\nSubject: hello\r\n\r\nHello\r\n`,
  });

describe('what senders ask for', () => {
  it('RFC 6710, RFC 2852, RFC 3885: travels, is kept to, and can be asked for on both sides', async () => {
    await using there = await far();
    await using here = await isp(there.port);
    const secret = Buffer.from('a secret of sixteen octets');
    const certifier = createHash('sha1').update(secret).digest('base64').replace('=', '');
    const params = ['MT-PRIORITY=4', 'BY=3600;R', 'ENVID=1@isp.example', `MTRK=${certifier}`];
    await submit(here, 'bob@far.example', params);
    const { raw } = await there.waitFor(() => true);
    assert.equal([...String(raw).matchAll(/^\tpriority 4;\r$/gm)].length, 2);
    const said = await asks(portOf(here, 'mtqp'), '1@isp.example', secret);
    assert.match(said, /^Action: transferred\r\nStatus: 2\.4\.0\r$/m);
    const next = await asks(portOf(there, 'mtqp'), '1@isp.example', secret);
    assert.match(next, /^Action: delivered\r\nStatus: 2\.0\.0\r$/m);
    const other = await asks(portOf(there, 'mtqp'), '1@isp.example', Buffer.from('guess'));
    assert.match(other, /^-ERR\/noinfo/m);
  });

  it('RFC 3887 §6: TLS begins for names of the certificate alone', async () => {
    await using there = await far();
    const port = portOf(there, 'mtqp');
    const other = await mtqp(port, 'STARTTLS mx.isp.example');
    assert.match(other, /\r\n-BAD\/bad-fqdn .*\r\n\+OK Bye\r\n$/);
    assert.match(await mtqp(port, 'STARTTLS MX.far.example'), /\r\n\+OK Begin TLS\r\n/);
  });

  it('RFC 4141: mail that may be converted goes to who sees to it, and comes back from others', async () => {
    await using there = await far();
    await using other = await far(false);
    await using here = await isp(there.port);
    await submit(here, 'bob@far.example', ['CONPERM']);
    assert.match((await there.waitFor(() => true)).text, /Hello/);
    await here.reload(ispConfig(other.port));
    await submit(here, 'bob@far.example', ['CONPERM']);
    const { raw } = await here.waitFor(({ mailbox }) => mailbox === ann.address);
    assert.match(String(raw), /^Status: 5\.6\.3\r$/m);
    assert.equal(other.messages.length, 0);
    const client = await connectClient(there.port);
    await client.say('EHLO c.example\r\n');
    await client.say('MAIL FROM:<>\r\n');
    assert.equal(
      await client.say('RCPT TO:<bob@far.example> CONNEG\r\n'),
      '250-2.1.5 Recipient OK\n250 2.1.5 CONNEG (color=binary)',
    );
    client.close();
  });

  it('RFC 4865: leaves when its time has come, whatever an operator does before', async () => {
    await using here = await isp(1);
    await submit(here, ann.address, ['HOLDFOR=7200']);
    const { queue } = here.server.stores;
    assert.equal(await queue.retry(undefined, here.clock.now()), 0);
    await here.advance(7199_000);
    assert.equal(here.messages.length, 0);
    assert.equal((await countOf(queue)).messages, 1);
    await here.advance(2_000);
    await here.waitFor(({ subject }) => subject === 'hello');
  });

  it('RFC 2645: waits until it is fetched, and goes over that connection', async () => {
    await using here = await isp(1);
    await submit(here, 'eva@customer.example', []);
    const customer = await connectClient(portOf(here, 'submission'));
    await customer.say('EHLO customer.example\r\n');
    await customer.say(login);
    assert.match(await customer.say('ATRN customer.example\r\n'), /^250 2\.0\.0 /);
    const lines: string[] = [];
    let said = '';
    customer.socket.on('data', (text: string) => {
      said += text;
      for (let end = said.indexOf('\r\n'); end !== -1; end = said.indexOf('\r\n')) {
        lines.push(said.slice(0, end));
        said = said.slice(end + 2);
        const line = lines.at(-1)!;
        if (line === 'DATA') customer.socket.write('354 go\r\n');
        else if (/^(EHLO|MAIL|RCPT|QUIT|\.$)/.test(line)) customer.socket.write('250 ok\r\n');
      }
    });
    const over = new Promise((resolve) => customer.socket.once('close', resolve));
    customer.socket.write('220 customer.example ready\r\n');
    await over;
    assert.ok(lines.includes('RCPT TO:<eva@customer.example>') && lines.includes('Hello'));
    assert.equal((await countOf(here.server.stores.queue)).messages, 0);
  });

  it('RFC 4468: what lies in a mailbox is sent by its URL', async () => {
    await using here = await isp(1);
    await submit(here, ann.address, []);
    await here.waitFor(() => true);
    const client = await connectClient(portOf(here, 'submission'));
    await client.say('EHLO c.example\r\n');
    await client.say(login);
    await client.say(`MAIL FROM:<${ann.address}>\r\n`);
    await client.say('RCPT TO:<bob@isp.example>\r\n');
    const url = 'imap://mx.isp.example/INBOX/;UID=1';
    assert.match(await client.say(`BURL ${url} LAST\r\n`), /^250 2\.6\.0 /);
    client.close();
    const { text } = await here.waitFor(({ mailbox }) => mailbox === 'bob@isp.example');
    assert.match(text, /Hello/);
  });

  it('RFC 4467: what somebody else lends is sent by its URL, until the key is another', async () => {
    await using here = await isp(1);
    await submit(here, bob.address, []);
    await here.waitFor(() => true);
    const rump =
      'imap://bob%40isp.example@mx.isp.example/INBOX/;UID=1;URLAUTH=submit+ann%40isp.example';
    const made = await imap(here, [`GENURLAUTH "${rump}" INTERNAL`]);
    const [, url] = /^\* GENURLAUTH "(.+)"\r$/m.exec(made)!;
    assert.match(await imap(here, [`URLFETCH "${url}"`]), /^\* URLFETCH ".+" NIL\r$/m);
    assert.match(await burl(here, url!), /^250 2\.6\.0 /);
    const { text } = await here.waitFor(({ mailbox }) => mailbox === ann.address);
    assert.match(text, /Hello/);
    assert.match(await imap(here, ['RESETKEY INBOX']), /^a OK \[URLMECH INTERNAL\]/m);
    assert.match(await burl(here, url!), /^554 5\.7\.0 /);
  });
});

/** What bob hears. */
function imap(server: Server, commands: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = connect(portOf(server, 'imap'), '127.0.0.1');
    socket.setEncoding('utf8');
    socket.on('data', (text) => {
      said += text;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(said));
    const all = [`LOGIN ${bob.address} "${bob.password}"`, ...commands, 'LOGOUT'];
    socket.end(all.map((command) => `a ${command}\r\n`).join(''));
  });
}

/** What ann hears, who sends it to herself. */
async function burl(server: Server, url: string): Promise<string> {
  const client = await connectClient(portOf(server, 'submission'));
  await client.say('EHLO c.example\r\n');
  await client.say(login);
  await client.say(`MAIL FROM:<${ann.address}>\r\n`);
  await client.say(`RCPT TO:<${ann.address}>\r\n`);
  const said = await client.say(`BURL ${url} LAST\r\n`);
  client.close();
  return said;
}
