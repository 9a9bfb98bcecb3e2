// Mail that an alias leads to another server, through the whole server: under a sender of ours, sealed, and what
// is said of it finds back.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { closedAfter } from '../../src/base/closed-after.ts';
import type { ConfigInput } from '../../src/config/config.ts';
import { FakeResolver } from '../../src/dns/fake-resolver.ts';
import { findHeaderEnd } from '../../src/mail/header/header.ts';
import { storiesOf } from '../../src/queue/story/story.ts';
import { formatWhy } from '../../src/queue/story/story-text.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { ArcCheck } from '../../src/trust/arc.ts';
import { createKeys, keyDirectory, recordOf } from '../../src/trust/dkim-keys.ts';
import { SignedMessage } from '../../src/trust/signed-message.ts';
import { eventually } from '../process.ts';
import { connectClient, startNextHop, submit } from './wire.ts';

const zoe = 'zoe@third.test';
const mail = `From: Zoë <${zoe}>\r\nTo: list@example.org\r\nMessage-ID: <forwarded@third.test>\r\nSubject: hi\r\n\r\nHello\r\n`;

async function world(t: TestContext, more: ConfigInput = {}) {
  const heard: string[] = [];
  const hop = closedAfter(
    t,
    await startNextHop((line) => {
      if (/^(MAIL|RCPT)/.test(line)) heard.push(line);
      return '250 2.0.0 OK';
    }),
  );
  const server = closedAfter(
    t,
    await startTestServer({
      accounts: [{ address: 'ann@example.org', password: 'secret' }],
      zone: { 'third.test': { TXT: ['v=spf1 +all'] } },
      config: {
        hostname: 'mx.example.org',
        domains: ['example.org', 'example.com'],
        relayDomains: ['backup.test'],
        aliases: { 'list@example.org': ['bob@far.test'], 'both@example.org': ['b@backup.test'] },
        listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }],
        routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
        ...more,
      },
    }),
  );
  const send = async (from: string, ...to: readonly string[]) => {
    const before = hop.taken.length;
    const client = await connectClient(server.port);
    await client.say('EHLO client.test\r\n');
    await submit(client, { from, to: [...to], content: mail });
    client.close();
    return async (count = 1) =>
      eventually(
        async () => (hop.taken.length >= before + count ? hop.taken.slice(before) : undefined),
        'the next hop has it',
      );
  };
  return { server, heard, send };
}

const srs = /^MAIL FROM:<(SRS0=[a-z2-7]{6}=[a-z2-7]{2}=third\.test=zoe@example\.org)>/;

