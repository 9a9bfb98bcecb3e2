import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { FakeRecords } from '../../dns/fake-resolver.ts';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import type { HttpRequest } from '../../net/http-request.ts';
import { HttpError } from '../../net/http-request.ts';
import type { Judged } from '../../policy/senders/sender-authentication.ts';
import type { FoundReport } from '../../report/find-report.ts';
import { findReport } from '../../report/find-report.ts';
import { noPolicy } from '../../report/tls-session.ts';
import type { Nodes } from '../../store/nodes.ts';
import { openStores } from '../../store/open-stores.ts';
import type { Lease, NewMessage } from '../../store/queue-store.ts';
import type { RecordStore } from '../../store/record-store.ts';
import type { Stores } from '../../store/stores.ts';
import { parseDmarcRecord } from '../../trust/dmarc-record.ts';
import { DailyReports } from './daily-reports.ts';
import { DmarcReports } from './dmarc-reports.ts';
import { reportQueue } from './report-queue.ts';
import { TlsReports } from './tls-reports.ts';

const hour = 3_600_000;
/** 2026-01-01T12:00:00Z: its day begins at … */
const begin = Date.UTC(2026, 0, 1) / 1000;

interface Options {
  readonly dns?: Record<string, FakeRecords>;
  readonly on?: boolean;
  readonly signs?: boolean;
  readonly post?: (request: HttpRequest) => Promise<number>;
  readonly nodes?: Pick<Nodes, 'inTurn' | 'number'>;
  readonly records?: RecordStore;
}

/** What lasts: the clock, the records. */
async function world() {
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 12));
  const stores = await openStores({ directory: ':memory:', log: silentLog, clock });
  return { clock, stores, [Symbol.asyncDispose]: () => stores[Symbol.asyncDispose]() };
}

async function start(
  { clock, stores }: { readonly clock: FakeClock; readonly stores: Stores },
  { dns = {}, on = true, signs = true, post, nodes = stores.nodes, ...more }: Options = {},
) {
  const resolver = new FakeResolver(dns);
  const queued: NewMessage[] = [];
  const queue = reportQueue({
    ...{ clock, spool: stores.spool, ids: () => `id${queued.length}` },
    resolve: async (address) => [
      { address, params: [], delivery: 'relay', destination: `mx:${address.split('@')[1]}` },
    ],
    submit: async (message) => queued.push(message),
  });
  const reporter = () => ({
    ...{ hostname: 'mx.example.org', from: 'postmaster@mx.example.org', organization: 'Us' },
  });
  const common = { clock, log: silentLog, resolver, isOn: () => on, reporter, queue };
  const dmarc = new DmarcReports(common);
  const tls = new TlsReports({
    ...{ ...common, signs: () => signs },
    ...(post && {
      post: async (request) => ({
        ...{ status: await post(request), headers: new Map(), body: Buffer.alloc(0) },
      }),
    }),
  });
  const daily = new DailyReports({
    ...{ records: stores.records, clock, log: silentLog, hostname: () => 'mx.example.org', nodes },
    ...more,
    reports: [dmarc, tls],
  });
  await daily.start();
  const reports = () => Promise.all(queued.map((one) => reportIn(one)));
  return { dmarc, tls, daily, queued, reports, resolver };
}

async function reportIn({ content }: NewMessage): Promise<FoundReport> {
  assert.equal(content.kind, 'inline');
  const found = await findReport(content.bytes, async () => {});
  assert.ok(found !== undefined);
  return found;
}

const record = 'v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@example.net';

function judged(address: string, { text = record, head = '', aligned = false } = {}): Judged {
  const client = { remote: { address } };
  return {
    envelope: { client, sender: { local: 'x', domain: 'Bounces.example.com' } },
    arrival: { head: Buffer.from(head) },
    verdict: {
      result: aligned ? 'pass' : 'fail',
      ...{ domain: 'news.example.net', policyDomain: 'example.net' },
      ...{ record: parseDmarcRecord(text), policy: 'quarantine', requested: 'quarantine' },
      ...{ alignedSpf: false, alignedDkim: aligned },
    },
    findings: [
      { kind: 'spf', identity: 'mailfrom', result: 'softfail', domain: 'bounces.example.com' },
      { kind: 'dkim', result: 'fail', domain: 'example.net', selector: 'a' },
      { kind: 'dkim', result: 'pass', domain: 'example.com', selector: 'b' },
      { kind: 'dkim', result: 'none' },
      {
        ...{ kind: 'dmarc', result: aligned ? 'pass' : 'fail', domain: 'news.example.net' },
        ...(!aligned && { disposition: 'quarantine' as const }),
      },
    ],
  } as unknown as Judged;
}

