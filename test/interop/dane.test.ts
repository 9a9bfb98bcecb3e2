// DANE between real programs: zones signed by BIND's tools, Unbound that validates them, Postrider that sends, and
// Postrider and Postfix that receive. What Postfix's own client says of each domain is what ours has to say.

import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { CertificateRequest } from '../../src/net/certificate.ts';
import { issueCertificate } from '../../src/net/certificate.ts';
import { freePorts } from '../ports.ts';
import type { RunningProcess } from '../process.ts';
import { eventually, startProcess } from '../process.ts';
import { connectClient, submit } from '../scenarios/wire.ts';
import type { DnsLab, LabZone } from './dns-lab.ts';
import { startDnsLab, withoutDnsLab } from './dns-lab.ts';
import { run, startPostfix, without, withoutPostfix } from './peers.ts';

const skip = withoutPostfix() || withoutDnsLab() || without('posttls-finger', 'unshare', 'openssl');

const day = 24 * 60 * 60_000;
const at = (days: number) => new Date(Date.now() + days * day);
const issue = (name: string, more: Partial<CertificateRequest> = {}) =>
  issueCertificate({
    ...{ commonName: name, names: [name], notBefore: at(-2), notAfter: at(2) },
    ...more,
  });
const ann = 'ann@sender.test';
const root = issue('Authority', { authority: true, names: [] });
/** Nobody would take it but for its record: it is over, and for somebody else. */
const forNobody = issue('elsewhere.test', { notAfter: at(-1) });
const underRoot = issue('mx.ta.test', { issuer: root });
const postfixOwn = issue('postfix.test');

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
const ee = ({ certificate }: { readonly certificate: string }) =>
  `3 1 1 ${sha256(new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' }))}`;
const ta = ({ certificate }: { readonly certificate: string }) =>
  `2 0 1 ${sha256(new X509Certificate(certificate).raw)}`;

const [ours, theirs, clear] = ['127.0.22.1', '127.0.22.3', '127.0.22.4'];
const strange = `3 1 1 ${'5a'.repeat(32)}`;
const flood = Array.from({ length: 90 }, (_, i) => `3 1 1 ${i.toString(16).padStart(64, '0')}`);

function zone(
  name: string,
  address: string,
  records: readonly string[],
  more: Partial<LabZone> = {},
): LabZone {
  const tlsa = records.map((record) => `_25._tcp.mx IN TLSA ${record}\n`).join('');
  return { name, records: `@ IN MX 10 mx\nmx IN A ${address}\n${tlsa}`, ...more };
}

interface Domain {
  readonly zone: LabZone;
  /** What `why` says of mail for it. */
  readonly why: readonly RegExp[];
  /** What Postfix's client says. */
  readonly postfix: RegExp;
}

const verified = {
  why: [/: relayed to mx\./, / verified by DANE$/m],
  postfix: /: Verified TLS connection established/,
};
const encrypted = {
  why: [/: relayed to mx\./, /^ +TLSv1\.3 [A-Z0-9_]+$/m],
  postfix: /: (?:Anonymous|Untrusted) TLS connection established/,
};
const waits = (why: RegExp, postfix: RegExp) => ({ why: [/: deferred/, why], postfix });

const domains: readonly Domain[] = [
  { zone: zone('ee.test', ours, [ee(forNobody)]), ...verified },
  { zone: zone('ta.test', ours, [ta(root)]), ...verified },
  { zone: zone('postfix.test', theirs, [strange, ee(postfixOwn)]), ...verified },
  {
    zone: { name: 'alias.test', records: '@ IN MX 10 mx\nmx IN CNAME mx.ee.test.\n' },
    ...verified,
  },
  // More than fits into a datagram. Postfix looks at a hundred at the most.
  { zone: zone('flood.test', ours, [...flood, ee(forNobody)]), ...verified },
  {
    zone: zone('wrong.test', ours, [strange]),
    ...waits(
      /certificate for mx\.wrong\.test is not good: no TLSA record matches/,
      /: Untrusted TLS connection|not verified|verification failed/,
    ),
  },
  {
    zone: zone('clear.test', clear, [strange]),
    ...waits(/TLS is required here/, /^(?![\s\S]*established)/),
  },
  {
    zone: zone('bogus.test', ours, [ee(forNobody)], { state: 'bogus' }),
    ...waits(/The DNS gave no answer: bogus\.test MX: .*SERVFAIL/, /Host not found, try again/),
  },
  {
    // MX records and address are as they were signed; the TLSA record is not.
    zone: zone('tampered.test', ours, [ee(forNobody)], { tamper: withOtherTlsa }),
    ...waits(
      /does not say which certificate mx\.tampered\.test must have: .*SERVFAIL/,
      /TLSA lookup error/,
    ),
  },
  { zone: zone('useless.test', ours, [`1 1 1 ${'5a'.repeat(32)}`]), ...encrypted },
  { zone: zone('plain.test', ours, [strange], { state: 'insecure' }), ...encrypted },
];

