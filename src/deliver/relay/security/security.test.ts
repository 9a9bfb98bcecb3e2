import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import { seededRandom } from '../../../base/random.ts';
import type { FakeRecords } from '../../../dns/fake-resolver.ts';
import { FakeResolver } from '../../../dns/fake-resolver.ts';
import type { TlsaRecord } from '../../../dns/resolver.ts';
import { issueCertificate } from '../../../net/certificate.ts';
import type { Dialer } from '../../../net/dialer.ts';
import { createDialer } from '../../../net/dialer.ts';
import type { ScriptedOptions, ScriptedServer } from '../../../net/scripted-server.ts';
import { scriptedServer } from '../../../net/scripted-server.ts';
import { daneEeRecord } from '../../../net/tlsa.ts';
import type { DeliveryResult } from '../../../queue/delivery.ts';
import { memoryContent } from '../../../store/content.ts';
import { createRelay } from '../create-relay.ts';
import type { HopMessage } from '../next-hop.ts';
import type { RelayRoute, RouteTls } from '../relay-route.ts';
import type { StsFound, StsPolicySource } from './sts.ts';

const certificate = {
  commonName: 'mx1.example.net',
  names: ['mx1.example.net', 'mx2.example.net'],
  notBefore: new Date(Date.now() - 3_600_000),
  notAfter: new Date(Date.now() + 3_600_000),
};
const issued = issueCertificate(certificate);

const records = (host: string): FakeRecords => ({ MX: [`10 ${host}.example.net`] });

/** mx1 at 192.0.2.1 and mx2 at 192.0.2.2; example.net has the first one. */
function make(
  servers: readonly [ScriptedServer, ScriptedServer?],
  authorities = issued.certificate,
) {
  const resolver = new FakeResolver({
    'example.net': records('mx1'),
    'mx1.example.net': { A: ['192.0.2.1'] },
    'mx2.example.net': { A: ['192.0.2.2'] },
  });
  const real = createDialer({ authorities });
  const dialer: Dialer = {
    startTls: real.startTls,
    dial: (options) => {
      const { port } = servers[Number(options.address?.slice(-1)) - 1]!;
      return real.dial({ ...options, address: '127.0.0.1', port });
    },
  };
  const clock = new FakeClock();
  /** What there is of MTA-STS. */
  const sts: { found: StsFound; fails?: Error; readonly asked: string[] } = {
    ...{ found: {}, asked: [] },
  };
  const policies: StsPolicySource = {
    async policyFor(domain) {
      sts.asked.push(domain);
      if (sts.fails !== undefined) throw sts.fails;
      return sts.found;
    },
  };
  const relay = createRelay({
    hostname: 'relay.example.org',
    ourNames: new Set(['relay.example.org']),
    dane: { verify: true },
    ...{ resolver, dialer, clock, random: seededRandom(1), log: silentLog, policies },
  });
  const content = memoryContent(Buffer.from('Subject: x\r\n\r\nx\r\n'));
  const message = {
    id: 'm',
    received: 0,
    sender: 's@example.org',
    params: [],
    prefix: '',
    content,
  };
  const recipients = [{ address: 'r@example.net', params: [] }];
  const lease = { message, destination: 'mx:example.net', recipients };
  const attempt = (tls: RouteTls) => {
    const route: RelayRoute = { kind: 'mx', domain: 'example.net', tls };
    return attemptOf({}, route);
  };
  const attemptOf = (changes: Partial<HopMessage>, route: RelayRoute) =>
    relay.attempt(
      { ...lease, message: { ...message, ...changes } },
      route,
      new AbortController().signal,
    );
  const send = async (tls: RouteTls) => say(await attempt(tls));
  return {
    attemptOf,
    resolver,
    sts,
    clock,
    attempt,
    send,
    [Symbol.asyncDispose]: () => relay.close(),
  };
}

function say({ recipients: [result] }: DeliveryResult): string {
  const { kind, reply, facts } = result!;
  const tls = facts?.tls === undefined ? 'clear' : (/ (verified.*)$/.exec(facts.tls)?.[1] ?? 'tls');
  return kind === 'relayed' ? `${facts?.host} ${tls}` : `${kind}: ${reply.lines[0]}`;
}

const withTls: ScriptedOptions = { keywords: ['PIPELINING', 'STARTTLS'], tls: issued };

