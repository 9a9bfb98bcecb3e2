import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatRecords, recordsToPublish } from './records.ts';

const facts = {
  hostname: 'mx.example.org',
  domain: 'example.org',
  submissions: 465,
  submission: 587,
  addresses: ['192.0.2.1', '2001:db8::1'],
};

const key = { name: 's1._domainkey.example.org', type: 'TXT', value: 'v=DKIM1; p=x' } as const;

describe('DNS records', () => {
  it('what is to be published is what a zone file takes', () => {
    const lines = formatRecords(recordsToPublish({ ...facts, keys: [key] }))
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith(';'));
    assert.deepEqual(
      lines.map((line) => line.replace(/ +/g, ' ')),
      [
        'mx.example.org. IN A 192.0.2.1',
        'mx.example.org. IN AAAA 2001:db8::1',
        '1.2.0.192.in-addr.arpa. IN PTR mx.example.org.',
        '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. IN PTR mx.example.org.',
        'example.org. IN MX 10 mx.example.org.',
        'example.org. IN TXT "v=spf1 mx -all"',
        'mx.example.org. IN TXT "v=spf1 a -all"',
        's1._domainkey.example.org. IN TXT "v=DKIM1; p=x"',
        '_dmarc.example.org. IN TXT "v=DMARC1; p=none; rua=mailto:postmaster@example.org"',
        '_smtp._tls.example.org. IN TXT "v=TLSRPTv1; rua=mailto:postmaster@example.org"',
        '_submissions._tcp.example.org. IN SRV 0 1 465 mx.example.org.',
        '_submission._tcp.example.org. IN SRV 10 1 587 mx.example.org.',
        '_jmap._tcp.example.org. IN SRV 0 0 0 .',
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
        '_jmap._tcp.example.org 0 0 0 .',
      ],
    );
  });

  it('where set-up is served, mail programs find it', () => {
    const lines = formatRecords(recordsToPublish({ ...facts, setUp: true })).split('\n');
    assert.deepEqual(
      lines.filter((line) => /^_?auto/.test(line)).map((line) => line.replace(/ +/g, ' ')),
      [
        'autoconfig.example.org. IN CNAME mx.example.org.',
        'autodiscover.example.org. IN CNAME mx.example.org.',
        '_autodiscover._tcp.example.org. IN SRV 0 1 443 mx.example.org.',
      ],
    );
  });
});
