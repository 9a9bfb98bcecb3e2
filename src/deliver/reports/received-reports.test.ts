import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FakeClock } from '../../base/fake-clock.ts';
import type { Fields, Log } from '../../base/log.ts';
import { silentLog } from '../../base/log.ts';
import type { Finding } from '../../mail/finding.ts';
import type { Deliver } from '../../queue/delivery.ts';
import type { ReportSummary } from '../../report/summary.ts';
import { reply } from '../../smtp/reply.ts';
import { ContentError, memoryContent } from '../../store/content.ts';
import { openStores } from '../../store/open-stores.ts';
import type { Lease } from '../../store/queue-store.ts';
import { keptMax, ReceivedReports, receivedKind } from './received-reports.ts';

const day = 86_400_000;
const receiveAt = ['postmaster', 'reports@example.org'];
const delivered: Deliver = async ({ recipients }) => ({
  recipients: recipients.map(() => ({ kind: 'delivered', reply: reply(250, '0.0', 'OK') })),
  health: 'ok',
});

async function make() {
  const clock = new FakeClock();
  const stores = await openStores({ directory: ':memory:', log: silentLog, clock });
  const logged: string[] = [];
  const line = (event: string, fields: Fields = {}) => {
    logged.push(`${event}: ${fields.reason ?? fields.error ?? fields.domain}`);
  };
  const log: Log = { ...silentLog, info: line, warn: line, error: line };
  const settings = { receiveAt, keep: 10 * day };
  const reports = new ReceivedReports({
    ...{ records: stores.records, clock, log },
    settings: () => settings,
  });
  const deliver = reports.watch(delivered);
  const take = async (mail: Uint8Array, { to = 'postmaster@example.org', ...rest }: Taken = {}) => {
    await deliver(leaseOf(mail, to, rest), new AbortController().signal);
    await reports.settled();
  };
  const kept = async () =>
    (await stores.records.list(receivedKind, { limit: 1000 })).map(
      ({ value }) => JSON.parse(value) as ReportSummary,
    );
  return {
    clock,
    records: stores.records,
    take,
    kept,
    logged,
    reports,
    deliver,
    [Symbol.asyncDispose]: () => stores[Symbol.asyncDispose](),
  };
}

interface Taken {
  readonly to?: string;
  readonly original?: string;
  readonly findings?: readonly Finding[];
}

function leaseOf(mail: Uint8Array, address: string, { original, findings }: Taken = {}): Lease {
  const message = {
    ...{ id: 'id1', received: 0, sender: 'r@example.com', params: [], prefix: '' },
    content: memoryContent(mail),
    origin: { session: 's', service: 'smtp', protocol: 'ESMTP', ...(findings && { findings }) },
  };
  const recipient = {
    ...({ address, params: [], delivery: 'local', destination: 'local' } as const),
    ...{ index: 0, attempt: 1, fence: 1, warned: false },
    ...(original !== undefined && { original }),
  };
  return { message, destination: 'local', recipients: [recipient], expires: 0 };
}

const record = (ip: string, count: number, dkim: string, spf: string) =>
  `<record><row><source_ip>${ip}</source_ip><count>${count}</count><policy_evaluated><disposition>${dkim === 'pass' || spf === 'pass' ? 'none' : 'reject'}</disposition><dkim>${dkim}</dkim><spf>${spf}</spf></policy_evaluated></row><identifiers><header_from>example.org</header_from></identifiers></record>`;

const feedback = (records: string, id = '1') =>
  `<feedback><report_metadata><org_name>example.com</org_name><report_id>${id}</report_id><date_range><begin>1764288000</begin><end>1764374399</end></date_range></report_metadata><policy_published><domain>example.org</domain><p>reject</p></policy_published>${records}</feedback>`;

const packed = (body: Uint8Array, name = 'example.com!example.org!1764288000!1764374399.xml.gz') =>
  Buffer.from(
    `From: noreply@example.com\r\nSubject: Report Domain: example.org\r\nContent-Type: application/gzip; name="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(body).toString('base64')}\r\n`,
  );

const two = packed(
  gzipSync(
    feedback(record('192.0.2.1', 5, 'pass', 'pass') + record('192.0.2.9', 2, 'fail', 'fail')),
  ),
);
const tls = packed(
  Buffer.from(
    JSON.stringify({
      'report-id': 'x',
      'organization-name': 'example.com',
      policies: [{ policy: { 'policy-domain': 'example.org' } }],
    }),
  ),
);
const dkim = (result: string): Finding => ({ kind: 'dkim', result, domain: 'example.com' });