describe('what TLS reports are told', () => {
  const told = ({ sessions = [] }: DeliveryResult) =>
    sessions.map(({ domain, policy, result, mxHost, reason }) =>
      [domain, policy.type, result, mxHost, reason].filter((one) => one !== undefined).join(' '),
    );
  const about = (result: string) => [`example.net no-policy-found ${result}`];

  it('RFC 8460 §4.2.1: a session once, however many messages go over it', async () => {
    await using server = await scriptedServer(withTls);
    await using world = make([server]);
    assert.deepEqual(told(await world.attempt('opportunistic')), about('success mx1.example.net'));
    assert.deepEqual(told(await world.attempt('opportunistic')), []);
    assert.deepEqual(told(await world.attempt('none')), []);
  });

  it('RFC 8460 §4.3.1: why TLS did not come about', async () => {
    await using plain = await scriptedServer();
    await using world = make([plain]);
    const none = about('starttls-not-supported mx1.example.net');
    assert.deepEqual(told(await world.attempt('opportunistic')), none);
    assert.deepEqual(told(await world.attempt('require')), none);
    const cases = [
      [
        { names: ['other.example.net'] },
        'certificate-host-mismatch',
        'ERR_TLS_CERT_ALTNAME_INVALID',
      ],
      [{ notAfter: new Date(Date.now() - 60_000) }, 'certificate-expired', 'CERT_HAS_EXPIRED'],
    ] as const;
    for (const [wrong, result, code] of cases) {
      const tls = issueCertificate({ ...certificate, ...wrong });
      await using server = await scriptedServer({ ...withTls, tls });
      await using other = make([server], tls.certificate);
      const expected = about(`${result} mx1.example.net ${code}`);
      assert.deepEqual(told(await other.attempt('verify')), expected);
      assert.deepEqual(
        told(await other.attempt('opportunistic')),
        about('success mx1.example.net'),
      );
    }
    await using stranger = await scriptedServer({ ...withTls, tls: issueCertificate(certificate) });
    await using last = make([stranger]);
    const [said] = told(await last.attempt('verify'));
    assert.match(said!, /^example.net no-policy-found certificate-not-trusted mx1/);
  });

  it('RFC 8460 §3: a handshake that breaks is one failure, though the mail went on without', async () => {
    const script: ScriptedOptions['script'] = (verb) =>
      verb === 'STARTTLS' ? { hangUp: 'close', after: '220 go' } : undefined;
    await using server = await scriptedServer({ ...withTls, script });
    await using world = make([server]);
    const result = await world.attempt('opportunistic');
    assert.equal(say(result), 'mx1.example.net clear');
    assert.equal(told(result).length, 1);
    assert.match(told(result)[0]!, /validation-failure mx1.example.net TLS handshake failed/);
  });
});

