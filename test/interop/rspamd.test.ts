// rspamd at work: asked by HTTP and as a milter, taught by what people move into Junk, and as a judge of our
// signatures, which it finds by a real DNS. By the same DNS another Postrider takes what is signed, and refuses what is
// forged.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ConfigInput } from '../../src/config/config.ts';
import type { TestServer } from '../../src/testing/index.ts';
import { startTestServer } from '../../src/testing/index.ts';
import type { KeyRecord } from '../../src/trust/dkim-keys.ts';
import { createKeys, keyDirectory, recordOf } from '../../src/trust/dkim-keys.ts';
import { freePorts } from '../ports.ts';
import { eventually, startProcess } from '../process.ts';
import { connectImap } from '../scenarios/imap-wire.ts';
import { connectClient, startNextHop, submit } from '../scenarios/wire.ts';
import type { DnsLab } from './dns-lab.ts';
import { startDnsLab, withoutDnsLab } from './dns-lab.ts';
import { without } from './peers.ts';
import type { Rspamd } from './rspamd.ts';
import { startRspamd } from './rspamd.ts';

const ann = { address: 'ann@example.org', password: 'secret' };
const local = { host: '127.0.0.1', port: 0 } as const;
const gtube = 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X';

interface Checked {
  readonly action: string;
  readonly symbols: Readonly<Record<string, { readonly options?: readonly string[] }>>;
}

/** Nobody sends for the domain by SPF, and what it did not sign is to be refused. */
const policies = '@ TXT "v=spf1 -all"\n_dmarc TXT "v=DMARC1; p=reject"\n';

/** What a zone file has of them. */
const zoneOf = (records: readonly KeyRecord[]): string =>
  records
    .map(({ name, value }) => {
      const strings = value.match(/.{1,255}/g)!.map((text) => `"${text}"`);
      return `${name.replace(/\.example\.org$/, '')} TXT ${strings.join(' ')}\n`;
    })
    .join('');

/** Signs for example.org, and hands everything to a hop that shows it. */
async function startSigner() {
  const hop = await startNextHop();
  const server = await startTestServer({
    accounts: [ann],
    config: {
      ...{ hostname: 'mx.example.org', domains: ['example.org'], tls: 'self-signed' },
      listeners: [{ service: 'submission', ...local, tls: 'implicit' }],
      routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
    },
  });
  const directory = keyDirectory(server.server.config.dataDirectory);
  const now = new Date('2026-01-01');
  const keys = createKeys(directory, { domain: 'example.org', state: 'active', now });
  return { hop, server, records: keys.map((key) => recordOf(directory, key)) };
}