describe('DMARC aggregate reports', () => {
  it('RFC 9990 §3.1: one a day for each domain, with what came and how it was judged', async () => {
    await using lasting = await world();
    const { clock } = lasting;
    const { dmarc, queued, reports } = await start(lasting);
    for (let at = 0; at < 3; at += 1) dmarc.note(judged('192.0.2.1'));
    dmarc.note(judged('2001:db8::1', { aligned: true }));
    await clock.advance(11 * hour);
    assert.equal(queued.length, 0, 'not before the day is over');
    await clock.advance(6 * hour);
    assert.equal(queued.length, 1);
    const [message] = queued;
    assert.equal(message!.sender, '');
    assert.deepEqual(
      message!.recipients.map(({ address, params }) => [address, params]),
      [['d@example.net', ['NOTIFY=NEVER']]],
    );
    const text = Buffer.from((message!.content as { bytes: Uint8Array }).bytes).toString('latin1');
    const id = `${begin}-example.net@mx.example.org`;
    assert.match(text, /^From: Us <postmaster@mx.example.org>\r$/m);
    const subject = `Report Domain: example.net Submitter: mx.example.org Report-ID:\r\n <${id}>`;
    assert.ok(text.includes(`Subject: ${subject}\r\nMessage-ID: <${id}>\r\n`));
    assert.ok(
      text.includes(`filename="mx.example.org!example.net!${begin}!${begin + 86_399}.xml.gz"`),
    );
    const [found] = await reports();
    assert.equal(found!.kind, 'dmarc');
    const { report } = found as Extract<FoundReport, { kind: 'dmarc' }>;
    assert.deepEqual([report.begin, report.end, report.id], [begin, begin + 86_399, id]);
    assert.deepEqual(report.policy, {
      ...{ domain: 'example.net', p: 'reject', sp: 'quarantine', np: 'quarantine' },
      ...{ adkim: 'r', aspf: 'r', fo: '0', testing: 'n', discovery: 'treewalk' },
    });
    const [often, once] = report.records;
    const nothing = { human: undefined, scope: undefined };
    assert.deepEqual(often, {
      ...{ sourceIp: '192.0.2.1', count: 3, disposition: 'quarantine', dkim: 'fail', spf: 'fail' },
      ...{ reasons: [], headerFrom: 'news.example.net', envelopeFrom: 'bounces.example.com' },
      envelopeTo: undefined,
      signatures: [
        { domain: 'example.com', selector: 'b', result: 'pass', ...nothing },
        { domain: 'example.net', selector: 'a', result: 'fail', ...nothing },
      ],
      senders: [
        {
          ...{ domain: 'bounces.example.com', scope: 'mfrom', result: 'softfail' },
          ...{ selector: undefined, human: undefined },
        },
      ],
    });
    assert.deepEqual([once!.count, once!.disposition, once!.dkim], [1, 'pass', 'pass']);
    await clock.advance(48 * hour);
    assert.equal(queued.length, 1, 'and not again');
    assert.equal(await lasting.stores.records.count('dmarc-count'), 0);
  });

  it('what was counted survives a restart, and a day that was reported stays so', async () => {
    await using lasting = await world();
    const before = await start(lasting);
    before.dmarc.note(judged('192.0.2.1'));
    await lasting.clock.advance(2 * 60_000);
    before.dmarc.note(judged('192.0.2.1'));
    await before.daily.stop();
    const after = await start(lasting);
    after.dmarc.note(judged('192.0.2.1'));
    await lasting.clock.advance(17 * hour);
    const [found] = await after.reports();
    assert.equal((found as Extract<FoundReport, { kind: 'dmarc' }>).report.records[0]!.count, 3);
    await after.daily.stop();
    const last = await start(lasting);
    await lasting.clock.advance(24 * hour);
    assert.equal(last.queued.length, 0);
  });

  it('a domain has one time of day, and not everybody the same', async () => {
    await using lasting = await world();
    const { dmarc, queued } = await start(lasting);
    for (let at = 0; at < 12; at += 1) {
      const one = judged('192.0.2.1', { text: `v=DMARC1;p=none;rua=mailto:d@d${at}.example` });
      dmarc.note({ ...one, verdict: { ...one.verdict, policyDomain: `d${at}.example` } });
    }
    await lasting.clock.advance(17 * hour);
    assert.equal(queued.length, 12);
    assert.ok(new Set(queued.map(({ received }) => received)).size > 6);
  });

  it('RFC 9990 §4: others get it only if they say that they want it', async () => {
    const text = [
      'v=DMARC1; p=none; rua=mailto:in@reports.example.net',
      ...['mailto:a@yes.example', 'mailto:b@no.example', 'mailto:c@other.example'],
      ...['mailto:d@stray.example'],
    ].join(',');
    await using lasting = await world();
    const { dmarc, queued } = await start(lasting, {
      dns: {
        '_dmarc.example.net': { TXT: ['v=DMARC1; p=none'] },
        'example.net._report._dmarc.yes.example': { TXT: ['v=DMARC1'] },
        'example.net._report._dmarc.no.example': { TXT: ['yes please'] },
        'example.net._report._dmarc.other.example': {
          TXT: ['v=DMARC1; rua=mailto:z@other.example'],
        },
        'example.net._report._dmarc.stray.example': {
          TXT: ['v=DMARC1; rua=mailto:victim@elsewhere.example'],
        },
      },
    });
    dmarc.note(judged('192.0.2.1', { text }));
    await lasting.clock.advance(17 * hour);
    assert.deepEqual(
      queued.map(({ recipients }) => recipients[0]!.address),
      ['in@reports.example.net', 'a@yes.example', 'z@other.example'],
    );
  });

  it('while the DNS does not say, it waits', async () => {
    await using lasting = await world();
    const text = 'v=DMARC1; p=none; rua=mailto:a@yes.example';
    const name = 'example.net._report._dmarc.yes.example';
    const dns: Record<string, FakeRecords> = { [name]: { fails: 'servfail' } };
    const { dmarc, queued, resolver } = await start(lasting, { dns });
    dmarc.note(judged('192.0.2.1', { text }));
    await lasting.clock.advance(20 * hour);
    assert.equal(queued.length, 0);
    resolver.set(name, { TXT: ['v=DMARC1'] });
    await lasting.clock.advance(2 * hour);
    assert.equal(queued.length, 1);
  });

  it('goes on by itself where the store has failed for a while', async () => {
    await using lasting = await world();
    const { clock, stores } = lasting;
    let isDown = false;
    const records: RecordStore = {
      ...{ get: (...asked) => stores.records.get(...asked), watch: () => () => {} },
      ...{ put: (...asked) => stores.records.put(...asked), replace: async () => false },
      ...{ remove: (...asked) => stores.records.remove(...asked), count: async () => 0 },
      list: async (...asked) => {
        if (isDown) throw new Error('the database is away');
        return stores.records.list(...asked);
      },
    };
    const { dmarc, queued } = await start(lasting, { records });
    dmarc.note(judged('192.0.2.1'));
    await clock.advance(2 * 60_000);
    isDown = true;
    await clock.advance(20 * hour);
    assert.equal(queued.length, 0);
    isDown = false;
    await clock.advance(2 * hour);
    assert.equal(queued.length, 1);
  });

  it('none of what nobody wants, of reports that come, or where it is turned off', async () => {
    await using lasting = await world();
    const { dmarc } = await start(lasting);
    dmarc.note(judged('192.0.2.1', { text: 'v=DMARC1; p=reject' }));
    dmarc.note(
      judged('192.0.2.1', { aligned: true, head: 'Subject: Report Domain: example.org\r\n\r\n' }),
    );
    assert.equal(dmarc.counts.rows, 0);
    const off = await start(lasting, { on: false });
    off.dmarc.note(judged('192.0.2.1'));
    assert.equal(off.dmarc.counts.rows, 0);
  });

  it('two nodes count for one report, which one of them sends', async () => {
    await using lasting = await world();
    const { clock, stores } = lasting;
    let isFree = true;
    const nodeOf = (number: number): Options => ({
      nodes: {
        number,
        inTurn: async (duty, work) => (isFree ? stores.nodes.inTurn(duty, work) : undefined),
      },
    });
    const one = await start(lasting, nodeOf(1));
    const two = await start(lasting, nodeOf(2));
    for (const { dmarc } of [one, one, two]) dmarc.note(judged('192.0.2.1'));
    await two.daily.stop();
    const again = await start(lasting, nodeOf(2));
    for (const { dmarc } of [one, again]) dmarc.note(judged('192.0.2.2'));
    isFree = false;
    await clock.advance(20 * hour);
    assert.equal(one.queued.length + again.queued.length, 0, 'somebody else is at it');
    isFree = true;
    await clock.advance(30 * hour);
    const [sent, ...more] = [...(await one.reports()), ...(await again.reports())];
    assert.equal(more.length, 0);
    const { report } = sent as Extract<FoundReport, { kind: 'dmarc' }>;
    assert.deepEqual(report.records.map(({ count, sourceIp }) => [sourceIp, count]).sort(), [
      ['192.0.2.1', 3],
      ['192.0.2.2', 2],
    ]);
    assert.equal(await stores.records.count('dmarc-count'), 0);
  });

  it('RFC 7489 §6.2: an address that takes so much only gets no more', async () => {
    await using lasting = await world();
    const { dmarc, queued } = await start(lasting);
    const text = 'v=DMARC1; p=none; rua=mailto:a@example.net!1k,mailto:b@example.net!10m';
    dmarc.note(judged('192.0.2.1', { text }));
    await lasting.clock.advance(17 * hour);
    assert.deepEqual(
      queued.map(({ recipients }) => recipients[0]!.address),
      ['b@example.net'],
    );
  });

  it('rows are bounded, whoever forges mail', async () => {
    await using lasting = await world();
    const { dmarc } = await start(lasting);
    for (let at = 0; at < 3_000; at += 1) dmarc.note(judged(`192.0.${at >> 8}.${at & 255}`));
    assert.equal(dmarc.counts.rows, 1_000);
  });
});

