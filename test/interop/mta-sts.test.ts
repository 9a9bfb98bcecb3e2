// MTA-STS between real programs: BIND and Unbound have the DNS, Postrider sends, receives and serves a policy of its
// own by HTTPS; the other policies lie on a host that can do wrong. What was enforced once holds when somebody takes
// the record away and leads the mail elsewhere.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:https';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { closedAfter } from '../../src/base/closed-after.ts';
import { silentLog } from '../../src/base/log.ts';
import { startServer } from '../../src/compose/server.ts';
import { ownStsPolicy } from '../../src/config/own-sts-policy.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { sendMail } from '../../src/deliver/send-mail/send-mail.ts';
import { issueCertificate } from '../../src/net/certificate.ts';
import { queueEntries } from '../../src/store/queue-entries.ts';
import { formatStsRecord } from '../../src/trust/mta-sts.ts';
import { freePorts } from '../ports.ts';
import type { ConfigObject, RunningProcess } from '../process.ts';
import { eventually, startProcess } from '../process.ts';
import { connectClient, submit } from '../scenarios/wire.ts';
import type { DnsLab, LabZone } from './dns-lab.ts';
import { startDnsLab, withoutDnsLab } from './dns-lab.ts';
import { run } from './peers.ts';

const needsRoot = 'SKIPPED: ports 25 and 443 need root';
const skip = process.getuid?.() === 0 ? withoutDnsLab() : needsRoot;

const day = 24 * 3_600_000;
const lifetime = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + day) };
const root = issueCertificate({ commonName: 'Root', names: [], authority: true, ...lifetime });
const issue = (...names: readonly string[]) =>
  issueCertificate({ commonName: names[0]!, names, issuer: root, ...lifetime });

/** Of a Postrider with a certificate, of one without, of the policy host. */
const [secure, clear, policies] = ['127.0.23.1', '127.0.23.2', '127.0.23.3'];

const receiving = {
  hostname: 'mx.own.test',
  domains: ['own.test'],
  mtaSts: { mode: 'enforce' },
} satisfies ConfigObject;
const resolved = resolveConfig(receiving, '/');
const ownRecord =
  resolved.kind === 'ok' ? formatStsRecord(ownStsPolicy(resolved.config)) : assert.fail('settings');

const announced = 'v=STSv1; id=1;';

interface Told {
  readonly record: string;
  /** Where the policy is. */
  readonly host: string;
  /** Where `mx` is. */
  readonly mxAt: string;
}

function zone(name: string, mx: string, more: Partial<Told> = {}): LabZone {
  const { record = announced, host = policies, mxAt = secure } = more;
  const lines = [
    ...[`@ IN MX 10 ${mx}`, `mx IN A ${mxAt}`, `in-the-clear IN A ${clear}`],
    `mta-sts IN A ${host}`,
    ...(record === '' ? [] : [`_mta-sts IN TXT "${record}"`]),
  ];
  return { name, records: `${lines.join('\n')}\n`, state: 'insecure' };
}

const policyFor = (name: string, mode: string) =>
  `version: STSv1\r\nmode: ${mode}\r\nmx: mx.${name}\r\nmax_age: 604800\r\n`;