describe('interop: rspamd', { skip: without('rspamd', 'redis-server') || withoutDnsLab() }, () => {
  let signer: Awaited<ReturnType<typeof startSigner>>;
  let lab: DnsLab;
  let rspamd: Rspamd;
  before(async () => {
    signer = await startSigner();
    const zone = {
      name: 'example.org',
      records: `${zoneOf(signer.records)}${policies}`,
      state: 'insecure',
    } as const;
    lab = await startDnsLab({ zones: [zone] });
    rspamd = await startRspamd({ dns: lab.server });
  });
  after(async () => {
    for (const one of [rspamd, lab, signer?.server, signer?.hop])
      await one?.[Symbol.asyncDispose]();
  });

  const behind = (filter: NonNullable<ConfigInput['filters']>[number]) =>
    startTestServer({
      accounts: [ann],
      config: {
        ...{ domains: ['example.org'], tls: 'self-signed' },
        filters: [{ ...filter, name: 'rspamd' }],
        listeners: [
          { service: 'smtp', ...local },
          { service: 'imap', ...local, tls: 'implicit' },
        ],
      },
    });
  const send = (server: TestServer, subject: string, text: string) =>
    server.send({
      ...{ from: 'eve@example.net', to: ann.address },
      message: `From: eve@example.net\r\nTo: ann@example.org\r\nMessage-ID: <${subject}@example.net>\r\nSubject: ${subject}\r\n\r\n${text}\r\n`,
    });

  it('learns from what is moved into Junk and called no junk, and judges by it', async () => {
    const words = (kind: string) =>
      Array.from({ length: 40 }, (_, i) => `${kind}${i % 20} ${kind}word`).join(' ');
    const { controller, passwordFile } = rspamd;
    await using server = await behind({ rspamd: rspamd.url, controller, passwordFile });
    const imap = await connectImap(server.listeners[1]!.port);
    await imap.ask(`LOGIN ${ann.address} ${ann.password}`);
    for (const kind of ['money', 'garden']) {
      const message = `Subject: ${kind}\r\n\r\n${words(kind)}\r\n`;
      await imap.ask(`APPEND INBOX {${message.length}+}\r\n${message}`);
    }
    await imap.ask('SELECT INBOX');
    assert.deepEqual(await rspamd.learnt(), { spam: 0, ham: 0 });
    await imap.ask('UID STORE 2 +FLAGS ($NotJunk)');
    await imap.ask('UID MOVE 1 Junk');
    await eventually(async () => {
      const { spam, ham } = await rspamd.learnt();
      return (spam === 1 && ham === 1) || undefined;
    }, 'rspamd to have learnt one of each');
    imap.close();
    for (const kind of ['money', 'garden']) {
      await send(server, `more-${kind}`, words(kind));
      await server.waitFor(({ subject }) => subject === `more-${kind}`);
    }
    const mail = await Array.fromAsync(server.server.operations.mailList({ address: ann.address }));
    const where = new Map(mail.map(({ subject, folder }) => [subject, folder]));
    assert.deepEqual([where.get('more-money'), where.get('more-garden')], ['Junk', 'INBOX']);
  });

  it('by HTTP: GTUBE is refused in its words, what is harmless is taken, and why is told', async () => {
    await using server = await behind({ rspamd: rspamd.url });
    await assert.rejects(send(server, 'bad', gtube), /550 5\.7\.1.*Gtube pattern/s);
    await send(server, 'good', 'Hello');
    await server.waitFor(({ subject }) => subject === 'good');
    const { stories } = await server.server.operations.why({ id: '<good@example.net>' });
    assert.match(JSON.stringify(stories), /rspamd[^}]*of 15 points/);
  });

  it('as a milter: the same', async () => {
    await using server = await behind({ milter: rspamd.milter });
    await assert.rejects(send(server, 'bad', gtube), /5\d\d.*Gtube pattern/s);
    await send(server, 'good', 'Hello');
    await server.waitFor(({ subject }) => subject === 'good');
  });

  it('finds both of our signatures good, by the DNS, and none once something was changed', async () => {
    const { server, hop, records } = signer;
    await server.send({
      ...{ port: server.port, tls: 'require', implicitTls: true, from: ann.address },
      ...{ auth: { user: ann.address, password: ann.password }, to: 'bob@far.test' },
      message:
        'From: Ann <ann@example.org>\r\nTo: bob@far.test\r\nSubject: hello\r\n\r\nHello  you \r\n\r\n',
    });
    const [taken] = await eventually(async () => {
      return hop.taken.length > 0 ? hop.taken : undefined;
    }, 'the next hop to have it');
    const check = async (content: string) => {
      const response = await fetch(`${rspamd.url}/checkv2`, { method: 'POST', body: content });
      return (await response.json()) as Checked;
    };
    const selectors = records.map(({ name }) => name.slice(0, name.indexOf('.')));
    const { symbols } = await check(`${taken}\r\n`);
    assert.deepEqual(
      symbols.R_DKIM_ALLOW?.options?.toSorted(),
      selectors.map((selector) => `example.org:s=${selector}`).sort(),
    );
    const changed = await check(`${taken!.replace('Hello', 'Pay me')}\r\n`);
    assert.equal(changed.symbols.R_DKIM_ALLOW, undefined);
    assert.ok(changed.symbols.R_DKIM_REJECT);
  });

  it('and another Postrider takes it by DMARC, which asks the same DNS, and refuses what is forged', async () => {
    const [port] = (await freePorts(1)) as [number];
    await using receiver = await startProcess({
      ...{ hostname: 'mx.near.test', domains: ['near.test'], dns: { servers: [lab.server] } },
      aliases: { '@near.test': ['bob@far.test'] },
      routes: [{ domain: '*', via: 'discard' }],
      listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
    });
    const hand = async (content: string) => {
      const client = await connectClient(port);
      await client.say('EHLO stranger.test\r\n');
      const mail = { from: 'bounce@stranger.test', to: ['bob@near.test'], content };
      return submit(client, mail).finally(() => client.close());
    };
    const [signed] = signer.hop.taken;
    assert.match(await hand(`${signed}\r\n`), /^250 /);
    for (const forged of [
      signed!.replace('Hello', 'Pay me'),
      'From: Ann <ann@example.org>\r\nSubject: pay\r\n\r\nNow',
    ])
      await eventually(async () => {
        // Where the DNS has not answered in two seconds, it is taken all the same.
        const said = await hand(`${forged}\r\n`).catch((error: Error) => error.message);
        if (said.startsWith('250 ')) return undefined;
        assert.match(said, /550 5\.7\.1 Refused by the DMARC policy of example\.org/);
        return true;
      }, 'it to be refused');
    const why = await receiver.command('why', 'bounce@stranger.test');
    assert.match(why, /DMARC policy of example\.org/);
  });
});
