// `check --dns` and MTA-STS: whether others find our policy. The record is compared with the policy of the
// configuration, and the policy is fetched as a stranger would fetch it, over HTTPS from where the DNS leads.
// RFC 8461 §3.

import type { Config } from '../../config/config.ts';
import { ownStsPolicy } from '../../config/own-sts-policy.ts';
import type { StsFetchParts } from '../../deliver/relay/security/fetch-sts-policy.ts';
import { fetchStsPolicy } from '../../deliver/relay/security/fetch-sts-policy.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { DnsError } from '../../dns/resolver.ts';
import { domainKey } from '../../mail/fields/address.ts';
import {
  allowsMx,
  formatStsRecord,
  parseStsPolicy,
  parseStsRecords,
  policyUrl,
} from '../../trust/mta-sts.ts';
import type { Finding } from './finding.ts';
import { failure, ok, warning } from './finding.ts';

export type StsFacts = Pick<Config, 'mtaSts' | 'hostname' | 'domains' | 'listeners'>;

/** Never throws. `request`: how the policy hosts are reached, in tests. */
export async function stsFindings(
  facts: StsFacts,
  resolver: Resolver,
  request: StsFetchParts['request'] = {},
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const domain of facts.domains)
    if (!domain.startsWith('.'))
      try {
        findings.push(...(await findingsFor(domainKey(domain), facts, { resolver, request })));
      } catch (error) {
        if (!(error instanceof DnsError)) throw error;
        const text = `_mta-sts.${domain}: the DNS gives no answer now (${error.detail}); try again`;
        findings.push(failure('', text));
      }
  return findings;
}

async function findingsFor(
  domain: string,
  facts: StsFacts,
  asking: StsFetchParts,
): Promise<readonly Finding[]> {
  const name = `_mta-sts.${domain}`;
  const answer = await asking.resolver.resolve(name, 'TXT');
  const texts = answer.kind === 'records' ? answer.records : [];
  const announced = parseStsRecords(texts);
  const wanted = formatStsRecord(ownStsPolicy(facts));
  const served = facts.listeners.some(({ service }) => service === 'http');
  if (announced === undefined) {
    if (texts.some((text) => text.startsWith('v=STSv1')))
      return [failure('', `${name} is no record that others can read: publish \`"${wanted}"\``)];
    const how = served
      ? `publish \`"${wanted}"\`, with mta-sts.${domain} leading to an \`http\` listener on port 443`
      : `add a listener { service: 'http', port: 443 } for mta-sts.${domain}, then publish \`"${wanted}"\``;
    return [
      warning('', `${name} has no record, so others may be made to send in the clear: ${how}`),
    ];
  }
  const url = policyUrl(domain);
  const fetched = await fetchStsPolicy(domain, asking);
  if (typeof fetched === 'object')
    return [failure('', `${url} is of no use to others: ${fetched.reason}`)];
  return compared(fetched, { domain, announced, facts });
}

interface Published {
  readonly domain: string;
  /** The id in the DNS. */
  readonly announced: string;
  readonly facts: StsFacts;
}

/** The policy that others find, and what it should be. */
function compared(fetched: string, { domain, announced, facts }: Published): readonly Finding[] {
  const url = policyUrl(domain);
  const read = parseStsPolicy(fetched);
  if ('problem' in read) return [];
  const ours = ownStsPolicy(facts);
  const wanted = formatStsRecord(ours);
  const name = `_mta-sts.${domain}`;
  const findings: Finding[] = [];
  if (!allowsMx(read, domainKey(facts.hostname)) && read.mode !== 'none')
    findings.push(failure('', `${url} does not name ${facts.hostname}: others send no mail here`));
  // Somebody else may serve it: then the record is theirs, too.
  if (fetched !== ours)
    findings.push(warning('', `${url} is not the policy of this configuration: ${read.mode}`));
  else if (announced !== parseStsRecords([wanted]))
    findings.push(
      failure(
        '',
        `${name} has the id of another policy, so others keep to that: publish \`"${wanted}"\``,
      ),
    );
  if (findings.length > 0) return findings;
  const next =
    read.mode === 'testing' ? "; when reports look right, `mtaSts: { mode: 'enforce' }`" : '';
  return [ok('', `${name}: the policy is found, mode ${read.mode}${next}`)];
}
