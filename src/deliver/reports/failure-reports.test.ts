import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { FakeZone } from '../../dns/fake-resolver.ts';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import type { Finding } from '../../mail/finding.ts';
import { findHeaderEnd } from '../../mail/header/header.ts';
import type { Judged } from '../../policy/senders/sender-authentication.ts';
import { findReport } from '../../report/find-report.ts';
import { parseDmarcRecord } from '../../trust/dmarc-record.ts';
import { FailureReports } from './failure-reports.ts';
import type { OutgoingReport } from './report-queue.ts';

const zone: FakeZone = {
  'example.net': { TXT: ['v=spf1 -all'] },
  '_dmarc.example.net': { TXT: ['v=DMARC1; p=reject; ruf=mailto:f@example.net'] },
};

async function reported(
  judged: readonly Judged[],
  { send = true, perHour = 3 } = {},
): Promise<readonly OutgoingReport[]> {
  const clock = new FakeClock();
  const queued: OutgoingReport[] = [];
  const reports = new FailureReports({
    ...{ clock, log: silentLog, resolver: new FakeResolver(zone), ids: () => `id${queued.length}` },
    settings: () => ({ send, perHour }),
    reporter: () => ({
      ...{ hostname: 'mx.example.org', from: 'postmaster@mx.example.org', organization: 'Us' },
    }),
    queue: async (report) => queued.push(report) > 0,
  });
  for (const one of judged) {
    reports.note(one);
    for (let turn = 0; turn < 10; turn += 1) await setImmediate();
  }
  return queued;
}

const head = Buffer.from(
  [
    'Received: from secret.example.net by mx.example.org',
    'From: Boss <boss@example.net>',
    'To: ann@example.org',
    'Subject: the merger',
    'DKIM-Signature: v=1; d=example.net; s=a;',
    ' b=x',
    'Message-ID: <1@example.net>',
    'X-Mailer: b\u00e4d',
    '',
    '',
  ].join('\r\n'),
);

interface Case {
  readonly text?: string;
  readonly sender?: Judged['envelope']['sender'];
  readonly header?: Buffer;
  readonly aligned?: readonly ('dkim' | 'spf')[];
  readonly findings?: readonly Finding[];
}

function judged({
  text = 'v=DMARC1; p=reject; ruf=mailto:f@example.net',
  sender = { local: 'boss', domain: 'example.net' },
  header = head,
  aligned = [],
  findings = [
    { kind: 'spf', identity: 'mailfrom', result: 'fail', domain: 'example.net' },
    { kind: 'dkim', result: 'fail', domain: 'example.net', selector: 'a' },
    { kind: 'dmarc', result: 'fail', domain: 'example.net', disposition: 'reject' },
  ],
}: Case = {}): Judged {
  return {
    envelope: { client: { remote: { address: '192.0.2.1' } }, sender },
    arrival: { head: header, header: { end: findHeaderEnd(header) } },
    verdict: {
      result: aligned.length > 0 ? 'pass' : 'fail',
      ...{ domain: 'example.net', policyDomain: 'example.net', record: parseDmarcRecord(text) },
      ...{ alignedDkim: aligned.includes('dkim'), alignedSpf: aligned.includes('spf') },
    },
    findings,
  } as unknown as Judged;
}

describe('failure reports', () => {
  it('RFC 9991 §4, RFC 6591 §3: say what failed and whose it was, and nothing of what was in it', async () => {
    const [report] = await reported([judged()]);
    assert.equal(report!.to, 'f@example.net');
    const found = await findReport(report!.bytes, async () => {});
    assert.equal(found?.kind, 'abuse');
    const { message, arrival: _, userAgent, authentication, ...said } = found.report;
    assert.deepEqual(said, {
      ...{ type: 'auth-failure', version: '1', mailFrom: '<boss@example.net>', rcptTo: [] },
      ...{ envelopeId: undefined, reportingMta: undefined, sourceIp: '192.0.2.1', incidents: 1 },
      ...{ domains: ['example.net'], uris: [], authFailure: 'dmarc', deliveryResult: 'reject' },
      ...{ identityAlignment: 'dkim, spf', dkimDomain: 'example.net', dkimSelector: 'a' },
      dkimIdentity: '@example.net',
    });
    assert.match(userAgent!, /^Postrider\//);
    assert.match(authentication[0]!, /^mx.example.org; spf=fail .*dmarc=fail/);
    assert.deepEqual(message, {
      ...{ from: 'Boss <boss@example.net>', subject: undefined, id: '<1@example.net>' },
    });
    const text = Buffer.from(report!.bytes).toString('latin1');
    assert.match(text, /^SPF-DNS: txt : example.net : "v=spf1 -all"\r$/m);
    for (const secret of ['ann@', 'merger', 'secret.', 'X-Mailer'])
      assert.ok(!text.includes(secret), secret);
  });

  it('the local part of a stranger stays here', async () => {
    const sender = { local: 'somebody', domain: 'forwarder.example' };
    const [report] = await reported([judged({ sender })]);
    assert.match(Buffer.from(report!.bytes).toString(), /-From: <redacted@forwarder.example>\r\n/);
  });

  it('RFC 9989 §4.7: for what `fo` asks', async () => {
    const cases: readonly (readonly [string, NonNullable<Case['aligned']>, number])[] = [
      ['', [], 1],
      ['', ['spf'], 0],
      ['; fo=1', ['spf'], 1],
      ['; fo=1', ['spf', 'dkim'], 0],
      ['; fo=d', ['spf'], 1],
      ['; fo=0:s', ['dkim'], 1],
      ['; fo=x', [], 0],
    ];
    for (const [fo, aligned, count] of cases) {
      const text = `v=DMARC1; p=none; ruf=mailto:f@example.net${fo}`;
      assert.equal((await reported([judged({ text, aligned })])).length, count, `${fo} ${aligned}`);
    }
  });

  it('RFC 9991 §2: none where nobody asks, for public suffixes, of mail without a sender, of reports', async () => {
    for (const one of [
      { text: 'v=DMARC1; p=reject' },
      { text: 'v=DMARC1; p=reject; psd=y; ruf=mailto:f@example.net' },
      { text: 'v=DMARC1; p=reject; ruf=mailto:f@other.example' },
      { sender: null },
      { header: Buffer.from('Subject: Report Domain: a.example\r\n\r\n') },
    ])
      assert.equal((await reported([judged(one)])).length, 0, JSON.stringify(one));
    assert.equal((await reported([judged()], { send: false })).length, 0);
  });

  it('RFC 9991 §8.1: so many in an hour', async () => {
    const many = Array.from({ length: 20 }, () => judged());
    assert.equal((await reported(many)).length, 3);
  });
});