describe('TLS reports', () => {
  const expired = {
    ...({
      result: 'certificate-expired',
      reason: 'CERT_HAS_EXPIRED',
      address: '192.0.2.9',
    } as const),
    ...{ domain: 'example.net', policy: noPolicy, mxHost: 'mx1.example.net' },
  };
  const sts = {
    ...({ type: 'sts', strings: ['version: STSv1'], mxHosts: ['*.example.net'] } as const),
  };
  const fill = ({ tls }: { readonly tls: TlsReports }) => {
    for (let at = 0; at < 5; at += 1) {
      const mxHost = `mx${at}.example.net`;
      tls.noteSession({ domain: 'example.net', policy: sts, result: 'success', mxHost });
    }
    tls.noteSession(expired);
    tls.noteSession(expired);
  };
  const dns = (rua: string): Record<string, FakeRecords> => ({
    '_smtp._tls.example.net': { TXT: [`v=TLSRPTv1; rua=${rua}`] },
  });

  it('RFC 8460 §4, §5.3: one a day by mail, an entry for each policy', async () => {
    await using lasting = await world();
    const running = await start(lasting, { dns: dns('mailto:t@example.net') });
    fill(running);
    await lasting.clock.advance(17 * hour);
    const [message] = running.queued;
    assert.equal(message!.origin.service, 'reports');
    const text = Buffer.from((message!.content as { bytes: Uint8Array }).bytes).toString('latin1');
    assert.match(
      text,
      /^TLS-Report-Domain: example.net\r\nTLS-Report-Submitter: mx.example.org\r\nTLS-Required: No\r$/m,
    );
    assert.match(text, /^Content-Type: multipart\/report; report-type="tlsrpt";\r$/m);
    const [found] = await running.reports();
    assert.equal(found!.kind, 'tls');
    const { report } = found as Extract<FoundReport, { kind: 'tls' }>;
    assert.equal(report.contact, 'postmaster@mx.example.org');
    // In any order.
    const policies = report.policies.toSorted((a, b) => b.successes - a.successes);
    assert.deepEqual(
      policies.map(({ type, domain, successes, failures }) => [
        ...[type, domain, successes, failures],
      ]),
      [
        ['sts', 'example.net', 5, 0],
        ['no-policy-found', 'example.net', 0, 2],
      ],
    );
    const [detail] = policies[1]!.details;
    assert.deepEqual(
      [detail!.result, detail!.count, detail!.mxHost, detail!.receivingIp, detail!.reason],
      ['certificate-expired', 2, 'mx1.example.net', '192.0.2.9', 'CERT_HAS_EXPIRED'],
    );
    await lasting.clock.advance(24 * hour);
    assert.equal(running.queued.length, 1);
  });

  it('RFC 8460 §3: the sessions that carry reports are not counted', async () => {
    await using lasting = await world();
    const { tls } = await start(lasting);
    const sessions = [expired];
    const deliver = tls.watch(async () => ({ recipients: [], health: 'ok', sessions }));
    for (const service of ['submission', 'reports'])
      await deliver(
        { message: { origin: { service } } } as unknown as Lease,
        new AbortController().signal,
      );
    assert.deepEqual(
      tls.counts.changes().map(({ value }) => JSON.parse(value).count),
      [undefined, 1],
    );
  });

  it('RFC 8460 §5.4: by HTTPS, again each hour until it is taken', async () => {
    await using lasting = await world();
    const requests: HttpRequest[] = [];
    const running = await start(lasting, {
      dns: dns('https://example.net/tls'),
      post: async (request) => {
        requests.push(request);
        if (requests.length === 1) throw new HttpError('connect', 'no');
        return requests.length === 2 ? 503 : 201;
      },
    });
    fill(running);
    await lasting.clock.advance(24 * hour);
    assert.equal(requests.length, 3);
    const { url, method, headers } = requests[2]!;
    assert.deepEqual([url, method], ['https://example.net/tls', 'POST']);
    assert.deepEqual(headers, { 'Content-Type': 'application/tlsrpt+gzip' });
    // Whose report it is chooses where it goes: not into our own network.
    const places = ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '1.1.1.1'];
    assert.deepEqual(places.filter(requests[2]!.allows ?? (() => true)), ['1.1.1.1']);
  });

  it('RFC 8460 §3: none by mail that is not signed; none to who asks for none', async () => {
    for (const options of [
      { dns: dns('mailto:t@example.net'), signs: false },
      { dns: {} },
      {
        dns: {
          '_smtp._tls.example.net': {
            TXT: ['v=TLSRPTv1;rua=mailto:a@b.example', 'v=TLSRPTv1;rua=mailto:a@b.example'],
          },
        },
      },
      { dns: dns('ftp://example.net/') },
    ]) {
      await using lasting = await world();
      const running = await start(lasting, options);
      fill(running);
      await lasting.clock.advance(17 * hour);
      assert.equal(running.queued.length, 0);
      assert.equal(await lasting.stores.records.count('tls-count'), 0);
    }
  });
});