function withOtherTlsa(signed: string): string {
  return signed.replace(/(\sTLSA\s+3 1 1 )(..)/, (_, kind: string, first: string) =>
    kind.concat(first === '00' ? '01' : '00'),
  );
}

describe('interop: DANE', { skip }, () => {
  const home = skip === false ? mkdtempSync(join(tmpdir(), 'postrider-dane-')) : '';
  const open: AsyncDisposable[] = [];
  let lab: DnsLab;
  let sender: RunningProcess;
  let receiver: RunningProcess;
  let [port, tlsPort] = [0, 0];
  /** To all of the domains. */
  let first: string;

  const pem = (name: string, text: string) => {
    const path = join(home, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const pair = (name: string, of: typeof root, chain = '') => ({
    certificate: pem(`${name}.pem`, of.certificate + chain),
    privateKey: pem(`${name}.key`, of.privateKeyPem),
  });

  before(async () => {
    lab = await startDnsLab({
      zones: domains.map((domain) => domain.zone),
      ...{ address: '127.0.22.53', port53: true },
    });
    open.push(lab);
    const dns = { servers: [lab.server] };
    [port, tlsPort] = (await freePorts(2)) as [number, number];
    const receiving = startProcess({
      hostname: 'mx.ee.test',
      relayDomains: domains.map((domain) => domain.zone.name),
      routes: [{ domain: '*', via: 'discard' }],
      trustedNetworks: ['127.0.0.0/8'],
      listeners: [
        { service: 'smtp', host: ours, port: 25 },
        { service: 'smtp', host: clear, port: 25, tls: 'none' },
      ],
      tls: {
        ...pair('nobody', forNobody),
        additional: [pair('under-root', underRoot, root.certificate)],
      },
      dns,
    });
    const postfixStarting = startPostfix({
      ...{ address: theirs, port: 25, domain: 'postfix.test' },
      settings: {
        smtpd_tls_security_level: 'may',
        smtpd_tls_chain_files: pem(
          'postfix.pem',
          postfixOwn.privateKeyPem + postfixOwn.certificate,
        ),
      },
    });
    const sending = startProcess({
      hostname: 'sender.test',
      relayDomains: ['sender.test'],
      routes: [{ domain: 'sender.test', via: 'discard' }],
      trustedNetworks: ['127.0.0.0/8'],
      listeners: [
        { service: 'smtp', host: '127.0.0.1', port },
        { service: 'smtp', host: '127.0.0.1', port: tlsPort, tls: 'implicit' },
      ],
      tls: 'self-signed',
      dns,
    });
    const all = await Promise.allSettled([receiving, postfixStarting, sending]);
    for (const one of all) if (one.status === 'fulfilled') open.push(one.value);
    [receiver, , sender] = await Promise.all([receiving, postfixStarting, sending]);
  });

  after(async () => {
    for (const one of open.reverse()) await one[Symbol.asyncDispose]();
    rmSync(home, { recursive: true, force: true });
  });

  async function send(
    to: readonly string[],
    how: { tls?: boolean; params?: string; field?: string } = {},
  ) {
    const { tls = false, params = '', field = '' } = how;
    const socket = tls
      ? connectTls({ host: '127.0.0.1', port: tlsPort, rejectUnauthorized: false })
      : undefined;
    const client = await connectClient(port, socket);
    const offered = await client.say('EHLO client.test\r\n');
    assert.equal(offered.includes('250-REQUIRETLS'), tls);
    const content = `${field}Subject: DANE\r\n\r\nhello\r\n`;
    const said = await submit(client, { from: ann, to, content, params });
    client.close();
    return said.split(' ').at(-1)!;
  }

  /** `why`, once each recipient has been tried this often. */
  const why = (id: string, recipients: number) =>
    eventually(async () => {
      const told = await sender.command('why', id);
      const done = told.match(/ attempt 1: /g)?.length ?? 0;
      return done >= recipients ? told : undefined;
    }, `attempts of ${id}\n${sender.log()}\n${lab.log()}`);

  /** The lines about one recipient's attempts. */
  const about = (told: string, domain: string) =>
    told
      .split(/^(?= {4}<)|^(?=\S)/m)
      .filter((part) => part.startsWith(`    <bob@${domain}> attempt `))
      .join('');

  it('mail goes where the records say, and nowhere else', async () => {
    first = await send(domains.map((domain) => `bob@${domain.zone.name}`));
    const told = await why(first, domains.length);
    for (const { zone: of, why: words } of domains)
      for (const word of words) assert.match(about(told, of.name), word);
  });

  it('and Postfix finds the same of each domain', async () => {
    const conf = join(home, 'postfix');
    mkdirSync(conf);
    const settings = ['smtp_dns_support_level = dnssec', 'inet_protocols = ipv4'];
    writeFileSync(join(conf, 'main.cf'), `compatibility_level = 3.6\n${settings.join('\n')}\n`);
    writeFileSync(join(conf, 'resolv.conf'), 'nameserver 127.0.22.53\noptions trust-ad\n');
    const ask =
      'mount --bind "$0/resolv.conf" /etc/resolv.conf && exec posttls-finger -c -l dane "$1"';
    const env = { ...process.env, MAIL_CONFIG: conf, PATH: `${process.env.PATH}:/usr/sbin` };
    for (const {
      zone: { name },
      postfix: says,
    } of domains) {
      const { stdout, stderr } = await run('unshare', ['-m', 'sh', '-c', ask, conf, name], {
        env,
      }).catch((error) => error);
      assert.match(stdout + stderr, says, name);
    }
  });

  it('OpenSSL takes the certificate by our own record', async () => {
    const check = (record: string) => {
      const options = [
        ...['-starttls', 'smtp', '-connect', `${ours}:25`, '-brief', '-verify_return_error'],
        ...['-dane_tlsa_domain', 'mx.ee.test', '-dane_tlsa_rrdata', record],
        '-dane_ee_no_namechecks',
      ];
      const asking = run('openssl', ['s_client', ...options], { timeout: 20_000 });
      asking.child.stdin?.end('QUIT\n');
      return asking.then(({ stderr }) => stderr);
    };
    assert.match(await check(ee(forNobody)), /Verification: OK/);
    await assert.rejects(check(strange), /verify error|no matching/i);
  });

  it('check --dns tells that the resolver is believed, and compares our record', async () => {
    const failed = (error: { readonly stdout: string }) => error.stdout;
    const told = await receiver.command('check', '--dns').catch(failed);
    assert.match(told, /the resolver checks DNSSEC/);
    assert.match(told, /_25\._tcp\.mx\.ee\.test TLSA is of the certificate in force/);
  });

  it('what waited goes once the records are right', async () => {
    await lab.publish(zone('wrong.test', ours, [ee(forNobody)]));
    const told = await eventually(async () => {
      await sender.command('queue', 'retry', first);
      const now = about(await sender.command('why', first), 'wrong.test');
      return now.includes(': relayed to') ? now : undefined;
    }, 'the mail to go');
    assert.match(told, / verified by DANE$/m);
  });

  it('RFC 8689: mail that requires TLS goes to who promises it, and comes back from others', async () => {
    const told = await why(
      await send(['bob@ee.test', 'bob@postfix.test', 'bob@plain.test'], {
        ...{ tls: true, params: ' REQUIRETLS' },
      }),
      3,
    );
    assert.match(about(told, 'ee.test'), /: relayed to mx\.ee\.test[\s\S]* verified by DANE$/m);
    assert.match(
      about(told, 'postfix.test'),
      /: failed[\s\S]*550 5\.7\.30 .*mx\.postfix\.test does not/,
    );
    assert.match(
      about(told, 'plain.test'),
      /: failed[\s\S]*550 5\.7\.10 .*neither DNSSEC nor MTA-STS/,
    );
    assert.equal(told.match(/the sender is told \(failed\)/g)?.length, 2);
    // What it asked for is no fault of the host.
    const next = await why(await send(['bob@plain.test']), 1);
    assert.match(about(next, 'plain.test'), /: relayed to mx\.plain\.test/);
  });

  it('RFC 8689 §3: what waives TLS goes at once where other mail waits for it', async () => {
    const plain = await send(['bob@clear.test']);
    await eventually(async () => {
      const told = await sender.command('why', plain);
      return /not tried|: deferred/.test(told) || undefined;
    }, 'it to wait');
    const waived = await why(await send(['bob@clear.test'], { field: 'TLS-Required: No\r\n' }), 1);
    assert.match(about(waived, 'clear.test'), /: relayed to mx\.clear\.test/);
  });
});
