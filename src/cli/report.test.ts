import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { receivedKind } from '../deliver/reports/received-reports.ts';
import type { DmarcSummary, ReportSummary } from '../report/summary.ts';
import { openStores } from '../store/open-stores.ts';
import { abuseTable, dmarcTables, tlsTables } from './report-tables.ts';
import { runCommand } from './test-command.ts';

const source = { address: '192.0.2.1', from: 'example.org', messages: 5, dkim: true, spf: true };
const summary = (id: string, received: string): DmarcSummary => ({
  ...{ kind: 'dmarc', received, by: 'example.com', verified: true, id, domain: 'example.org' },
  ...{ begin: '2026-11-28T00:00:00.000Z', end: '2026-11-28T23:59:59.000Z', policy: 'reject' },
  ...{ messages: 7, passed: 5, quarantined: 0, rejected: 2, elsewhere: 0 },
  sources: [
    { ...source, disposition: 'none', reason: null },
    {
      ...{ ...source, address: '2001:db8::9', messages: 2, dkim: false, spf: false },
      ...{ disposition: 'reject', reason: null },
    },
  ],
});

describe('postrider report', () => {
  it('lists what was received since a time, as a table and as JSON, without a server', async (t) => {
    const cwd = mkdtempSync(join(tmpdir(), 'postrider-report-'));
    t.after(() => rmSync(cwd, { recursive: true, force: true }));
    writeFileSync(join(cwd, 'postrider.config.json'), '{"hostname":"mx.example.org"}');
    const directory = join(cwd, 'postrider-data');
    const old = summary('1', '2026-01-01T00:00:00.000Z');
    const fresh = summary('2', new Date().toISOString());
    {
      await using stores = await openStores({ directory, log: silentLog, clock: systemClock() });
      const record = (one: ReportSummary, key: string) => ({
        ...{ kind: receivedKind, key: `dmarc ${key}`, value: JSON.stringify(one) },
      });
      await stores.records.put([record(old, '1'), record(fresh, '2')]);
    }
    const run = async (line: string) => {
      const { status, out, err } = await runCommand(cwd, line);
      return [status, out + err] as const;
    };
    assert.deepEqual(await run('report dmarc --json'), [0, `${JSON.stringify(fresh)}\n`]);
    const [, both] = await run('report dmarc --since 2020-01-01 --json');
    assert.equal(both.trim().split('\n').length, 2);
    assert.match(
      (await run('report dmarc'))[1],
      /^example.org: 7 messages, 2 failed; policy reject/,
    );
    assert.match((await run('report tls --since 1h'))[1], /^no tls reports since /);
    assert.equal((await run('report dmarc --since yesterday'))[0], 2);
    assert.deepEqual(await run('report send ann@example.org <1@x.example>'), [
      ...[
        1,
        'postrider: no server runs on this data directory; start it with `postrider serve`, or `postrider dev`\n',
      ],
    ]);
    assert.equal((await run('report send ann@example.org 1 --type rude'))[0], 2);
  });

  it('adds up what several reports say of a source', () => {
    const day = '2026-11-29T06:00:00.000Z';
    const reports = [
      summary('1', day),
      { ...summary('2', day), by: 'example.net', verified: false },
    ];
    assert.equal(
      dmarcTables(reports, 80),
      [
        'example.org: 14 messages, 4 failed; policy reject; 2 reports by example.com, example.net; 1 not proven to be of whom they say',
        '  source       messages  DKIM  SPF   done    From',
        '  2001:db8::9         4  fail  fail  reject  example.org',
        '  192.0.2.1          10  pass  pass  none    example.org',
      ].join('\n'),
    );
  });

  it('shows failures of TLS, and what was said of single messages', () => {
    const received = '2026-11-29T06:00:00.000Z';
    const common = { received, by: 'example.com', verified: true } as const;
    const { begin, end } = summary('1', received);
    assert.equal(
      tlsTables(
        [
          {
            ...{ kind: 'tls', ...common, id: '1', domain: 'example.org', begin, end },
            policies: [{ type: 'sts', domain: 'example.org', successes: 1, failures: 3 }],
            failures: [
              {
                result: 'certificate-expired',
                sessions: 3,
                mxHost: 'mx.example.org',
                reason: null,
              },
            ],
          },
        ],
        80,
      ),
      [
        'example.org: 1 good session, 3 failed; policy sts; 1 report by example.com',
        '  what                 sessions  host            why',
        '  certificate-expired         3  mx.example.org  -',
      ].join('\n'),
    );
    const message = { from: 'x@example.org', subject: 'Buy \u001b[31mnow', id: null };
    assert.equal(
      abuseTable(
        [
          {
            ...{ kind: 'abuse', ...common, type: 'abuse', incidents: 1, domains: [], message },
            ...{ sourceIp: '192.0.2.1', mailFrom: null, arrival: null, failure: null },
          },
        ],
        80,
      ).split('\n')[1],
      '  2026-11-29 06:00  abuse  example.com  192.0.2.1  Buy ?[31mnow (x@example.org)',
    );
  });
});
