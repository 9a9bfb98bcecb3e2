// `check --dns`: what is published compared with what the server needs, and what a receiver would say of its mail:
// whether the reverse name leads back, what SPF says of our addresses, what DMARC asks for. DKIM's keys are
// in dkim.ts.

import type { RecordType, Resolver } from '../../dns/resolver.ts';
import { DnsError } from '../../dns/resolver.ts';
import { domainKey } from '../../mail/fields/address.ts';
import { isDmarcRecord, parseDmarcRecord } from '../../trust/dmarc-record.ts';
import { checkIprev } from '../../trust/iprev.ts';
import { checkSpf as spfVerdict } from '../../trust/spf.ts';
import { isSpfRecord } from '../../trust/spf-record.ts';
import { tlsReportDestinations } from '../../trust/tls-report-record.ts';
import type { Finding } from './finding.ts';
import { failure, ok, warning } from './finding.ts';
import type { DnsAdvice, DnsFacts } from './records.ts';
import { dmarcAdvice, recordsToPublish } from './records.ts';

export interface PublishedFacts extends Omit<DnsFacts, 'domain' | 'keys'> {
  readonly domains: readonly string[];
}

interface Looking extends Omit<DnsFacts, 'keys'> {
  readonly resolver: Resolver;
}

/** Never throws: what the DNS does not answer now is a finding. */
export async function checkDns(
  { domains, ...facts }: PublishedFacts,
  resolver: Resolver,
): Promise<readonly Finding[]> {
  const { hostname } = facts;
  const host = await attempt(hostname, () => checkHost(facts, resolver));
  const sending = [...new Set([...facts.addresses, ...(await addressesOf(hostname, resolver))])];
  const findings = [...host];
  for (const address of sending)
    findings.push(...(await attempt(address, () => checkReverse(address, hostname, resolver))));
  const isDomain = domains.some((domain) => domainKey(domain) === domainKey(hostname));
  // Bounces come from it.
  const looking = { ...facts, domain: domainKey(hostname), addresses: sending, resolver };
  if (!isDomain)
    findings.push(...(await attempt(hostname, () => checkSpf(looking, 'v=spf1 a -all'))));
  for (const domain of domains) {
    if (domain.startsWith('.')) continue; // subdomains in general: there is no one name to ask for
    const looking = { ...facts, domain: domainKey(domain), addresses: sending, resolver };
    for (const check of [checkMx, checkSpf, checkDmarc, checkOthers])
      findings.push(...(await attempt(domain, () => check(looking))));
  }
  return findings;
}

async function attempt(
  name: string,
  check: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    return [failure('', `${name}: the DNS gives no answer now (${error.detail}); try again`)];
  }
}

async function addressesOf(name: string, resolver: Resolver): Promise<readonly string[]> {
  try {
    return [...(await records(name, 'A', resolver)), ...(await records(name, 'AAAA', resolver))];
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    return []; // told already
  }
}

async function records<T extends RecordType>(name: string, type: T, resolver: Resolver) {
  const answer = await resolver.resolve(name, type);
  return answer.kind === 'records' ? answer.records : [];
}

async function checkHost(
  { hostname, addresses }: Pick<DnsFacts, 'hostname' | 'addresses'>,
  resolver: Resolver,
): Promise<readonly Finding[]> {
  const published = [
    ...(await records(hostname, 'A', resolver)),
    ...(await records(hostname, 'AAAA', resolver)),
  ];
  if (published.length === 0)
    return [failure('', `${hostname} has no A or AAAA record: publish this machine's address`)];
  const found = `${hostname} is ${published.join(', ')}`;
  const own = new Set(addresses.map((address) => address.toLowerCase()));
  const isElsewhere = own.size > 0 && !published.some((address) => own.has(address.toLowerCase()));
  return isElsewhere
    ? [warning('', `${found}, and this machine ${addresses.join(', ')}: mail goes there`)]
    : [ok('', found)];
}

/** Field: large receivers refuse mail of an address without a name, or with one that leads elsewhere. */
async function checkReverse(
  address: string,
  hostname: string,
  resolver: Resolver,
): Promise<readonly Finding[]> {
  const { result, name } = await checkIprev(address, resolver);
  if (result === 'temperror')
    return [warning('', `${address}: its reverse name cannot be looked up now; try again`)];
  if (result !== 'pass')
    return [
      failure(
        '',
        `${address} has no reverse name that leads back to it, and many will refuse its mail: let whoever gave you the address publish ${hostname} for it`,
      ),
    ];
  return domainKey(name ?? '') === domainKey(hostname)
    ? [ok('', `${address} is ${name}, and back`)]
    : [warning('', `${address} is called ${name}, not ${hostname}: some receivers mind`)];
}

async function checkMx({ domain, hostname, resolver }: Looking): Promise<readonly Finding[]> {
  const answer = await resolver.resolve(domain, 'MX');
  if (answer.kind === 'no-domain') return [failure('', `${domain} does not exist in the DNS`)];
  if (answer.kind === 'no-records')
    return [failure('', `${domain} has no MX record: publish \`${domain}. MX 10 ${hostname}.\``)];
  const names = [...answer.records]
    .sort((a, b) => a.preference - b.preference)
    .map(({ exchange }) => exchange);
  if (names.includes(''))
    return [failure('', `${domain} has a null MX: it says that it takes no mail (RFC 7505)`)];
  return names.includes(hostname.toLowerCase())
    ? [ok('', `${domain} MX ${names.join(', ')}`)]
    : [warning('', `${domain} MX is ${names.join(', ')}, not ${hostname}: mail goes there`)];
}

