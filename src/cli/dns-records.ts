// What a mail domain has to publish in the DNS, for `init` to print and `check --dns` to compare.

import type { Resolver } from '../dns/resolver.ts';
import { DnsError } from '../dns/resolver.ts';

export interface DnsAdvice {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'MX' | 'TXT' | 'SRV';
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
}

export function recordsToPublish(facts: DnsFacts): readonly DnsAdvice[] {
  const { hostname, domain, addresses } = facts;
  const host: DnsAdvice[] = addresses.map((address) => ({
    name: hostname,
    type: address.includes(':') ? 'AAAA' : 'A',
    value: address,
    why: 'where this machine is; its reverse (PTR) record should name it in turn',
  }));
  return [
    ...host,
    { name: domain, type: 'MX', value: `10 ${hostname}.`, why: 'mail for the domain comes here' },
    // RFC 7208 §3: who may send for the domain.
    {
      name: domain,
      type: 'TXT',
      value: 'v=spf1 mx -all',
      why: 'only this server sends for the domain',
    },
    { name: hostname, type: 'TXT', value: 'v=spf1 a -all', why: 'bounces come from the host name' },
    // RFC 7489 §6.3: p=none reports only; tighten it when the reports look right.
    {
      name: `_dmarc.${domain}`,
      type: 'TXT',
      value: `v=DMARC1; p=none; rua=mailto:postmaster@${domain}`,
      why: 'reports on who sends in your name; later p=quarantine',
    },
    ...services(facts),
  ];
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

export interface DnsFinding {
  readonly state: 'ok' | 'warning' | 'failure';
  readonly text: string;
}

/** Compares what is published with what the server needs. Never throws. */
export async function checkDns(
  facts: Pick<DnsFacts, 'hostname'> & { readonly domains: readonly string[] },
  resolver: Resolver,
): Promise<readonly DnsFinding[]> {
  const findings = [await attempt(facts.hostname, () => checkHost(facts.hostname, resolver))];
  for (const domain of facts.domains) {
    if (domain.startsWith('.')) continue; // subdomains in general: there is no one name to ask for
    findings.push(await attempt(domain, () => checkMx(domain, facts.hostname, resolver)));
    findings.push(await attempt(domain, () => checkSpf(domain, resolver)));
    findings.push(await attempt(domain, () => checkDmarc(domain, resolver)));
  }
  return findings;
}

async function attempt(name: string, check: () => Promise<DnsFinding>): Promise<DnsFinding> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    return {
      state: 'failure',
      text: `${name}: the DNS gives no answer now (${error.message}); try again`,
    };
  }
}

const ok = (text: string): DnsFinding => ({ state: 'ok', text });
const warning = (text: string): DnsFinding => ({ state: 'warning', text });
const failure = (text: string): DnsFinding => ({ state: 'failure', text });

async function checkHost(hostname: string, resolver: Resolver): Promise<DnsFinding> {
  const [a, aaaa] = await Promise.all([
    resolver.resolve(hostname, 'A'),
    resolver.resolve(hostname, 'AAAA'),
  ]);
  const addresses = [a, aaaa].flatMap((answer) =>
    answer.kind === 'records' ? answer.records : [],
  );
  return addresses.length > 0
    ? ok(`${hostname} is ${addresses.join(', ')}`)
    : failure(`${hostname} has no A or AAAA record: publish this machine's address`);
}

async function checkMx(domain: string, hostname: string, resolver: Resolver): Promise<DnsFinding> {
  const answer = await resolver.resolve(domain, 'MX');
  if (answer.kind === 'no-domain') return failure(`${domain} does not exist in the DNS`);
  if (answer.kind === 'no-records')
    return failure(`${domain} has no MX record: publish \`${domain}. MX 10 ${hostname}.\``);
  const names = [...answer.records]
    .sort((a, b) => a.preference - b.preference)
    .map(({ exchange }) => exchange);
  if (names.includes(''))
    return failure(`${domain} has a null MX: it says that it takes no mail (RFC 7505)`);
  return names.includes(hostname.toLowerCase())
    ? ok(`${domain} MX ${names.join(', ')}`)
    : warning(`${domain} MX is ${names.join(', ')}, not ${hostname}: mail goes there`);
}

async function checkSpf(domain: string, resolver: Resolver): Promise<DnsFinding> {
  const found = await texts(domain, resolver, /^v=spf1(?: |$)/i);
  if (found.length === 0)
    return warning(`${domain} has no SPF record: publish \`"v=spf1 mx -all"\``);
  // RFC 7208 §4.5: more than one is an error.
  return found.length === 1
    ? ok(`${domain} ${found[0]}`)
    : failure(`${domain} has ${found.length} SPF records: only one is allowed`);
}

async function checkDmarc(domain: string, resolver: Resolver): Promise<DnsFinding> {
  const found = await texts(`_dmarc.${domain}`, resolver, /^v=DMARC1\b/);
  return found.length === 1
    ? ok(`_dmarc.${domain} ${found[0]}`)
    : warning(`_dmarc.${domain} has no DMARC record: publish \`"v=DMARC1; p=none"\``);
}

async function texts(
  name: string,
  resolver: Resolver,
  pattern: RegExp,
): Promise<readonly string[]> {
  const answer = await resolver.resolve(name, 'TXT');
  return answer.kind === 'records' ? answer.records.filter((text) => pattern.test(text)) : [];
}