describe('our reports in the queue', () => {
  it('to an alias of ours keep its name, by which whoever reads reports knows them', async () => {
    await using lasting = await world();
    const queued: NewMessage[] = [];
    const queue = reportQueue({
      ...{ clock: lasting.clock, spool: lasting.stores.spool, ids: () => 'id' },
      resolve: async () => [
        { address: 'ann@example.org', params: [], delivery: 'local', destination: 'local' },
      ],
      submit: async (message) => queued.push(message),
    });
    const bytes = Buffer.alloc(300_000, 'x');
    assert.equal(await queue({ to: 'dmarc@example.org', bytes, messageId: 'a@b' }), true);
    const [{ recipients, content, messageId } = assert.fail()] = queued;
    assert.equal(recipients[0]!.original, 'dmarc@example.org');
    assert.deepEqual([content.kind, messageId], ['file', '<a@b>']);
  });

  it('to nobody are none', async () => {
    await using lasting = await world();
    const queue = reportQueue({
      ...{ clock: lasting.clock, spool: lasting.stores.spool, ids: () => 'id' },
      resolve: async () => [],
      submit: () => assert.fail('nothing to submit'),
    });
    const to = 'gone@example.org';
    assert.equal(await queue({ to, bytes: Buffer.alloc(1), messageId: 'a@b' }), false);
  });
});
