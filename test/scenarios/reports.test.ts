// Reports from one server to another: what came in a domain's name.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Operations } from '../../src/admin/operations.ts';
import { closedAfter } from '../../src/base/closed-after.ts';
import type { FakeZone } from '../../src/dns/fake-resolver.ts';
import type { ReportKind, ReportSummary } from '../../src/report/summary.ts';
import type { TestServer } from '../../src/testing/index.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { createKeys, keyDirectory, recordOf } from '../../src/trust/dkim-keys.ts';
import { eventually } from '../process.ts';
import { connectClient, submit } from './wire.ts';

const ann = 'ann@example.org';
const hour = 3_600_000;

const zone = {
  'far.test': { TXT: ['v=spf1 -all'] },
  '_dmarc.far.test': { TXT: ['v=DMARC1; p=reject; rua=mailto:dmarc@far.test'] },
  'mail.far.test': { TXT: ['v=spf1 ip4:127.0.0.1 -all'] },
  '_dmarc.example.org': { TXT: ['v=DMARC1; p=reject'] },
} satisfies FakeZone;

const smtp = { service: 'smtp', host: '127.0.0.1', port: 0 } as const;

/** The one that reports, with keys, and the one that is reported to. */
async function pair(t: TestContext) {
  const far = closedAfter(
    t,
    await startTestServer({
      accounts: [{ address: 'post@far.test', password: 'secret' }],
      config: {
        ...{ hostname: 'mx.far.test', domains: ['far.test', 'mail.far.test'], listeners: [smtp] },
        tls: 'self-signed',
        aliases: { 'dmarc@far.test': ['post@far.test'], 'abuse@mail.far.test': ['post@far.test'] },
      },
    }),
  );
  const near = closedAfter(
    t,
    await startTestServer({
      accounts: [{ address: ann, password: 'secret' }],
      zone,
      config: {
        ...{ hostname: 'mx.example.org', domains: ['example.org'], tls: 'self-signed' },
        listeners: [smtp, { service: 'submission', host: '127.0.0.1', port: 0, tls: 'implicit' }],
        routes: [{ domain: '*', host: '127.0.0.1', port: far.port, tls: 'require' }],
      },
    }),
  );
  const directory = keyDirectory(near.server.config.dataDirectory);
  const keys = createKeys(directory, {
    ...{ domain: 'example.org', state: 'active', now: new Date('2026-01-01T00:00:00Z') },
  });
  for (const [name, records] of Object.entries(zone)) far.dns.set(name, records);
  for (const key of keys) {
    const { name, value } = recordOf(directory, key);
    far.dns.set(name, { TXT: [value] });
  }
  return { near, far };
}

async function forge(server: TestServer): Promise<void> {
  const client = await connectClient(server.port);
  await client.say('EHLO liar.test\r\n');
  const content = 'From: <boss@far.test>\r\nSubject: pay now\r\n\r\nHello\r\n';
  const mail = { from: 'x@liar.test', to: [ann], content };
  await assert.rejects(submit(client, mail), /Refused by the DMARC policy of far.test/);
  client.close();
}

async function reportsAt(server: TestServer, kind: ReportKind): Promise<readonly ReportSummary[]> {
  const operations: Operations = server.server.operations;
  return Array.fromAsync(operations.reportList({ kind, since: 0 }));
}

describe('reports between servers (RFC 9990)', () => {
  it('the day after, a domain hears what came in its name', async (t) => {
    const { near, far } = await pair(t);
    await forge(near);
    await forge(near);
    await near.advance(29 * hour);
    const [dmarc] = await eventually(async () => {
      const reports = await reportsAt(far, 'dmarc');
      return reports.length === 0 ? undefined : reports;
    }, 'the report');
    assert.equal(dmarc!.kind, 'dmarc');
    const { by, verified, messages, passed, rejected, sources } = dmarc as ReportSummary & {
      readonly kind: 'dmarc';
    };
    assert.deepEqual([by, verified, messages, passed, rejected], ['mx.example.org', true, 2, 0, 2]);
    assert.deepEqual(sources, [
      {
        ...{ address: '127.0.0.1', from: 'far.test', messages: 2, dkim: false, spf: false },
        ...{ disposition: 'reject', reason: null },
      },
    ]);
    assert.equal(far.messages[0]!.subject?.startsWith('Report Domain: far.test'), true);
    // Not again, and nobody reports the report.
    await near.advance(48 * hour);
    await far.advance(48 * hour);
    assert.equal(far.messages.length, 1);
    assert.equal(await near.server.stores.records.count('dmarc-count'), 0);
  });
});

describe('complaints (RFC 5965)', () => {
  it('go to whoever is proven to have sent the message, and are read there', async (t) => {
    const { near, far } = await pair(t);
    const client = await connectClient(near.port);
    await client.say('EHLO mail.far.test\r\n');
    const from = 'x@mail.far.test';
    const content = `From: <${from}>\r\nSubject: buy\r\nMessage-ID: <1@far>\r\n\r\nNow \u00e4\r\n`;
    await submit(client, { from, to: [ann], content });
    client.close();
    await near.waitFor(() => true);
    const { operations } = near.server;
    const asked = { ...{ address: ann, id: '<1@far>', headerOnly: false }, type: 'fraud' } as const;
    const sent = await operations.reportAbuse(asked);
    assert.deepEqual([sent.to, sent.domain], ['abuse@mail.far.test', 'mail.far.test']);
    const { raw } = await far.waitFor(() => true);
    assert.match(String(raw), /^Subject: FW: buy\r$/m);
    const [read] = await eventually(async () => {
      const reports = await reportsAt(far, 'abuse');
      return reports.length === 0 ? undefined : reports;
    }, 'the complaint');
    assert.ok(read?.kind === 'abuse');
    assert.deepEqual([read.type, read.sourceIp, read.mailFrom], ['fraud', '127.0.0.1', from]);
    await assert.rejects(
      operations.reportAbuse({ ...asked, id: '<2@far>' }),
      /has no message <2@far>/,
    );
  });
});