describe('the security of a host', () => {
  it('an open connection carries what demands the same as it was opened for, and nothing else', async () => {
    await using server = await scriptedServer(withTls);
    await using world = make([server]);
    const demands = [
      ['none', 'mx1.example.net clear'],
      ['opportunistic', 'mx1.example.net verified'],
      ['require', 'mx1.example.net verified'],
      ['verify', 'mx1.example.net verified'],
    ] as const;
    for (const [at, [tls, said]] of demands.entries()) {
      assert.equal(await world.send(tls), said);
      assert.equal(server.connections.total, at + 1, tls);
    }
    for (const [tls, said] of demands) assert.equal(await world.send(tls), said);
    assert.equal(server.connections.total, demands.length);
  });

  it('RFC 7435 §3: what is open without TLS because it failed carries nothing that demands it', async () => {
    await using server = await scriptedServer();
    await using world = make([server]);
    assert.equal(await world.send('opportunistic'), 'mx1.example.net clear');
    for (const tls of ['require', 'verify'] as const)
      assert.match(await world.send(tls), /^deferred: TLS is required here/);
    assert.equal(server.heard.filter((line) => line.startsWith('MAIL')).length, 1);
  });

  it('that TLS failed is remembered for those alone who may do without', async () => {
    let broken = true;
    await using server = await scriptedServer({
      ...withTls,
      script: (verb) => (verb === 'STARTTLS' && broken ? '454 4.7.0 not now' : undefined),
    });
    await using world = make([server]);
    assert.equal(await world.send('opportunistic'), 'mx1.example.net clear');
    broken = false;
    assert.equal(await world.send('require'), 'mx1.example.net verified');
    assert.equal(await world.send('verify'), 'mx1.example.net verified');
  });

  it('is decided anew every few seconds: what is open to a host that is named no more rests', async () => {
    await using one = await scriptedServer(withTls);
    await using two = await scriptedServer(withTls);
    await using world = make([one, two]);
    assert.equal(await world.send('verify'), 'mx1.example.net verified');
    world.resolver.set('example.net', records('mx2'));
    await world.clock.advance(3000);
    assert.equal(await world.send('verify'), 'mx1.example.net verified', 'decided a moment ago');
    await world.clock.advance(3000);
    assert.equal(await world.send('verify'), 'mx2.example.net verified');
    assert.deepEqual([one.connections.total, two.connections.total], [1, 1]);
  });

  it('asks the DNS once in a while, not for each message', async () => {
    await using server = await scriptedServer(withTls);
    await using world = make([server]);
    for (let i = 0; i < 10; i += 1) await world.send('opportunistic');
    const asked = world.resolver.queries.length;
    assert.equal(asked, 3, 'MX, A and AAAA');
    await world.clock.advance(4000);
    await world.send('opportunistic');
    assert.equal(world.resolver.queries.length, asked);
    await world.clock.advance(2000);
    await world.send('opportunistic');
    assert.equal(world.resolver.queries.length, 2 * asked);
    assert.equal(server.connections.total, 1);
  });

  it('stands as it was while the DNS has no answer, for what is open', async () => {
    await using server = await scriptedServer(withTls);
    await using world = make([server]);
    assert.equal(await world.send('verify'), 'mx1.example.net verified');
    world.resolver.set('example.net', { fails: 'servfail' });
    for (let i = 0; i < 3; i += 1) {
      await world.clock.advance(4000);
      assert.equal(await world.send('verify'), 'mx1.example.net verified');
    }
    assert.match(await world.send('require'), /^deferred: The DNS gave no answer/);
    assert.equal(server.connections.total, 1);
  });
});