/** As a receiver asks: with the address that a connection of ours has. */
async function checkSpf(looking: Looking, advice = 'v=spf1 mx -all'): Promise<readonly Finding[]> {
  const { domain, addresses, resolver } = looking;
  const found = await texts(domain, resolver, isSpfRecord);
  if (found.length === 0)
    return [warning('', `${domain} has no SPF record: publish \`"${advice}"\``)];
  // RFC 7208 §4.5: more than one is an error.
  if (found.length > 1)
    return [failure('', `${domain} has ${found.length} SPF records: only one is allowed`)];
  const findings: Finding[] = [];
  for (const address of addresses) {
    const { result, problem } = await spfOf(address, looking);
    if (result === 'pass') continue;
    const because = problem === undefined ? '' : ` (${problem})`;
    const said = `SPF says ${result}${because} of ${address}, where mail of ${domain} comes from: ${found[0]}`;
    findings.push(result === 'temperror' ? warning('', said) : failure('', said));
  }
  return findings.length > 0 ? findings : [ok('', `${domain} ${found[0]}`)];
}

const spfOf = (address: string, { domain, hostname, resolver }: Omit<Looking, 'addresses'>) =>
  spfVerdict(
    {
      ...{ address, domain, local: 'postmaster' },
      ...{ hello: hostname, receiver: hostname, seconds: 0 },
    },
    resolver,
  );

async function checkDmarc({ domain, resolver }: Looking): Promise<readonly Finding[]> {
  const name = `_dmarc.${domain}`;
  const meant = await texts(name, resolver, (text) => /^[ \t]*v[ \t]*=[ \t]*DMARC1/i.test(text));
  if (meant.length === 0)
    return [warning('', `${name} has no DMARC record: publish \`"${dmarcAdvice(domain)}"\``)];
  const found = meant.filter(isDmarcRecord);
  // RFC 9989 §4.10: of several none counts.
  if (found.length > 1)
    return [failure('', `${name} has ${found.length} DMARC records: none of them counts`)];
  const [record = meant[0]!] = found;
  return parseDmarcRecord(record) === undefined
    ? [failure('', `${name} cannot be read as a DMARC record, so that it is none: ${record}`)]
    : [ok('', `${name} ${record}`)];
}

/** What has no meaning of its own to be judged by is compared word by word. */
async function checkOthers({ resolver, ...facts }: Looking): Promise<readonly Finding[]> {
  const findings: (Finding | undefined)[] = [];
  for (const advice of recordsToPublish(facts)) {
    if (advice.type === 'SRV') findings.push(await checkService(advice, resolver));
    else if (isSetUp(advice)) findings.push(await checkSetUp(advice, facts.addresses, resolver));
    else if (advice.type === 'TXT' && advice.name.startsWith('_smtp._tls.'))
      findings.push(await checkTlsReports(advice, resolver));
  }
  return findings.filter((finding) => finding !== undefined);
}

async function checkService({ name, value, why }: DnsAdvice, resolver: Resolver) {
  const answer = await resolver.resolve(name, 'SRV');
  const published = answer.kind === 'records' ? answer.records : [];
  const [, , port, target] = value.split(' ');
  // A root as the target is a dot with or without another one behind it.
  const same = published.some(
    (one) => `${one.port} ${one.target.replace(/\.$/, '')}.` === `${port} ${target}`,
  );
  if (same) return ok('', `${name} SRV ${target === '.' ? 'says there is none' : 'leads here'}`);
  if (published.length > 0) return warning('', `${name} SRV leads elsewhere: publish \`${value}\``);
  // Saying of a service that there is none spares a question, and misses nobody.
  if (target === '.') return undefined;
  return warning('', `${name} has no SRV record: ${why}; publish \`${value}\``);
}

const isSetUp = ({ type, name }: DnsAdvice): boolean =>
  type === 'CNAME' && /^auto(config|discover)\./.test(name);

/** By whatever way: an address of ours is as good as the alias. */
async function checkSetUp(
  { name, value, why }: DnsAdvice,
  addresses: readonly string[],
  resolver: Resolver,
) {
  const found = await addressesOf(name, resolver);
  const publish = `publish \`${name}. CNAME ${value}\``;
  if (found.length === 0) return warning('', `${name} has no address: ${why}; ${publish}`);
  return found.some((address) => addresses.includes(address))
    ? ok('', `${name} leads here`)
    : warning('', `${name} leads elsewhere: ${publish}`);
}

async function checkTlsReports({ name, value, why }: DnsAdvice, resolver: Resolver) {
  const found = await texts(name, resolver, (text) => /^v=TLSRPTv1\b/.test(text));
  if (found.length === 0)
    return warning('', `${name} has no record: ${why}; publish \`"${value}"\``);
  // RFC 8460 §3: of several none counts.
  if (found.length > 1)
    return failure('', `${name} has ${found.length} records for TLS reports: none of them counts`);
  return tlsReportDestinations(found).length === 0
    ? failure('', `${name} names nobody whom reports about TLS can go to: ${found[0]}`)
    : ok('', `${name} ${found[0]}`);
}

async function texts(
  name: string,
  resolver: Resolver,
  isWanted: (text: string) => boolean,
): Promise<readonly string[]> {
  return (await records(name, 'TXT', resolver)).filter(isWanted);
}