describe('mail that an alias sends on', () => {
  it('goes under a sender in the domain of the alias, to whom notifications find back', async (t) => {
    const { heard, send, server } = await world(t);
    await (await send(zoe, 'list@example.org'))();
    const [, sender = ''] = srs.exec(heard[0]!) ?? [];
    assert.notEqual(sender, '', 'it is an address of ours');
    assert.match(heard[1] ?? '', /^RCPT TO:<bob@far\.test>/);

    await (await send('', sender))();
    assert.deepEqual(
      heard.slice(2).map((line) => line.split(' ').slice(0, 2).join(' ')),
      ['MAIL FROM:<>', 'RCPT TO:<zoe@third.test>'],
    );
    const { stores, history } = server.server;
    await eventually(async () => {
      const why = formatWhy(
        await storiesOf({ store: stores.queue, history }, 'forwarded@third.test'),
      );
      return why.includes(`sent on as ${sender}`) ? why : undefined;
    }, '`why` tells of it');
  });

  it('a sender that somebody made up is refused, and strangers do not send through us', async (t) => {
    const { server } = await world(t);
    const client = await connectClient(server.port);
    await client.say('EHLO client.test\r\n');
    await client.say('MAIL FROM:<>\r\n');
    const answer = await client.say('RCPT TO:<SRS0=aaaaaa=aa=third.test=zoe@example.org>\r\n');
    assert.match(answer, /^550 5\.1\.1 This return address/);
    client.close();
  });

  it('keeps its sender where that is ours, null, or switched off', async (t) => {
    const { heard, send } = await world(t);
    await (await send('ann@example.com', 'list@example.org'))();
    await (await send('', 'list@example.org'))();
    const senders = heard
      .filter((line) => line.startsWith('MAIL'))
      .map((line) => line.split(' ')[1]);
    assert.deepEqual(senders, ['FROM:<ann@example.com>', 'FROM:<>']);
    const off = await world(t, { forwarding: { rewriteSender: false } });
    await (await off.send(zoe, 'list@example.org'))();
    assert.match(off.heard[0] ?? '', /^MAIL FROM:<zoe@third\.test>/);
  });

  it('is rewritten also where it is ours to sign', async (t) => {
    const { heard, send, server } = await world(t, { trustedNetworks: ['127.0.0.1/32'] });
    createKeys(keyDirectory(server.server.config.dataDirectory), {
      ...{ domain: 'example.org', state: 'active', now: new Date('2026-01-01') },
    });
    await (await send(zoe, 'list@example.org'))();
    assert.match(heard[0]!, srs);
  });

  it('what we relay for a domain keeps its sender, also beside what is sent on to the same place', async (t) => {
    const { heard, send } = await world(t);
    const taken = await send(zoe, 'both@example.org', 'c@backup.test', 'list@example.org');
    await taken(2);
    const transactions = heard
      .join('\n')
      .split(/^(?=MAIL)/m)
      .map((lines) => lines.replace(/ (SIZE|BODY)=\S+/g, ''));
    assert.equal(transactions.length, 2);
    const [own, sentOn] = transactions.sort((a, b) => a.length - b.length);
    assert.match(own ?? '', /^MAIL FROM:<zoe@third\.test>\nRCPT TO:<c@backup\.test>/);
    assert.match(sentOn ?? '', srs);
    assert.match(
      sentOn ?? '',
      /b@backup\.test[\s\S]*bob@far\.test|bob@far\.test[\s\S]*b@backup\.test/,
    );
  });

  it('is sealed with what we found out, which a verifier believes (RFC 8617)', async (t) => {
    const { send, server } = await world(t);
    const directory = keyDirectory(server.server.config.dataDirectory);
    const keys = createKeys(directory, {
      ...{ domain: 'example.org', state: 'active', now: new Date('2026-01-01') },
    });
    const taken = await send(zoe, 'list@example.org');
    const [content = ''] = (await taken()) ?? [];
    assert.match(content, /^ARC-Seal: /);
    assert.match(content, /ARC-Authentication-Results: i=1;\r\n mx\.example\.org;[\s\S]*spf=pass/);
    const message = Buffer.from(`${content}\r\n`);
    const end = findHeaderEnd(message);
    const whole = new SignedMessage(message.subarray(0, end));
    const check = new ArcCheck(whole);
    whole.update(message.subarray(end));
    const records = keys.map((entry) => recordOf(directory, entry));
    const resolver = new FakeResolver(
      Object.fromEntries(records.map(({ name, value }) => [name, { TXT: [value] }])),
    );
    const verdict = await check.verdict(resolver, Date.now() / 1000);
    assert.deepEqual([verdict.result, verdict.sealers], ['pass', ['example.org']]);
  });
});

