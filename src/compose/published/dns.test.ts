import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FakeZone } from '../../dns/fake-resolver.ts';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import type { PublishedFacts } from './dns.ts';
import { checkDns } from './dns.ts';

const facts = {
  hostname: 'mx.example.org',
  domains: ['example.org', '.example.org'],
  submissions: 465,
  submission: undefined,
  addresses: ['192.0.2.1'],
};

async function findings(zone: FakeZone, changes: Partial<PublishedFacts> = {}): Promise<string[]> {
  const found = await checkDns({ ...facts, ...changes }, new FakeResolver(zone));
  return found.map(({ state, text }) => `${state}: ${text}`);
}

const v6 = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa';

describe('check --dns', () => {
  const good: FakeZone = {
    'mx.example.org': { A: ['192.0.2.1'], AAAA: ['2001:db8::1'], TXT: ['v=spf1 a -all'] },
    'example.org': {
      MX: ['20 backup.example.net', '10 mx.example.org'],
      TXT: ['v=spf1 mx -all', 'other'],
    },
    '_dmarc.example.org': { TXT: ['v=DMARC1; p=none'] },
    '1.2.0.192.in-addr.arpa': { PTR: ['mx.example.org'] },
    [v6]: { PTR: ['mx.example.org'] },
    '_smtp._tls.example.org': { TXT: ['v=TLSRPTv1; rua=mailto:tls@example.org'] },
    '_submissions._tcp.example.org': {
      SRV: [{ priority: 0, weight: 1, port: 465, target: 'mx.example.org' }],
    },
    'backup.example.net': { A: ['192.0.2.9'] },
  };
  it('is content with what init says', async () => {
    assert.deepEqual(await findings(good), [
      'ok: mx.example.org is 192.0.2.1, 2001:db8::1',
      'ok: 192.0.2.1 is mx.example.org, and back',
      'ok: 2001:db8::1 is mx.example.org, and back',
      'ok: mx.example.org v=spf1 a -all',
      'ok: example.org MX mx.example.org, backup.example.net',
      'ok: example.org v=spf1 mx -all',
      'ok: _dmarc.example.org v=DMARC1; p=none',
      'ok: _smtp._tls.example.org v=TLSRPTv1; rua=mailto:tls@example.org',
      'ok: _submissions._tcp.example.org SRV leads here',
    ]);
  });

  it('RFC 9989 §4.7: takes for a DMARC record what receivers take for one', async () => {
    for (const text of ['V=DMARC1; p=none', 'v = DMARC1 ; p=none']) {
      const found = await findings({ ...good, '_dmarc.example.org': { TXT: [text] } });
      assert.ok(found.includes(`ok: _dmarc.example.org ${text}`), found.join('\n'));
    }
    const other = { '_dmarc.example.org': { TXT: ['v=DMARC1-old; p=none', 'v=DMARC1; p=none'] } };
    const found = await findings({ ...good, ...other });
    assert.ok(found.includes('ok: _dmarc.example.org v=DMARC1; p=none'), found.join('\n'));
  });

  it('set-up of mail programs is looked for where it is served, and JMAP only where somebody promises it', async () => {
    const zone: FakeZone = {
      ...good,
      'autoconfig.example.org': { A: ['192.0.2.1'] },
      'autodiscover.example.org': { A: ['192.0.2.77'] },
      '_jmap._tcp.example.org': {
        SRV: [{ priority: 0, weight: 1, port: 443, target: 'mx.example.org' }],
      },
    };
    const found = await findings(zone, { setUp: true });
    assert.deepEqual(found.slice(9), [
      'ok: autoconfig.example.org leads here',
      'warning: autodiscover.example.org leads elsewhere: publish `autodiscover.example.org. CNAME mx.example.org.`',
      'warning: _autodiscover._tcp.example.org has no SRV record: Outlook and phones find the set-up by it, whatever the certificate names; publish `0 1 443 mx.example.org.`',
      'warning: _jmap._tcp.example.org SRV leads elsewhere: publish `0 0 0 .`',
    ]);
    const none = { SRV: [{ priority: 0, weight: 0, port: 0, target: '' }] };
    assert.deepEqual((await findings({ ...good, '_jmap._tcp.example.org': none })).slice(9), [
      'ok: _jmap._tcp.example.org SRV says there is none',
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
      'no SPF of the host name',
      { ...good, 'mx.example.org': { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] } },
      'warning: mx.example.org has no SPF record: publish `"v=spf1 a -all"`',
    ],
    [
      'no DMARC',
      { ...good, '_dmarc.example.org': {} },
      'warning: _dmarc.example.org has no DMARC record: publish `"v=DMARC1; p=none; rua=mailto:postmaster@example.org"`',
    ],
    [
      'RFC 7208 §4.5: two SPF records',
      { ...good, 'example.org': { TXT: ['v=spf1 a', 'v=spf1'] } },
      'failure: example.org has 2 SPF records: only one is allowed',
    ],
    [
      'SPF that does not speak for an address of ours',
      { ...good, 'example.org': { ...good['example.org'], TXT: ['v=spf1 ip4:192.0.2.1 ~all'] } },
      'failure: SPF says softfail of 2001:db8::1, where mail of example.org comes from: v=spf1 ip4:192.0.2.1 ~all',
    ],
    [
      'SPF that cannot be read',
      { ...good, 'example.org': { ...good['example.org'], TXT: ['v=spf1 mxx -all'] } },
      'failure: SPF says permerror',
    ],
    [
      'no reverse name',
      { ...good, '1.2.0.192.in-addr.arpa': {} },
      'failure: 192.0.2.1 has no reverse name that leads back to it, and many will refuse its mail',
    ],
    [
      'another reverse name',
      { ...good, [v6]: { PTR: ['v6.example.org'] }, 'v6.example.org': { AAAA: ['2001:db8::1'] } },
      'warning: 2001:db8::1 is called v6.example.org, not mx.example.org',
    ],
    [
      'an address of somebody else',
      { ...good, 'mx.example.org': { A: ['192.0.2.77'] } },
      'warning: mx.example.org is 192.0.2.77, and this machine 192.0.2.1: mail goes there',
    ],
    [
      'two DMARC records',
      { ...good, '_dmarc.example.org': { TXT: ['v=DMARC1; p=none', 'v=DMARC1; p=reject'] } },
      'failure: _dmarc.example.org has 2 DMARC records: none of them counts',
    ],
    [
      'what was meant as a DMARC record and is none',
      { ...good, '_dmarc.example.org': { TXT: ['v=DMARC1 p=none'] } },
      'failure: _dmarc.example.org cannot be read as a DMARC record, so that it is none: v=DMARC1 p=none',
    ],
    [
      'RFC 2782: mail programs led elsewhere',
      {
        ...good,
        '_submissions._tcp.example.org': {
          SRV: [{ priority: 0, weight: 1, port: 465, target: 'old.example.org' }],
        },
      },
      'warning: _submissions._tcp.example.org SRV leads elsewhere: publish `0 1 465 mx.example.org.`',
    ],
    [
      'nobody is told of TLS that fails',
      { ...good, '_smtp._tls.example.org': {} },
      'warning: _smtp._tls.example.org has no record',
    ],
    [
      'RFC 8460 §3: two records for TLS reports',
      {
        ...good,
        '_smtp._tls.example.org': {
          TXT: ['v=TLSRPTv1; rua=mailto:a@example.org', 'v=TLSRPTv1; rua=mailto:b@example.org'],
        },
      },
      'failure: _smtp._tls.example.org has 2 records for TLS reports: none of them counts',
    ],
    [
      'reports about TLS that go nowhere',
      { ...good, '_smtp._tls.example.org': { TXT: ['v=TLSRPTv1; rua=tls@example.org'] } },
      'failure: _smtp._tls.example.org names nobody whom reports about TLS can go to: v=TLSRPTv1; rua=tls@example.org',
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
