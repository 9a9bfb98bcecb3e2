// DKIM signatures of what goes out, through the whole server, as a verifier behind the next hop sees them.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { closedAfter } from '../../src/base/closed-after.ts';
import type { Log } from '../../src/base/log.ts';
import { silentLog } from '../../src/base/log.ts';
import { startServer } from '../../src/compose/server.ts';
import type { ConfigInput } from '../../src/config/config.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { sendMail } from '../../src/deliver/send-mail/send-mail.ts';
import { FakeResolver } from '../../src/dns/fake-resolver.ts';
import { findHeaderEnd } from '../../src/mail/header/header.ts';
import { storiesOf } from '../../src/queue/story/story.ts';
import { formatWhy } from '../../src/queue/story/story-text.ts';
import type { TestServer } from '../../src/testing/index.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { DkimCheck } from '../../src/trust/dkim.ts';
import {
  activateKeys,
  createKeys,
  keyDirectory,
  keyFile,
  readIndex,
  recordOf,
} from '../../src/trust/dkim-keys.ts';
import { SignedMessage } from '../../src/trust/signed-message.ts';
import { eventually } from '../process.ts';
import type { NextHop } from './wire.ts';
import { connectClient, startNextHop, submit } from './wire.ts';

const ann = 'ann@example.org';
const now = new Date('2026-01-01T00:00:00Z');

const config = (hop: NextHop, more: ConfigInput = {}): ConfigInput => ({
  hostname: 'mx.example.org',
  domains: ['example.org', 'plain.test'],
  listeners: [
    { service: 'smtp', host: '127.0.0.1', port: 0 },
    { service: 'submission', host: '127.0.0.1', port: 0, tls: 'implicit' },
  ],
  tls: 'self-signed',
  routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
  ...more,
});

interface World {
  readonly server: TestServer;
  readonly hop: NextHop;
  /** Where keys are. */
  readonly directory: string;
}

async function world(
  t: TestContext,
  { config: more = {}, log = silentLog, behave = takes() }: WorldOptions = {},
): Promise<World> {
  const hop = closedAfter(t, await startNextHop(behave));
  const accounts = [{ address: ann, password: 'secret' }];
  const server = closedAfter(
    t,
    await startTestServer({ accounts, log, config: config(hop, more) }),
  );
  const directory = keyDirectory(server.server.config.dataDirectory);
  return { server, hop, directory };
}

interface WorldOptions {
  readonly config?: ConfigInput;
  readonly log?: Log;
  readonly behave?: (line: string) => string;
}

const takes =
  (keywords = '') =>
  (line: string) =>
    keywords !== '' && line.startsWith('EHLO') ? `250-next\r\n250 ${keywords}` : '250 2.0.0 OK';

const hasKeys = (directory: string, domain = 'example.org') =>
  createKeys(directory, { domain, state: 'active', now });

const mail = (from: string, body = 'Hello') =>
  `From: Ann <${from}>\r\nTo: bob@far.test\r\nSubject: hi\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${body}\r\n`;

const submitted = ({ server }: World, message: string) =>
  server.send({
    ...{ port: server.listeners[1]!.port, tls: 'require', implicitTls: true },
    ...{ auth: { user: ann, password: 'secret' }, from: ann, to: 'bob@far.test', message },
  });

/** From a client that nobody knows. */
async function fromStranger({ server }: World, from: string, to: string, content: string) {
  const client = await connectClient(server.port);
  await client.say('EHLO client.test\r\n');
  await submit(client, { from, to: [to], content });
  client.close();
}

const taken = (hop: NextHop, count = 1) =>
  eventually(
    async () => (hop.taken.length >= count ? hop.taken : undefined),
    `${count} messages at the next hop`,
  );

/** `pass rsa-sha256 example.org` of each signature. */
async function verdictsOf(content: string, directory: string): Promise<readonly string[]> {
  const active = readIndex(directory).filter(({ state }) => state === 'active');
  const records = active.map((entry) => recordOf(directory, entry));
  const resolver = new FakeResolver(
    Object.fromEntries(records.map(({ name, value }) => [name, { TXT: [value] }])),
  );
  const message = Buffer.from(`${content.replace(/^\.\./gm, '.')}\r\n`);
  const end = findHeaderEnd(message);
  const whole = new SignedMessage(message.subarray(0, end));
  const check = new DkimCheck(whole);
  whole.update(message.subarray(end));
  const verdicts = await check.verdicts(resolver, now.getTime() / 1000);
  return verdicts.map(({ result, algorithm, domain }) => `${result} ${algorithm} ${domain}`);
}

const bothPass = ['pass rsa-sha256 example.org', 'pass ed25519-sha256 example.org'];

