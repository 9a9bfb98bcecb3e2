// What a mail domain has to publish in the DNS, for `init` to print and `check --dns` to compare (dns.ts).

import { addressOctets, reverseName } from '../../base/ip-address.ts';
import type { KeyRecord } from '../../trust/dkim-keys.ts';

export interface DnsAdvice {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'MX' | 'TXT' | 'SRV' | 'PTR' | 'TLSA' | 'CNAME';
  readonly value: string;
  readonly why: string;
}

export interface DnsFacts {
  readonly hostname: string;
  readonly domain: string;
  /** Ports of submission with TLS from the first byte and by STARTTLS, where there are any. */
  readonly submissions: number | undefined;
  readonly submission: number | undefined;
  /** Port of IMAP with TLS from the first byte. */
  readonly imaps?: number | undefined;
  /** Port of POP3 with TLS from the first byte. */
  readonly pop3s?: number | undefined;
  /** Public addresses of this machine. */
  readonly addresses: readonly string[];
  /** Of the certificate in force, as a zone file has it. */
  readonly tlsa?: string | undefined;
  /** What announces our MTA-STS policy, where it is served. */
  readonly sts?: string | undefined;
  /** Set-up of mail programs is served over HTTPS on port 443. */
  readonly setUp?: boolean | undefined;
  /** Of the keys that sign for the domain. */
  readonly keys?: readonly KeyRecord[] | undefined;
}

/** RFC 9989 §4.7: p=none reports only; tighten it when the reports look right. */
export const dmarcAdvice = (domain: string): string =>
  `v=DMARC1; p=none; rua=mailto:postmaster@${domain}`;

export function recordsToPublish(facts: DnsFacts): readonly DnsAdvice[] {
  const { hostname, domain, addresses } = facts;
  const host: DnsAdvice[] = addresses.map((address) => ({
    name: hostname,
    type: address.includes(':') ? 'AAAA' : 'A',
    value: address,
    why: 'where this machine is',
  }));
  return [
    ...host,
    ...addresses.flatMap((address) => reverseOf(address, hostname)),
    { name: domain, type: 'MX', value: `10 ${hostname}.`, why: 'mail for the domain comes here' },
    // RFC 7208 §3: who may send for the domain.
    {
      name: domain,
      type: 'TXT',
      value: 'v=spf1 mx -all',
      why: 'only this server sends for the domain',
    },
    { name: hostname, type: 'TXT', value: 'v=spf1 a -all', why: 'bounces come from the host name' },
    ...(facts.keys ?? []).map((key) => ({ ...key, why: 'mail is signed by it' })),
    {
      name: `_dmarc.${domain}`,
      type: 'TXT',
      value: dmarcAdvice(domain),
      why: 'reports on who sends in your name; later p=quarantine',
    },
    // RFC 8460 §3
    {
      name: `_smtp._tls.${domain}`,
      type: 'TXT',
      value: `v=TLSRPTv1; rua=mailto:postmaster@${domain}`,
      why: 'reports on connections that could not be encrypted',
    },
    ...policyOf(facts),
    ...certificateOf(facts),
    ...services(facts),
    ...setUpOf(facts),
    // RFC 8620 §2.2, RFC 2782: the target `.` says that the service is not to be had.
    {
      name: `_jmap._tcp.${domain}`,
      type: 'SRV',
      value: '0 0 0 .',
      why: 'there is no JMAP here, so that mail programs need not look for it',
    },
  ];
}

// Field: Thunderbird and its kin ask `autoconfig.`, Outlook and phones `autodiscover.` or the service record.
function setUpOf({ domain, hostname, setUp = false }: DnsFacts): DnsAdvice[] {
  if (!setUp) return [];
  const why = 'mail programs set themselves up from there; the certificate has to name it, too';
  const alias = { type: 'CNAME', value: `${hostname}.`, why } as const;
  return [
    { name: `autoconfig.${domain}`, ...alias },
    { name: `autodiscover.${domain}`, ...alias },
    {
      name: `_autodiscover._tcp.${domain}`,
      type: 'SRV',
      value: `0 1 443 ${hostname}.`,
      why: 'Outlook and phones find the set-up by it, whatever the certificate names',
    },
  ];
}

// RFC 8461 §3.1, §3.2
function policyOf({ domain, hostname, sts }: DnsFacts): DnsAdvice[] {
  if (sts === undefined) return [];
  return [
    { name: `_mta-sts.${domain}`, type: 'TXT', value: sts, why: 'others send only encrypted' },
    {
      name: `mta-sts.${domain}`,
      type: 'CNAME',
      value: `${hostname}.`,
      why: 'where they fetch the policy; the certificate has to name it, too',
    },
  ];
}

// RFC 7672 §3.1.1. It vouches for the key: with another one, nobody who looks at it sends mail here.
function certificateOf({ hostname, tlsa }: DnsFacts): DnsAdvice[] {
  if (tlsa === undefined) return [];
  const why =
    'only where the zone is signed (DNSSEC): others then send mail to this key alone, so renew the certificate with the same';
  return [{ name: `_25._tcp.${hostname}`, type: 'TLSA', value: tlsa, why }];
}

/** It is not in the domain's own zone: whoever gave the address publishes it. */
function reverseOf(address: string, hostname: string): DnsAdvice[] {
  const octets = addressOctets(address);
  if (octets === undefined) return [];
  const why = 'whoever gave you the address publishes this; many refuse mail without it';
  return [{ name: reverseName(octets), type: 'PTR', value: `${hostname}.`, why }];
}

// RFC 6186 §3.1, RFC 8314 §5.1: so that mail programs configure themselves.
function services({
  domain,
  hostname,
  submission,
  submissions,
  imaps,
  pop3s,
}: DnsFacts): DnsAdvice[] {
  const why = 'mail programs find the server by it';
  const ports: [string, number | undefined][] = [
    ['_submissions', submissions],
    ['_submission', submission],
    ['_imaps', imaps],
    ['_pop3s', pop3s],
  ];
  return ports.flatMap(([service, port], index) =>
    port === undefined
      ? []
      : [
          {
            name: `${service}._tcp.${domain}`,
            type: 'SRV' as const,
            value: `${index * 10} 1 ${port} ${hostname}.`,
            why,
          },
        ],
  );
}

/** As a zone file has them. */
export function formatRecords(records: readonly DnsAdvice[]): string {
  const width = Math.max(...records.map(({ name }) => name.length)) + 2;
  return records
    .map(({ name, type, value, why }) => {
      const text = type === 'TXT' ? characterStrings(value) : value;
      return `; ${why}\n${`${name}.`.padEnd(width)} IN ${type.padEnd(4)} ${text}\n`;
    })
    .join('');
}

/** RFC 1035 §3.3.14: several of at most 255 octets, which readers put together. */
const characterStrings = (value: string): string =>
  (value.match(/.{1,255}/g) ?? ['']).map((part) => `"${part}"`).join(' ');