describe('DANE', () => {
  const own = new X509Certificate(issued.certificate);
  const spki = own.publicKey.export({ type: 'spki', format: 'der' });
  const good = { ...{ usage: 3, selector: 1, matching: 1 }, data: sha256(spki) };
  const bad = { ...good, data: sha256(own.raw) };
  const useless = { ...good, usage: 1 };

  /** All signed, mx1 and then mx2, with these records each. */
  function sign(
    { resolver }: ReturnType<typeof make>,
    ...found: readonly (readonly TlsaRecord[] | 'servfail')[]
  ) {
    const authenticated = true;
    const MX = found.map((_, i) => `${i + 1}0 mx${i + 1}.example.net`);
    resolver.set('example.net', { MX, authenticated });
    for (const [i, TLSA] of found.entries()) {
      const host = `mx${i + 1}.example.net`;
      resolver.set(host, { A: [`192.0.2.${i + 1}`], authenticated });
      const answer = TLSA === 'servfail' ? { fails: TLSA } : { TLSA, authenticated };
      resolver.set(`_25._tcp.${host}`, answer);
    }
  }
  const told = ({ sessions = [] }: DeliveryResult) =>
    sessions.map(({ mxHost, policy, result }) => `${mxHost} ${policy.type} ${result}`);

  it('RFC 7672 §3.2: mail goes to whom the records name, and to nobody else', async () => {
    // No authority vouches for it, and that is nobody's concern.
    await using server = await scriptedServer(withTls);
    await using world = make([server], issueCertificate(certificate).certificate);
    sign(world, [good]);
    const result = await world.attempt('opportunistic');
    assert.equal(say(result), 'mx1.example.net verified by DANE');
    assert.deepEqual(told(result), ['mx1.example.net tlsa success']);
    sign(world, [bad]);
    await world.clock.advance(6000);
    const next = await world.attempt('opportunistic');
    assert.equal(
      say(next),
      'deferred: The certificate for mx1.example.net is not good: no TLSA record matches the certificate',
    );
    assert.deepEqual(told(next), ['mx1.example.net tlsa certificate-not-trusted']);
    assert.equal(server.heard.filter((line) => line.startsWith('MAIL')).length, 1);
  });

  it('RFC 7672 §2.2: never goes on without TLS, nor with what is open without it', async () => {
    await using server = await scriptedServer();
    await using world = make([server]);
    assert.equal(await world.send('opportunistic'), 'mx1.example.net clear');
    for (const record of [good, useless]) {
      sign(world, [record]);
      await world.clock.advance(6000);
      const result = await world.attempt('opportunistic');
      assert.match(say(result), /^deferred: TLS is required here/);
      assert.deepEqual(told(result), ['mx1.example.net tlsa starttls-not-supported']);
    }
    assert.equal(server.heard.filter((line) => line.startsWith('MAIL')).length, 1);
  });

  it('RFC 7672 §2.2: records that are of no use demand TLS with anybody', async () => {
    await using server = await scriptedServer(withTls);
    await using world = make([server], issueCertificate(certificate).certificate);
    sign(world, [useless]);
    assert.equal(await world.send('opportunistic'), 'mx1.example.net tls');
  });

  it('RFC 7672 §2.2: a host that does not match leaves the mail to the next', async () => {
    await using one = await scriptedServer(withTls);
    await using two = await scriptedServer(withTls);
    await using world = make([one, two]);
    sign(world, [bad], [good]);
    const result = await world.attempt('opportunistic');
    assert.equal(say(result), 'mx2.example.net verified by DANE');
    assert.match(
      result.recipients[0]!.facts!.tried![0]!,
      /^mx1\S+ \[192\.0\.2\.1\]: .*TLSA record/,
    );
    assert.deepEqual(told(result), [
      'mx1.example.net tlsa certificate-not-trusted',
      'mx2.example.net tlsa success',
    ]);
  });

  it('RFC 7672 §2.1.2: so does one about which the DNS is silent, without being called', async () => {
    await using one = await scriptedServer(withTls);
    await using two = await scriptedServer(withTls);
    await using world = make([one, two]);
    sign(world, 'servfail', [good]);
    const result = await world.attempt('opportunistic');
    assert.equal(say(result), 'mx2.example.net verified by DANE');
    assert.match(result.recipients[0]!.facts!.tried![0]!, /^mx1\.example\.net: .*SERVFAIL$/);
    assert.deepEqual(told(result)[0], 'mx1.example.net tlsa dnssec-invalid');
    assert.equal(one.connections.total, 0);
  });

  it('and where it was the last, the mail waits and says why', async () => {
    await using server = await scriptedServer(withTls);
    await using world = make([server]);
    sign(world, 'servfail');
    const { recipients, health } = await world.attempt('opportunistic');
    assert.equal(recipients[0]!.kind, 'deferred');
    assert.match(
      recipients[0]!.reply.lines[0],
      /^The DNS does not say which certificate mx1\.example\.net must have: .* SERVFAIL$/,
    );
    assert.equal(recipients[0]!.facts?.host, 'mx1.example.net');
    assert.equal(health, 'down');
    assert.equal(server.connections.total, 0);
  });
});