describe('what we send is signed (RFC 6376 §5)', () => {
  for (const [what, body] of [
    ['small', '.Hello'],
    ['large', `${'A line of text that makes it long.\r\n'.repeat(40_000)}.`],
  ] as const)
    it(`${what} mail of users, by an RSA and an ed25519 key, in front of everything`, async (t) => {
      const one = await world(t);
      hasKeys(one.directory);
      await submitted(one, mail(ann, body));
      const [content = ''] = await taken(one.hop);
      assert.match(content, /^DKIM-Signature: v=1; a=rsa-sha256;/);
      assert.deepEqual(await verdictsOf(content, one.directory), bothPass);
    });

  for (const keywords of ['', '8BITMIME'])
    it(`in the form that the hop takes (${keywords || '7-bit'})`, async (t) => {
      const one = await world(t, { behave: takes(keywords) });
      hasKeys(one.directory);
      await submitted(one, mail(ann, 'Schöne Grüße'));
      const [content = ''] = await taken(one.hop);
      assert.equal(/^[\x00-\x7f]*$/.test(content), keywords === '');
      assert.deepEqual(await verdictsOf(content, one.directory), bothPass);
    });

  it('mail of a subdomain by the keys of the domain above it, and of trusted networks', async (t) => {
    const one = await world(t, { config: { trustedNetworks: ['127.0.0.1/32'] } });
    hasKeys(one.directory);
    await fromStranger(one, 'x@sub.example.org', 'bob@far.test', mail('x@sub.example.org'));
    const [content = ''] = await taken(one.hop);
    assert.deepEqual(await verdictsOf(content, one.directory), bothPass);
  });

  it('notifications of ours', async (t) => {
    const behave = (line: string) =>
      line.startsWith('RCPT TO:<nobody') ? '550 5.1.1 no such user' : '250 2.0.0 OK';
    const one = await world(t, { behave, config: { relayDomains: ['partner.test'] } });
    hasKeys(one.directory);
    const stranger = 'joe@stranger.test';
    await fromStranger(one, stranger, 'nobody@partner.test', mail(stranger));
    const [content = ''] = await taken(one.hop);
    assert.match(content, /^Content-Type: multipart\/report/im);
    assert.deepEqual(await verdictsOf(content, one.directory), bothPass);
  });
});

describe('what we do not vouch for is not signed', () => {
  it('mail of strangers that passes through, whoever it says it is from', async (t) => {
    const config = {
      relayDomains: ['partner.test'],
      aliases: { 'away@example.org': ['bob@far.test'] },
    };
    const one = await world(t, { config });
    hasKeys(one.directory);
    await fromStranger(one, 'joe@stranger.test', 'bob@partner.test', mail(ann));
    await fromStranger(one, 'joe@stranger.test', 'away@example.org', mail(ann));
    for (const content of await taken(one.hop, 2)) assert.doesNotMatch(content, /DKIM-Signature/i);
  });

  it('mail of domains without keys, and all where it is switched off', async (t) => {
    const one = await world(t, { config: { trustedNetworks: ['127.0.0.1/32'] } });
    hasKeys(one.directory);
    await fromStranger(one, 'x@plain.test', 'bob@far.test', mail('x@plain.test'));
    await taken(one.hop);
    await one.server.reload(config(one.hop, { dkim: { sign: false } }));
    await submitted(one, mail(ann));
    for (const content of await taken(one.hop, 2)) assert.doesNotMatch(content, /DKIM-Signature/i);
  });
});

describe('keys under the running server', () => {
  it('new ones sign a minute later at most, and next ones when they are made active', async (t) => {
    const one = await world(t);
    await submitted(one, mail(ann));
    assert.doesNotMatch((await taken(one.hop))[0]!, /DKIM-Signature/i);
    const [first] = hasKeys(one.directory);
    const [second] = createKeys(one.directory, { domain: 'example.org', state: 'next', now });
    await one.server.advance(60_000);
    await submitted(one, mail(ann));
    assert.ok((await taken(one.hop, 2))[1]!.includes(`s=${first!.selector};`));
    activateKeys(one.directory, { domain: 'example.org', now });
    await one.server.advance(60_000);
    await submitted(one, mail(ann));
    assert.ok((await taken(one.hop, 3))[2]!.includes(`s=${second!.selector};`));
  });

  it('mail waits while one cannot be read, says why, and goes out signed when it can', async (t) => {
    const warnings: string[] = [];
    const warn: Log['warn'] = (event, { problem } = {}) =>
      void warnings.push(`${event}: ${problem}`);
    const one = await world(t, { log: { ...silentLog, warn } });
    const [rsa] = hasKeys(one.directory);
    rmSync(keyFile(one.directory, rsa!));
    const { reply } = await submitted(one, mail(ann));
    const { stores, history } = one.server.server;
    const id = reply.lines.join(' ').trim().split(' ').at(-1)!;
    const why = await eventually(async () => {
      const text = formatWhy(await storiesOf({ store: stores.queue, history }, id));
      return /deferred|waits|later/i.test(text) ? text : undefined;
    }, 'an attempt');
    assert.match(
      why,
      /451 4\.7\.0 The DKIM key r20260101\._domainkey\.example\.org cannot be read/,
    );
    assert.match(warnings.join('\n'), /mail waits for a DKIM key: .*r20260101\.pem cannot be read/);
    assert.equal(one.hop.taken.length, 0);
    createKeys(one.directory, { domain: 'example.org', state: 'next', now });
    activateKeys(one.directory, { domain: 'example.org', now });
    await one.server.advance(60 * 60_000);
    const [content = ''] = await taken(one.hop);
    assert.deepEqual(await verdictsOf(content, one.directory), bothPass);
  });
});

describe('signing in the relay’s own thread', () => {
  it('works from the same plain settings', { timeout: 30_000 }, async (t) => {
    const hop = closedAfter(t, await startNextHop());
    const dataDirectory = await mkdtemp(join(tmpdir(), 'postrider-signing-'));
    const directory = keyDirectory(dataDirectory);
    hasKeys(directory);
    const resolution = resolveConfig(
      { ...config(hop), dataDirectory, trustedNetworks: ['127.0.0.1/32'] },
      dataDirectory,
    );
    assert.ok(resolution.kind !== 'problems');
    const server = closedAfter(
      t,
      await startServer({ config: resolution.config, log: silentLog, relayIn: 'own-thread' }),
    );
    // What is registered last is done last: the server still writes there until it is closed.
    t.after(() => rm(dataDirectory, { recursive: true, force: true }));
    await sendMail({
      ...{ host: '127.0.0.1', port: server.listeners[0]!.port, tls: 'none' },
      ...{ from: ann, to: 'bob@far.test', message: mail(ann) },
    });
    const [content = ''] = await taken(hop);
    assert.deepEqual(await verdictsOf(content, directory), bothPass);
  });
});