describe('reports that come by mail', () => {
  it('are kept as what they say, those that failed first', async () => {
    await using world = await make();
    await world.take(two);
    const [summary] = await world.kept();
    const source = { from: 'example.org', reason: null };
    assert.deepEqual(summary, {
      kind: 'dmarc',
      received: new Date(world.clock.now()).toISOString(),
      verified: null,
      ...{ by: 'example.com', id: '1', domain: 'example.org', policy: 'reject' },
      ...{ begin: '2025-11-28T00:00:00.000Z', end: '2025-11-28T23:59:59.000Z' },
      ...{ messages: 7, passed: 5, quarantined: 0, rejected: 2, elsewhere: 0 },
      sources: [
        {
          address: '192.0.2.9',
          messages: 2,
          dkim: false,
          spf: false,
          disposition: 'reject',
          ...source,
        },
        {
          address: '192.0.2.1',
          messages: 5,
          dkim: true,
          spf: true,
          disposition: 'none',
          ...source,
        },
      ],
    });
    assert.deepEqual(world.logged, ['report received: example.org']);
  });

  it('only at the addresses for them, by their names before aliases', async () => {
    await using world = await make();
    await world.take(two, { to: 'ann@example.org' });
    assert.equal((await world.kept()).length, 0);
    await world.take(two, { to: 'ann@example.org', original: 'Reports@example.org' });
    assert.equal((await world.kept()).length, 1);
  });

  it('RFC 9990 §3.5.4: the same one again is the same one', async () => {
    await using world = await make();
    await world.take(two);
    await world.clock.advance(1000);
    await world.take(two);
    assert.equal((await world.kept()).length, 1);
    await world.take(packed(gzipSync(feedback('', '2'))));
    assert.equal((await world.kept()).length, 2);
  });

  it('are forgotten when their time is over', async () => {
    await using world = await make();
    await world.take(two);
    await world.clock.advance(11 * day);
    assert.equal((await world.kept()).length, 0);
  });

  it('RFC 8460 §3: a TLS report whose signature does not pass is ignored', async () => {
    await using world = await make();
    await world.take(tls, { findings: [dkim('fail')] });
    assert.match(world.logged[0]!, /report not read: a TLS report without/);
    await world.take(tls, { findings: [dkim('pass')] });
    // Where nobody has looked (trusted networks) it counts.
    await world.take(tls);
    assert.deepEqual(
      (await world.kept()).map(({ kind }) => kind),
      ['tls'],
    );
  });

  it('one that is not proven to be of whom it says is marked', async () => {
    await using world = await make();
    const failed: Finding = { kind: 'dmarc', result: 'fail' };
    await world.take(two, { findings: [dkim('pass'), failed] });
    assert.equal((await world.kept())[0]!.verified, false);
    await world.take(two, { findings: [dkim('pass')] });
    assert.equal((await world.kept())[0]!.verified, true);
  });

  it('whatever is wrong with one is logged, and costs neither mail nor the next report', async () => {
    await using world = await make();
    await world.take(packed(gzipSync(Buffer.alloc(40 * 2 ** 20))));
    await world.take(packed(gzipSync(feedback('')).subarray(0, 40)));
    await world.take(packed(Buffer.from('<!DOCTYPE a><a/>')));
    await world.take(packed(Buffer.from('just words')));
    const damaged = leaseOf(two, 'postmaster@example.org');
    const read = async function* read(): AsyncGenerator<Uint8Array> {
      yield two.subarray(0, 300);
      throw new ContentError('missing', 'gone');
    };
    const content = { size: two.length, bytes: undefined, read };
    const result = await world.deliver(
      { ...damaged, message: { ...damaged.message, content } },
      new AbortController().signal,
    );
    assert.equal(result.recipients[0]!.kind, 'delivered');
    await world.take(two);
    assert.equal((await world.kept()).length, 1);
    assert.deepEqual(
      world.logged.map((line) => line.slice(0, 40)),
      [
        'report not read: larger than 32 MiB when',
        'report not read: the archive is damaged:',
        'report not read: the XML cannot be read:',
        ...[world.logged[3]!.slice(0, 40)],
        'report received: example.org',
      ],
    );
  });

  it('of one kind there are so many, whatever there is of others', async () => {
    await using world = await make();
    const { records, take } = world;
    const of = (kind: string, key: string) => ({
      ...{ kind: receivedKind, key: `${kind} ${key}`, value: '{}' },
    });
    const many = Array.from({ length: keptMax }, (_, at) => of('dmarc', `2025-${at}`));
    await records.put([...many, of('tls', '1'), of('abuse', '1')]);
    const kept = async (kind: string) =>
      (await records.list(receivedKind, { prefix: `${kind} `, limit: 2 * keptMax })).length;
    await take(tls);
    assert.deepEqual([await kept('tls'), await kept('abuse')], [2, 1]);
    assert.equal(await kept('dmarc'), keptMax);
    await take(two);
    assert.deepEqual([await kept('tls'), await kept('abuse')], [2, 1]);
    const left = await kept('dmarc');
    assert.ok(left < keptMax && left > keptMax - 200, `${left}`);
    const [latest] = await records.list(receivedKind, { prefix: 'dmarc 2025-11-', limit: 1 });
    assert.match(latest!.value, /example\.org/);
  });

  it('those that are still being read count among those that wait', async () => {
    await using world = await make();
    const { signal } = new AbortController();
    await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        world.deliver(
          leaseOf(packed(gzipSync(feedback('', String(at)))), 'postmaster@example.org'),
          signal,
        ),
      ),
    );
    await world.reports.settled();
    assert.equal((await world.kept()).length, 20);
  });

  it('many at once wait in a bounded line', async () => {
    await using world = await make();
    const { signal } = new AbortController();
    for (let at = 0; at < 40; at += 1)
      await world.deliver(
        leaseOf(packed(gzipSync(feedback('', String(at)))), 'postmaster@example.org'),
        signal,
      );
    await world.reports.settled();
    const left = world.logged.filter((line) => line.includes('too many at once')).length;
    assert.equal((await world.kept()).length + left, 40);
    assert.ok((await world.kept()).length >= 20);
  });
});
