import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FakeZone } from '../dns/fake-resolver.ts';
import { FakeResolver } from '../dns/fake-resolver.ts';
import { checkDns, formatRecords, recordsToPublish } from './dns-records.ts';

const facts = {
  hostname: 'mx.example.org',
  domain: 'example.org',
  submissions: 465,
  submission: 587,
  addresses: ['192.0.2.1', '2001:db8::1'],
};

async function findings(zone: FakeZone): Promise<string[]> {
  const found = await checkDns(
    { hostname: 'mx.example.org', domains: ['example.org', '.example.org'] },
    new FakeResolver(zone),
  );
  return found.map(({ state, text }) => `${state}: ${text}`);
}

describe('DNS records', () => {
  it('what is to be published is what a zone file takes', () => {
    const lines = formatRecords(recordsToPublish(facts))
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith(';'));
    assert.deepEqual(
      lines.map((line) => line.replace(/ +/g, ' ')),
      [
        'mx.example.org. IN A 192.0.2.1',
        'mx.example.org. IN AAAA 2001:db8::1',
        'example.org. IN MX 10 mx.example.org.',
        'example.org. IN TXT "v=spf1 mx -all"',
        'mx.example.org. IN TXT "v=spf1 a -all"',
        '_dmarc.example.org. IN TXT "v=DMARC1; p=none; rua=mailto:postmaster@example.org"',
        '_submissions._tcp.example.org. IN SRV 0 1 465 mx.example.org.',
        '_submission._tcp.example.org. IN SRV 10 1 587 mx.example.org.',
      ],
    );
  });

  it('RFC 6186 §3.4: IMAP comes before POP3, and only with TLS from the first byte', () => {
    const records = recordsToPublish({ ...facts, imaps: 993, pop3s: 995 });
    assert.deepEqual(
      records.filter(({ type }) => type === 'SRV').map(({ name, value }) => `${name} ${value}`),
      [
        '_submissions._tcp.example.org 0 1 465 mx.example.org.',
        '_submission._tcp.example.org 10 1 587 mx.example.org.',
        '_imaps._tcp.example.org 20 1 993 mx.example.org.',
        '_pop3s._tcp.example.org 30 1 995 mx.example.org.',
      ],
    );
  });

  const good: FakeZone = {
    'mx.example.org': { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] },
    'example.org': {
      MX: ['20 backup.example.net', '10 mx.example.org'],
      TXT: ['v=spf1 mx -all', 'other'],
    },
    '_dmarc.example.org': { TXT: ['v=DMARC1; p=none'] },
  };
  it('is content with what init says', async () => {
    assert.deepEqual(await findings(good), [
      'ok: mx.example.org is 192.0.2.1, 2001:db8::1',
      'ok: example.org MX mx.example.org, backup.example.net',
      'ok: example.org v=spf1 mx -all',
      'ok: _dmarc.example.org v=DMARC1; p=none',
    ]);
  });

  const bad: [title: string, zone: FakeZone, finding: string][] = [
    [
      'no address',
      { ...good, 'mx.example.org': { TXT: ['x'] } },
      "failure: mx.example.org has no A or AAAA record: publish this machine's address",
    ],
    [
      'no domain',
      { ...good, 'example.org': { fails: {} } },
      'failure: example.org has no MX record: publish `example.org. MX 10 mx.example.org.`',
    ],
    [
      'another MX',
      { ...good, 'example.org': { MX: ['10 other.example'] } },
      'warning: example.org MX is other.example, not mx.example.org: mail goes there',
    ],
    [
      'RFC 7505: a null MX',
      { ...good, 'example.org': { MX: ['0 .'] } },
      'failure: example.org has a null MX: it says that it takes no mail (RFC 7505)',
    ],
    [
      'no SPF',
      { ...good, 'example.org': { MX: ['10 mx.example.org'] } },
      'warning: example.org has no SPF record: publish `"v=spf1 mx -all"`',
    ],
    [
      'RFC 7208 §4.5: two SPF records',
      { ...good, 'example.org': { TXT: ['v=spf1 a', 'v=spf1'] } },
      'failure: example.org has 2 SPF records: only one is allowed',
    ],
    [
      'no answer',
      { ...good, 'example.org': { fails: 'servfail' } },
      'failure: example.org: the DNS gives no answer now',
    ],
  ];
  for (const [title, zone, finding] of bad)
    it(title, async () => {
      const found = await findings(zone);
      assert.ok(
        found.some((line) => line.startsWith(finding)),
        found.join('\n'),
      );
    });
});
