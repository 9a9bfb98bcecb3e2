// Who mail is from: SPF, DKIM, DMARC and ARC through the whole server, as senders and readers see it.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import type { FakeZone } from '../../src/dns/fake-resolver.ts';
import { findHeaderEnd } from '../../src/mail/header/header.ts';
import { storiesOf } from '../../src/queue/story/story.ts';
import { formatWhy } from '../../src/queue/story/story-text.ts';
import type { TestServer, TestServerOptions } from '../../src/testing/index.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { dkimFields } from '../../src/trust/dkim-sign.ts';
import { SignedMessage } from '../../src/trust/signed-message.ts';
import { connectImap } from './imap-wire.ts';
import { connectClient, submit } from './wire.ts';

const ann = 'ann@example.org';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(12).toString('base64');

const zone: FakeZone = {
  'bank.test': { TXT: ['v=spf1 -all'] },
  '_dmarc.bank.test': { TXT: ['v=DMARC1; p=reject'] },
  's1._domainkey.bank.test': { TXT: [`v=DKIM1; k=ed25519; p=${key}`] },
  '_dmarc.shop.test': { TXT: ['v=DMARC1; p=quarantine'] },
  'here.test': { TXT: ['v=spf1 ip4:127.0.0.1 -all'] },
  '_dmarc.here.test': { TXT: ['v=DMARC1; p=reject'] },
  '1.0.0.127.in-addr.arpa': { PTR: ['client.test'] },
  'client.test': { A: ['127.0.0.1'] },
};

const start = ({ config, ...more }: TestServerOptions = {}) =>
  startTestServer({
    accounts: [{ address: ann, password: 'secret' }],
    zone,
    config: {
      hostname: 'mx.example.org',
      domains: ['example.org'],
      listeners: [
        { service: 'smtp', host: '127.0.0.1', port: 0 },
        { service: 'imap', host: '127.0.0.1', port: 0, tls: 'implicit' },
      ],
      tls: 'self-signed',
      ...config,
    },
    ...more,
  });

const mailFrom = (domain: string) =>
  `From: Somebody <somebody@${domain}>\r\nTo: ${ann}\r\nSubject: from ${domain}\r\n\r\nHello\r\n`;

async function send(server: TestServer, content: string, from = 'somebody@elsewhere.test') {
  const client = await connectClient(server.port);
  await client.say('EHLO client.test\r\n');
  try {
    return await submit(client, { from, to: [ann], content });
  } finally {
    client.close();
  }
}

async function signed(content: string, domain: string): Promise<string> {
  const octets = Buffer.from(content);
  const end = findHeaderEnd(octets);
  const message = new SignedMessage(octets.subarray(0, end));
  const body = message.wants({ body: 'relaxed', lengthMax: undefined })!;
  message.update(octets.subarray(end));
  const parts = { fields: message.fields, body, seconds: 1 };
  return `${await dkimFields([{ domain, selector: 's1', privateKey }], parts)}${content}`;
}

/** What is in front of the message as it lies in the mailbox. */
async function resultsOf(server: TestServer, subject: string): Promise<string> {
  const { raw } = await server.waitFor((message) => message.subject === subject);
  const header = raw.toString('latin1').replace(/\r\n[ \t]+/g, ' ');
  return /^Authentication-Results: (.*)$/m.exec(header)?.[1] ?? '';
}

