import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TlsReport } from './tls-report.ts';
import { formatTlsReport, readTlsReport } from './tls-report.ts';

const report: TlsReport = {
  organization: 'mx.example.org',
  contact: 'postmaster@mx.example.org',
  id: '1764288000.example.net@mx.example.org',
  begin: 1_764_288_000,
  end: 1_764_374_399,
  policies: [
    {
      type: 'sts',
      strings: ['version: STSv1', 'mode: enforce', 'mx: *.example.net', 'max_age: 86400'],
      domain: 'example.net',
      mxHosts: ['*.example.net'],
      successes: 12,
      failures: 1,
      details: [
        {
          result: 'certificate-expired',
          count: 1,
          sendingIp: undefined,
          mxHost: 'mx1.example.net',
          mxHelo: undefined,
          receivingIp: '192.0.2.1',
          information: undefined,
          reason: 'CERT_HAS_EXPIRED',
        },
      ],
    },
    {
      ...{ type: 'no-policy-found', strings: [], domain: 'example.net', mxHosts: [] },
      ...{ successes: 3, failures: 0, details: [] },
    },
  ],
};

describe('a TLS report', () => {
  it('RFC 8460 §4.4: reads as it was written', () => {
    const text = formatTlsReport(report);
    assert.deepEqual(readTlsReport(text), report);
    const json = JSON.parse(text);
    assert.equal(json['date-range']['start-datetime'], '2025-11-28T00:00:00Z');
    assert.equal(json['date-range']['end-datetime'], '2025-11-28T23:59:59Z');
    assert.deepEqual(json.policies[1].policy, {
      'policy-type': 'no-policy-found',
      'policy-domain': 'example.net',
    });
  });

  it('numbers that are none count nothing, and lists that are none are empty', () => {
    const policies = [
      {
        policy: { 'policy-string': 'x', 'mx-host': 5 },
        summary: { 'total-successful-session-count': -1 },
      },
      null,
      { 'failure-details': [{ 'failed-session-count': '7' }, 1] },
    ];
    const read = readTlsReport(JSON.stringify({ 'report-id': 'x', policies }));
    assert.deepEqual(
      read.policies.map(({ strings, successes, details }) => [strings, successes, details.length]),
      [
        [['x'], 0, 0],
        [[], 0, 0],
        [[], 0, 2],
      ],
    );
  });
});
