// `check --dns` and DANE: whether our own TLSA records are those of the certificate in force, without which nobody who
// looks at them sends us mail. RFC 7672 §4.

import type { Config } from '../../config/config.ts';
import { tlsaText } from '../../dns/dane.ts';
import type { Answer, Resolver, TlsaRecord } from '../../dns/resolver.ts';
import { DnsError } from '../../dns/resolver.ts';
import { domainKey } from '../../mail/fields/address.ts';
import { daneEeRecord, isUsable, tlsaProblem } from '../../net/tlsa.ts';
import type { Finding } from './finding.ts';
import { failure, ok, warning } from './finding.ts';
import { ownChain } from './own-certificate.ts';

export type DaneFacts = Pick<Config, 'hostname' | 'domains' | 'tls' | 'dataDirectory'> & {
  /** Chains that an authority gave us, in PEM. */
  readonly obtained?: readonly string[];
};

/** Never throws. */
export async function daneFindings(facts: DaneFacts, resolver: Resolver): Promise<Finding[]> {
  try {
    return await ownFindings(facts, resolver);
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    return [failure('', `DANE: the DNS gives no answer now (${error.detail}); try again`)];
  }
}

/** Limit: of published records that are told. */
const toldMax = 4;

async function ownFindings(facts: DaneFacts, resolver: Resolver): Promise<Finding[]> {
  const hostname = domainKey(facts.hostname);
  const presented = ownChain(facts);
  const [own] = presented;
  if (own === undefined) return [];
  const name = `_25._tcp.${hostname}`;
  const wanted = tlsaText(daneEeRecord(own));
  const published = await resolver.resolve(name, 'TLSA');
  if (published.kind !== 'records')
    return unpublished(await isSigned(hostname, resolver), name, wanted);
  const texts = published.records.slice(0, toldMax).map(tlsaText).join(', ');
  const problem = problemOf(published, { presented, names: [hostname, ...facts.domains] });
  if (problem === undefined)
    return [ok('', `${name} TLSA is of the certificate in force: ${texts}`)];
  return [failure('', `${name} TLSA ${problem}; publish \`${wanted}\`, not ${texts}`)];
}

function unpublished(signed: boolean, name: string, wanted: string): Finding[] {
  if (!signed) return [];
  const text = `${name} has no TLSA record, and the zone is signed: publish \`${wanted}\`, and renew the certificate with the same key`;
  return [warning('', text)];
}

async function isSigned(hostname: string, resolver: Resolver): Promise<boolean> {
  for (const type of ['A', 'AAAA'] as const) {
    const answer = await resolver.resolve(hostname, type);
    if (answer.kind === 'records' && answer.authenticated) return true;
  }
  return false;
}

function problemOf(
  { records }: Extract<Answer<TlsaRecord>, { kind: 'records' }>,
  { presented, names }: Pick<Parameters<typeof tlsaProblem>[0], 'presented' | 'names'>,
): string | undefined {
  if (!records.some(isUsable)) return 'has only records that are of no use between mail servers';
  const problem = tlsaProblem({ presented, records, names, now: Date.now() });
  return problem && `does not match, and others will not send mail here: ${problem.text}`;
}