describe('REQUIRETLS', () => {
  const mx: RelayRoute = { kind: 'mx', domain: 'example.net' };
  const required = { params: ['REQUIRETLS'] };
  const promises: ScriptedOptions = { ...withTls, keywords: ['STARTTLS', 'REQUIRETLS'] };
  const spki = new X509Certificate(issued.certificate).publicKey.export({
    ...{ type: 'spki', format: 'der' },
  });
  const good = { ...{ usage: 3, selector: 1, matching: 1 }, data: sha256(spki) };
  const signed = { authenticated: true };

  /** The first `hosts` are all signed, and have these records. */
  function sign({ resolver }: ReturnType<typeof make>, TLSA: readonly TlsaRecord[], hosts = 1) {
    const names = Array.from({ length: hosts }, (_, i) => `mx${i + 1}.example.net`);
    resolver.set('example.net', { MX: names.map((name, i) => `${i} ${name}`), ...signed });
    for (const [i, name] of names.entries()) {
      resolver.set(name, { A: [`192.0.2.${i + 1}`], ...signed });
      resolver.set(`_25._tcp.${name}`, { TLSA, ...signed });
    }
  }
  const mails = ({ heard }: ScriptedServer) => heard.filter((line) => line.startsWith('MAIL'));
  const final = ({ recipients: [result] }: DeliveryResult) => {
    const { kind, reply } = result!;
    return `${kind} ${reply.code} 5.${reply.detail}: ${reply.lines[0]}`;
  };

  it('RFC 8689 §4.2.1: goes to a host that DANE knows and that promises the same', async () => {
    await using server = await scriptedServer(promises);
    await using world = make([server], issueCertificate(certificate).certificate);
    sign(world, [good]);
    const result = await world.attemptOf(required, mx);
    assert.equal(say(result), 'mx1.example.net verified by DANE');
    assert.deepEqual(mails(server), ['MAIL FROM:<s@example.org> REQUIRETLS']);
  });

  it('RFC 8689 §4.2.1: or whose name the DNS signs and whose certificate an authority does', async () => {
    await using server = await scriptedServer(promises);
    await using world = make([server]);
    sign(world, []);
    assert.equal(say(await world.attemptOf(required, mx)), 'mx1.example.net verified');
    await using strange = make([server], issueCertificate(certificate).certificate);
    sign(strange, []);
    assert.match(say(await strange.attemptOf(required, mx)), /^deferred: The certificate for mx1/);
    assert.equal(mails(server).length, 1);
  });

  it('RFC 8689 §4.2.1: comes back where nobody vouches for the host', async () => {
    await using server = await scriptedServer(promises);
    await using world = make([server]);
    for (const tls of ['opportunistic', 'require', 'verify'] as const)
      assert.equal(
        final(await world.attemptOf(required, { ...mx, tls })),
        'failed 550 5.7.10: The sender requires verified TLS (REQUIRETLS), but neither DNSSEC nor MTA-STS says that mx1.example.net is a host of example.net',
      );
    sign(world, [good]);
    assert.match(final(await world.attemptOf(required, { ...mx, tls: 'none' })), /has no TLS$/);
    assert.equal(server.connections.total, 0);
  });

  it('RFC 8689 §4.2.1: tries each host, and comes back where none promises it', async () => {
    await using one = await scriptedServer(withTls);
    await using two = await scriptedServer(promises);
    await using world = make([one, two]);
    sign(world, [good], 2);
    const result = await world.attemptOf(required, mx);
    assert.equal(say(result), 'mx2.example.net verified by DANE');
    assert.match(result.recipients[0]!.facts!.tried![0]!, /^mx1.*does not promise that$/);
    sign(world, [good]);
    await world.clock.advance(6000);
    assert.equal(
      final(await world.attemptOf(required, mx)),
      'failed 550 5.7.30: The sender requires TLS all the way (REQUIRETLS), and mx1.example.net does not promise that',
    );
    assert.deepEqual(mails(one), []);
  });

  it('RFC 8689 §4.2.1: nor offers TLS', async () => {
    await using server = await scriptedServer();
    await using world = make([server]);
    sign(world, [good]);
    assert.equal(
      final(await world.attemptOf(required, mx)),
      'failed 550 5.7.10: The sender requires verified TLS (REQUIRETLS), but mx1.example.net does not offer TLS',
    );
  });

  it('never goes over what is open to a host that does not promise it', async () => {
    await using server = await scriptedServer(withTls);
    await using world = make([server]);
    sign(world, [good]);
    assert.equal(await world.send('opportunistic'), 'mx1.example.net verified by DANE');
    assert.match(final(await world.attemptOf(required, mx)), /^failed 550 5\.7\.30/);
    assert.equal(await world.send('opportunistic'), 'mx1.example.net verified by DANE');
    assert.equal(mails(server).length, 2);
  });

  it('RFC 8689 §5: a report goes its way without, but says it where it is understood', async () => {
    await using server = await scriptedServer(withTls);
    await using world = make([server]);
    const report = { ...required, sender: '' };
    assert.equal(say(await world.attemptOf(report, mx)), 'mx1.example.net verified');
    await using other = await scriptedServer(promises);
    await using better = make([other]);
    assert.equal(say(await better.attemptOf(report, mx)), 'mx1.example.net verified');
    assert.deepEqual(
      [...mails(server), ...mails(other)],
      ['MAIL FROM:<>', 'MAIL FROM:<> REQUIRETLS'],
    );
  });

  it('a host that the operator names is known', async () => {
    await using server = await scriptedServer(promises);
    await using world = make([server]);
    const route: RelayRoute = { kind: 'host', host: 'mx1.example.net', port: 25, tls: 'require' };
    assert.equal(say(await world.attemptOf(required, route)), 'mx1.example.net verified');
  });

  describe('TLS-Required: No', () => {
    const header = (text: string) => memoryContent(Buffer.from(`${text}Subject: x\r\n\r\nx\r\n`));
    const waiver = { content: header('TLS-Required: No\r\n') };
    const bad = { ...good, data: sha256(good.data) };

    it('RFC 8689 §4.2.2: goes although the host is not as its domain wants it', async () => {
      await using server = await scriptedServer(withTls);
      await using world = make([server]);
      sign(world, [bad]);
      assert.equal(say(await world.attemptOf(waiver, mx)), 'mx1.example.net verified');
      world.resolver.set('_25._tcp.mx1.example.net', { fails: 'servfail' });
      assert.equal(say(await world.attemptOf(waiver, mx)), 'mx1.example.net verified');
      assert.match(await world.send('opportunistic'), /^deferred/, 'but nothing else does');
      await using plain = await scriptedServer();
      await using clear = make([plain]);
      sign(clear, [good]);
      assert.equal(say(await clear.attemptOf(waiver, mx)), 'mx1.example.net clear');
      assert.match(await clear.send('opportunistic'), /^deferred: TLS is required here/);
    });

    it('RFC 8689 §4.2.2: does not wait where the policy cannot be told', async () => {
      await using server = await scriptedServer(withTls);
      await using world = make([server]);
      world.sts.fails = new Error('no store');
      await assert.rejects(world.attempt('opportunistic'), /no store/);
      assert.equal(say(await world.attemptOf(waiver, mx)), 'mx1.example.net verified');
    });

    it('what the operator asks for stands', async () => {
      await using plain = await scriptedServer();
      await using world = make([plain]);
      sign(world, [good]);
      for (const tls of ['require', 'verify'] as const)
        assert.match(say(await world.attemptOf(waiver, { ...mx, tls })), /^deferred/);
    });

    for (const [title, message] of [
      ['RFC 8689 §4.1: REQUIRETLS counts for more', { ...waiver, ...required }],
      ['and in a report, too', { ...waiver, ...required, sender: '' }],
      ['RFC 8689 §3: there is one field', { content: header('TLS-Required: No\r\n'.repeat(2)) }],
      ['RFC 8689 §3: which says No', { content: header('TLS-Required: Yes\r\n') }],
      ['not in the body', { content: header('A: b\r\n\r\nTLS-Required: No\r\n') }],
    ] as const)
      it(title, async () => {
        await using server = await scriptedServer(withTls);
        await using world = make([server]);
        sign(world, [bad]);
        assert.match(say(await world.attemptOf(message, mx)), /^deferred: The certificate/);
      });
  });
});