describe('interop: MTA-STS', { skip }, () => {
  const home = skip === false ? mkdtempSync(join(tmpdir(), 'postrider-sts-')) : '';
  const open: AsyncDisposable[] = [];
  const usualRoots = process.env.NODE_EXTRA_CA_CERTS;
  let lab: DnsLab;
  let policyHost: Server;
  let sender: RunningProcess;
  let receiver: RunningProcess;
  let port = 0;

  before(async () => {
    const file = (name: string, text: string) => {
      const path = join(home, name);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    // What is started from here on trusts our authority beside the usual ones.
    process.env.NODE_EXTRA_CA_CERTS = file('root.pem', root.certificate);
    const zones = [
      zone('own.test', 'mx', { host: secure, record: ownRecord }),
      zone('forged.test', 'mx.own.test.'),
      zone('clear.test', 'mx', { mxAt: clear }),
      zone('testing.test', 'in-the-clear'),
      zone('moved.test', 'in-the-clear'),
      zone('stranger.test', 'in-the-clear'),
      zone('silent.test', 'in-the-clear', { host: clear }),
    ];
    lab = await startDnsLab({ zones });
    open.push(lab);
    const { certificate, privateKeyPem } = issue(
      ...['forged', 'clear', 'testing', 'moved'].map((name) => `mta-sts.${name}.test`),
    );
    policyHost = createServer(
      { cert: certificate, key: privateKeyPem },
      ({ headers }, response) => {
        const name = headers.host?.slice('mta-sts.'.length) ?? '';
        const type = { 'content-type': 'text/plain' };
        if (name === 'moved.test') response.writeHead(302, { location: '/elsewhere' }).end();
        else
          response
            .writeHead(200, type)
            .end(policyFor(name, name === 'testing.test' ? 'testing' : 'enforce'));
      },
    ).listen(443, policies);
    await once(policyHost, 'listening');
    const dns = { servers: [lab.server] };
    const ours = issue('mx.own.test', 'mta-sts.own.test', 'mx.forged.test', 'mx.clear.test');
    [port = 0] = await freePorts(1);
    receiver = await startProcess({
      ...receiving,
      relayDomains: zones.map(({ name }) => name).filter((name) => name !== 'own.test'),
      routes: [{ domain: '*', via: 'discard' }],
      aliases: { '@own.test': ['bob@forged.test'] },
      trustedNetworks: ['127.0.0.0/8'],
      listeners: [
        { service: 'smtp', host: secure, port: 25 },
        { service: 'smtp', host: clear, port: 25, tls: 'none' },
        { service: 'http', host: secure, port: 443, tls: 'implicit' },
      ],
      tls: {
        certificate: file('own.pem', ours.certificate),
        privateKey: file('own.key', ours.privateKeyPem),
      },
      dns,
    });
    open.push(receiver);
    sender = await startProcess({
      hostname: 'sender.test',
      relayDomains: ['sender.test'],
      routes: [{ domain: 'sender.test', via: 'discard' }],
      trustedNetworks: ['127.0.0.0/8'],
      listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
      dns,
    });
    open.push(sender);
  });

  after(async () => {
    process.env.NODE_EXTRA_CA_CERTS = usualRoots ?? '';
    for (const one of open.reverse()) await one[Symbol.asyncDispose]();
    policyHost?.closeAllConnections();
    policyHost?.close();
    rmSync(home, { recursive: true, force: true });
  });

  /** What `why` says of a message, once it was tried. */
  async function sent(domain: string): Promise<string> {
    const client = await connectClient(port);
    await client.say('EHLO client.test\r\n');
    const mail = {
      from: 'ann@sender.test',
      to: [`bob@${domain}`],
      content: 'Subject: x\r\n\r\nx\r\n',
    };
    const id = (await submit(client, mail)).split(' ').at(-1)!;
    client.close();
    return eventually(async () => {
      const told = await sender.command('why', id);
      return / attempt 1: /.test(told) ? told : undefined;
    }, `an attempt of ${id}\n${sender.log()}`);
  }

  it('a policy of ours is found, and mail goes to the host it names, over TLS that is checked', async () => {
    const told = await sent('own.test');
    assert.match(told, /: relayed to mx\.own\.test/);
    assert.match(told, /TLSv1\.3 \S+ verified$/m);
  });

  it('check --dns fetches it as a stranger would', async () => {
    const failed = (error: { readonly stdout: string }) => error.stdout;
    // A process of its own believes the authority that the environment names.
    const main = join(import.meta.dirname, '../../src/main.ts');
    const check = [main, 'check', '--dns', '--config', receiver.configFile];
    const told = await run(process.execPath, check).then(({ stdout }) => stdout, failed);
    assert.match(told, /^ok .*_mta-sts\.own\.test: the policy is found, mode enforce$/m);
  });

  it('enforced, it waits where the host is another, or has no TLS', async () => {
    assert.match(await sent('forged.test'), /: deferred[\s\S]*policy does not allow mx\.own\.test/);
    assert.match(await sent('clear.test'), /: deferred[\s\S]*TLS is required/);
  });

  it('a relay in a thread of its own asks for the policy across it', async (t) => {
    setDefaultCACertificates([...getCACertificates(), root.certificate]);
    const resolution = resolveConfig(
      {
        ...{ hostname: 'sender.test', dataDirectory: join(home, 'threaded') },
        listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }],
        trustedNetworks: ['127.0.0.0/8'],
        dns: { servers: [lab.server] },
      },
      home,
    );
    assert.equal(resolution.kind, 'ok');
    const { config } = resolution as Extract<typeof resolution, { readonly kind: 'ok' }>;
    const server = closedAfter(
      t,
      await startServer({ config, log: silentLog, relayIn: 'own-thread' }),
    );
    await sendMail({
      ...{ host: '127.0.0.1', port: server.listeners[0]!.port, tls: 'none' },
      ...{ from: 'ann@sender.test', to: 'bob@forged.test', message: 'Subject: x\r\n\r\nx\r\n' },
    });
    const said = await eventually(async () => {
      const [message] = await Array.fromAsync(queueEntries(server.stores.queue));
      return message?.recipients[0]?.lastReply?.lines[0];
    }, 'an attempt');
    assert.match(said, /policy does not allow mx\.own\.test/);
  });

  it('in testing it goes, and so it does where a policy cannot be had, which is told', async () => {
    assert.match(await sent('testing.test'), /: relayed to in-the-clear\.testing\.test/);
    for (const [domain, why] of [
      ['moved.test', /MTA-STS policy of moved\.test: the answer is 302/],
      ['stranger.test', /MTA-STS policy of stranger\.test: TLS failed: .*stranger\.test/],
      ['silent.test', /MTA-STS policy of silent\.test: connection refused/],
    ] as const) {
      const told = await sent(domain);
      assert.match(told, /: relayed to in-the-clear\./);
      assert.match(told, why);
    }
    const line = /"domain":"moved\.test".*no MTA-STS policy/;
    await eventually(() => line.exec(sender.log()) ?? undefined, 'a line in the log');
  });

  it('a downgrade is refused: without the record, with other MX records, also after a restart', async () => {
    await lab.publish(zone('own.test', 'in-the-clear', { record: '' }));
    const restarted = await (async () => {
      await sender.end();
      return sender.restart();
    })();
    open.push(restarted);
    sender = restarted;
    assert.match(await sent('own.test'), /: deferred[\s\S]*does not allow in-the-clear\.own\.test/);
  });
});