describe('mail of accounts in a domain whose senders are tagged', () => {
  const local = { host: '127.0.0.1', port: 0 } as const;
  const tagging: ConfigInput = {
    backscatter: { tag: ['example.org'] },
    listeners: [
      { service: 'smtp', ...local },
      { service: 'submission', ...local, insecureAuth: true },
    ],
  };
  const tag = /^MAIL FROM:<(prvs=0\d{3}[0-9a-f]{6}=ann@example\.org)>/;
  const ann = 'ann@example.org';
  const message = `From: ${ann}\r\nMessage-ID: <own@example.org>\r\nSubject: hi\r\n\r\nHello\r\n`;

  async function sent(t: TestContext, from: string, more: ConfigInput = tagging) {
    const { server, heard } = await world(t, more);
    const submitFrom = (sender: string) =>
      server.send({
        port: server.listeners[1]!.port,
        auth: { user: ann, password: 'secret' },
        ...{ from: sender, to: ['bob@far.test'], message },
      });
    const next = (count: number) =>
      eventually(async () => heard.filter((line) => line.startsWith('MAIL'))[count - 1], 'heard');
    await submitFrom(from);
    return { server, heard, submitFrom, next, first: await next(1) };
  }

  async function rcpt(port: number, sender: string, ...recipients: readonly string[]) {
    const answers: string[] = [];
    for (const recipient of recipients) {
      const client = await connectClient(port);
      await client.say('EHLO client.test\r\n');
      await client.say(`MAIL FROM:<${sender}>\r\n`);
      answers.push(await client.say(`RCPT TO:<${recipient}>\r\n`));
      client.close();
    }
    return answers;
  }

  it('goes under a tagged sender, to whom notifications come, and to whom alone', async (t) => {
    const { server, first } = await sent(t, ann);
    const [, tagged = ''] = tag.exec(first) ?? [];
    assert.notEqual(tagged, '', first);
    const client = await connectClient(server.port);
    await client.say('EHLO client.test\r\n');
    await submit(client, { from: '', to: [tagged], content: 'Subject: not delivered\r\n\r\nx' });
    client.close();
    const caught = await server.waitFor(({ raw }) => raw.includes('not delivered'));
    assert.equal(caught.mailbox, ann);

    const [plain = '', ...others] = await rcpt(
      server.port,
      '',
      ...[ann, 'list@example.org', 'postmaster@example.org', 'tlsrpt@example.com'],
    );
    assert.match(plain, /^550 5\.7\.1 This address has not sent the mail that this is about/);
    assert.deepEqual(
      others.map((answer) => answer.slice(0, 9)),
      ['550 5.7.1', '250 2.1.5', '550 5.1.1'],
    );
    const [mail = '', forged = ''] = await rcpt(
      ...([server.port, zoe, ann, tagged.replace('=ann', '=bob')] as const),
    );
    assert.match(mail, /^250 /);
    assert.match(forged, /^550 5\.1\.1 This return address/);
    const { stores, history } = server.server;
    await eventually(async () => {
      const why = formatWhy(await storiesOf({ store: stores.queue, history }, 'own@example.org'));
      return why.includes(`sent on as ${tagged}`) ? why : undefined;
    }, '`why` tells of it');
    await server.advance(8 * 86_400_000);
    const [expired = ''] = await rcpt(server.port, '', tagged);
    assert.match(expired, /^550 5\.1\.1 This return address/);
  });

  it('is signed as well, and a client that gives a tagged sender of its own gets it', async (t) => {
    const { server, first, submitFrom, next } = await sent(t, ann);
    const [, tagged = ''] = tag.exec(first) ?? [];
    createKeys(keyDirectory(server.server.config.dataDirectory), {
      ...{ domain: 'example.org', state: 'active', now: new Date('2026-01-01') },
    });
    await submitFrom(tagged);
    assert.match(await next(2), new RegExp(`^MAIL FROM:<${tagged}>`));
    await submitFrom('');
    assert.match(await next(3), /^MAIL FROM:<>/);
  });

  it('what an alias sends on for strangers finds back as before', async (t) => {
    const { heard, send, server } = await world(t, tagging);
    await (await send(zoe, 'list@example.org'))();
    const [, sender = ''] = srs.exec(heard[0]!) ?? [];
    const [answer = ''] = await rcpt(server.port, '', sender);
    assert.match(answer, /^250 /);
    await (await send(ann, 'list@example.org'))();
    assert.match(heard.filter((line) => line.startsWith('MAIL'))[1] ?? '', /^MAIL FROM:<ann@/);
  });
});