describe('mail of strangers is judged (RFC 8601, RFC 9989)', () => {
  it('what was found stands in the message and in why', async () => {
    await using server = await start();
    const queued = await send(server, mailFrom('here.test'), 'somebody@here.test');
    assert.equal(
      await resultsOf(server, 'from here.test'),
      'mx.example.org; iprev=pass policy.iprev=127.0.0.1; spf=pass smtp.mailfrom=here.test; dkim=none; dmarc=pass header.from=here.test',
    );
    const { stores, history } = server.server;
    const id = queued.trim().split(' ').at(-1)!;
    const why = formatWhy(await storiesOf({ store: stores.queue, history }, id));
    for (const line of [
      'iprev: pass, client.test (127.0.0.1)',
      'SPF: pass for here.test',
      'DKIM: none',
      'DMARC: pass for here.test, whose policy is reject',
    ])
      assert.ok(why.includes(line), `${line} in ${why}`);
  });

  it('what a domain disowns is refused when it asks for that, and why tells of it', async () => {
    await using server = await start();
    await assert.rejects(
      send(server, `Message-ID: <forged@bank.test>\r\n${mailFrom('bank.test')}`),
      /550 5\.7\.1 Refused by the DMARC policy of bank\.test/,
    );
    const { stores, history } = server.server;
    const why = formatWhy(await storiesOf({ store: stores.queue, history }, '<forged@bank.test>'));
    assert.match(why, /DMARC: fail for bank\.test, whose policy is reject; reject/);
  });

  for (const [what, body] of [
    ['small', ''],
    ['large', 'A line of text that makes it long.\r\n'.repeat(60_000)],
  ] as const)
    it(`a signature of the domain makes ${what} mail its own (RFC 6376)`, async () => {
      await using server = await start();
      await send(server, await signed(`${mailFrom('bank.test')}${body}`, 'bank.test'));
      const results = await resultsOf(server, 'from bank.test');
      assert.match(results, /dkim=pass header\.d=bank\.test header\.s=s1 header\.b="?\S{8}/);
      assert.match(results, /dmarc=pass header\.from=bank\.test$/);
    });

  it('a signature over another body does not', async () => {
    await using server = await start();
    const content = await signed(mailFrom('bank.test'), 'bank.test');
    await assert.rejects(send(server, content.replace('Hello', 'Pay me')), /550 5\.7\.1/);
  });

  it('quarantine is Junk, with its keyword', async () => {
    await using server = await start();
    await send(server, mailFrom('shop.test'));
    await server.waitFor(({ subject }) => subject === 'from shop.test');
    const imap = await connectImap(server.listeners[1]!.port);
    await imap.ask(`LOGIN ${ann} secret`);
    assert.ok((await imap.ask('SELECT INBOX')).includes('* 0 EXISTS'));
    assert.ok((await imap.ask('SELECT Junk')).includes('* 1 EXISTS'));
    assert.match((await imap.ask('FETCH 1 FLAGS')).join(), /\$Junk/);
    imap.close();
  });

  it('the configuration has the last word, and only recording obeys nobody', async () => {
    const overrides = { 'bank.test': 'quarantine', 'shop.test': 'accept', '.bank.test': 'accept' };
    const dmarc = { overrides } as { overrides: Record<string, 'accept' | 'quarantine'> };
    await using server = await start({ config: { dmarc } });
    await send(server, mailFrom('bank.test'));
    await send(server, mailFrom('shop.test'));
    await send(server, mailFrom('news.bank.test'));
    const folders = new Map<string, string>();
    for (const { subject, mailbox } of [
      await server.waitFor(({ subject }) => subject === 'from bank.test'),
      await server.waitFor(({ subject }) => subject === 'from shop.test'),
      await server.waitFor(({ subject }) => subject === 'from news.bank.test'),
    ])
      folders.set(subject, mailbox);
    assert.equal(folders.size, 3);
    await using recording = await start({ config: { dmarc: { obey: false } } });
    await send(recording, mailFrom('bank.test'));
    assert.match(await resultsOf(recording, 'from bank.test'), /dmarc=fail/);
  });

  it('a notification without a sender is of the name in HELO (RFC 7208 §2.4)', async () => {
    await using server = await start({
      zone: {
        'client.test': { TXT: ['v=spf1 ip4:127.0.0.1 -all'] },
        '_dmarc.client.test': { TXT: ['v=DMARC1; p=reject'] },
      },
    });
    await send(server, mailFrom('client.test'), '');
    const results = await resultsOf(server, 'from client.test');
    assert.match(results, /spf=pass smtp\.helo=client\.test; .*dmarc=pass/);
  });

  it('several authors: nobody hides behind the first (RFC 9989 §11.5)', async () => {
    await using server = await start();
    const content = mailFrom('here.test').replace('From: ', 'From: x@bank.test, ');
    await assert.rejects(send(server, content, 'a@here.test'), /policy of bank\.test/);
    const twice = `From: x@here.test\r\n${mailFrom('bank.test')}`;
    await assert.rejects(send(server, twice, 'a@here.test'), /policy of bank\.test/);
  });

  it('trusted networks and who has logged in are not judged', async () => {
    await using server = await start({ config: { trustedNetworks: ['127.0.0.1'] } });
    await send(server, mailFrom('bank.test'));
    assert.equal(await resultsOf(server, 'from bank.test'), '');
    assert.deepEqual(server.dns.queries, []);
  });

  it('a DNS that fails is a temperror, and mail is taken', async () => {
    await using server = await start({
      zone: { '_dmarc.bank.test': { fails: 'servfail' }, 'elsewhere.test': { fails: 'servfail' } },
    });
    await send(server, mailFrom('bank.test'));
    const results = await resultsOf(server, 'from bank.test');
    assert.match(results, /spf=temperror .*dmarc=temperror/);
  });

  it('results that a stranger brings in our name are taken out', async () => {
    await using server = await start();
    const forged = 'Authentication-Results: mx.example.org; dmarc=pass header.from=bank.test\r\n';
    await send(server, `${forged}${mailFrom('elsewhere.test')}`);
    const { raw } = await server.waitFor(({ subject }) => subject === 'from elsewhere.test');
    assert.equal(raw.toString('latin1').match(/^Authentication-Results:/gm)?.length, 1);
    assert.doesNotMatch(raw.toString('latin1'), /bank/);
  });
});