function sha256(data: Uint8Array) {
  return createHash('sha256').update(data).digest();
}

describe('MTA-STS', () => {
  const policy = (mode: 'enforce' | 'testing', ...mx: readonly string[]) => ({
    policy: { mode, mx: mx.length > 0 ? mx : ['mx1.example.net'], lines: [`mode: ${mode}`] },
  });
  const names = { commonName: 'other.example.net', names: ['other.example.net'] };
  const other = issueCertificate({ ...certificate, ...names });
  const told = ({ sessions = [] }: DeliveryResult) =>
    sessions.map(({ policy: { type, mxHosts }, result, mxHost }) =>
      [type, mxHosts, result, mxHost].join(' '),
    );

  it('RFC 8461 §5: enforced, mail goes only to a certificate for the host, or waits', async () => {
    for (const [options, said] of [
      [withTls, 'mx1.example.net verified'],
      [{ ...withTls, tls: other }, 'deferred: The certificate for mx1.example.net is not good'],
      [{}, 'deferred: TLS is required'],
    ] as const) {
      await using server = await scriptedServer(options);
      await using world = make([server], [issued, other].map((one) => one.certificate).join('\n'));
      world.sts.found = policy('enforce');
      const result = await world.attempt('opportunistic');
      assert.ok(say(result).startsWith(said.slice(0, 20)), say(result));
      const [session] = told(result);
      assert.match(
        session!,
        said.includes('not good')
          ? /^sts mx1\.example\.net certificate-host-mismatch mx1/
          : /^sts mx1\.example\.net (success|starttls-not-supported) mx1/,
      );
    }
  });

  it('RFC 8461 §4.1: enforced, a host that the policy does not name is passed over', async () => {
    await using servers = await scriptedServer(withTls);
    await using world = make([servers, servers]);
    world.resolver.set('example.net', { MX: ['5 mx2.example.net', '10 mx1.example.net'] });
    world.sts.found = policy('enforce');
    const result = await world.attempt('opportunistic');
    assert.equal(say(result), 'mx1.example.net verified');
    const tried = result.recipients[0]?.facts?.tried ?? [];
    assert.match(tried[0]!, /^mx2\.example\.net: .*MTA-STS policy does not allow mx2/);
    assert.match(told(result)[0]!, / validation-failure mx2\.example\.net$/);
    world.sts.found = policy('enforce', '*.example.org');
    await world.clock.advance(6_000);
    const none = await world.attempt('opportunistic');
    assert.match(say(none), /^deferred: .*MTA-STS policy does not allow mx/);
  });

  it('RFC 8461 §5: in testing it goes as ever, and reports say what would have been', async () => {
    for (const [options, mx, result] of [
      [withTls, 'mx1.example.net', 'success'],
      [{ ...withTls, tls: other }, 'mx1.example.net', 'certificate-host-mismatch'],
      [withTls, 'mx9.example.net', 'validation-failure'],
      [{}, 'mx1.example.net', 'starttls-not-supported'],
    ] as const) {
      await using server = await scriptedServer(options);
      await using world = make([server], [issued, other].map((one) => one.certificate).join('\n'));
      world.sts.found = policy('testing', mx);
      const sent = await world.attempt('opportunistic');
      assert.equal(sent.recipients[0]?.kind, 'relayed');
      assert.deepEqual(told(sent), [`sts ${mx} ${result} mx1.example.net`]);
    }
  });

  it('RFC 8461 §2: TLSA records come before it', async () => {
    await using server = await scriptedServer({ ...withTls, tls: other });
    await using world = make([server]);
    const tlsa = daneEeRecord(new X509Certificate(other.certificate));
    const authenticated = true;
    world.resolver.set('example.net', { MX: ['10 mx1.example.net'], authenticated });
    world.resolver.set('mx1.example.net', { A: ['192.0.2.1'], authenticated });
    world.resolver.set('_25._tcp.mx1.example.net', { TLSA: [tlsa], authenticated });
    world.sts.found = policy('enforce', 'elsewhere.example.net');
    assert.equal(await world.send('opportunistic'), 'mx1.example.net verified by DANE');
  });

  it('a policy that could not be had is told in `why` and in reports, and the mail goes on', async () => {
    await using server = await scriptedServer(withTls);
    await using world = make([server]);
    const problem = { result: 'sts-webpki-invalid', reason: 'TLS failed' } as const;
    world.sts.found = { problem };
    const sent = await world.attempt('opportunistic');
    assert.match(say(sent), /^mx1\.example\.net /);
    const told = sent.sessions?.map(({ policy: { type }, result }) => `${type} ${result}`);
    assert.deepEqual(told, ['sts sts-webpki-invalid', 'no-policy-found success']);
    assert.match(
      sent.recipients[0]?.facts?.tried?.join() ?? '',
      /MTA-STS policy of example\.net: TLS/,
    );
  });

  it('reports tell less of it where it is in a network of ours, `why` all', async () => {
    await using server = await scriptedServer(withTls);
    await using world = make([server]);
    const reported = { result: 'sts-policy-fetch-error', reason: 'private' } as const;
    world.sts.found = {
      problem: { result: 'sts-webpki-invalid', reason: 'TLS failed', reported },
    };
    const sent = await world.attempt('opportunistic');
    const [session] = sent.sessions ?? [];
    assert.deepEqual([session?.result, session?.reason], ['sts-policy-fetch-error', 'private']);
    assert.match(sent.recipients[0]?.facts?.tried?.join() ?? '', /: TLS failed/);
  });

  it('RFC 8689 §4.2.1: what requires TLS goes by a policy that is enforced, not by one in testing', async () => {
    for (const [mode, said] of [
      ['enforce', /^mx1\.example\.net verified/],
      ['testing', /neither DNSSEC nor MTA-STS/],
    ] as const) {
      const keywords = ['PIPELINING', 'STARTTLS', 'REQUIRETLS'];
      await using server = await scriptedServer({ ...withTls, keywords });
      await using world = make([server]);
      world.sts.found = policy(mode);
      const route = { kind: 'mx', domain: 'example.net', tls: 'verify' } as const;
      assert.match(say(await world.attemptOf({ params: ['REQUIRETLS'] }, route)), said);
    }
  });

  it('nobody is asked where the operator wants no TLS', async () => {
    await using server = await scriptedServer();
    await using world = make([server]);
    await world.send('none');
    assert.deepEqual(world.sts.asked, []);
    await world.send('opportunistic');
    assert.deepEqual(world.sts.asked, ['example.net']);
  });
});
