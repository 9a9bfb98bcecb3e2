// Everything that others find out about this server in the DNS: what there is to publish, and what is published. For
// `check --dns`, and for whoever asks the server that runs.

import type { Config } from '../../config/config.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { domainKey } from '../../mail/fields/address.ts';
import type { KeyRecord } from '../../trust/dkim-keys.ts';
import { KeyFilesError, keyDirectory, readIndex, recordOf } from '../../trust/dkim-keys.ts';
import { daneFindings } from './dane.ts';
import { dkimDnsFindings } from './dkim.ts';
import { checkDns } from './dns.ts';
import { dnsblFindings } from './dnsbl.ts';
import type { Finding } from './finding.ts';
import { publicFacts } from './public-facts.ts';
import type { DnsAdvice } from './records.ts';
import { recordsToPublish } from './records.ts';
import { checkResolver } from './resolver.ts';
import { stsFindings } from './sts.ts';

/** `obtained`: chains that an authority gave us, in PEM. */
export type CheckedConfig = Config & { readonly obtained: readonly string[] };

/** Never throws: what the DNS does not answer now is a finding. */
export async function publishedFindings(
  config: CheckedConfig,
  resolver: Resolver,
): Promise<readonly Finding[]> {
  const { answers, findings } = await checkResolver(config, resolver);
  if (!answers) return findings;
  return [
    ...findings,
    ...(await checkDns({ ...publicFacts(config), domains: config.domains }, resolver)),
    ...(await dkimDnsFindings(config, resolver)),
    ...(await daneFindings(config, resolver)),
    ...(await dnsblFindings(config, resolver)),
    ...(await stsFindings(config, resolver)),
  ];
}

/** What each domain of ours has to publish; the first also what is the server's. */
export function publishedRecords(
  config: CheckedConfig,
): readonly { readonly domain: string; readonly records: readonly DnsAdvice[] }[] {
  const facts = publicFacts(config);
  // Of subdomains in general there is no one name.
  const domains = config.domains.filter((domain) => !domain.startsWith('.')).map(domainKey);
  return domains.map((domain, i) => {
    const records = recordsToPublish({ ...facts, domain, keys: keysOf(config, domain) });
    const own = records.filter(
      ({ name, type }) => i === 0 || !isServers(name, type, facts.hostname),
    );
    return { domain, records: own };
  });
}

/** Its addresses, their names, and what vouches for its certificate. */
const isServers = (name: string, type: DnsAdvice['type'], hostname: string): boolean =>
  name === hostname || type === 'PTR' || type === 'TLSA';

/** Those that sign, or will. What cannot be read is told of by `check`. */
function keysOf({ dkim, dataDirectory }: Config, domain: string): readonly KeyRecord[] {
  if (!dkim.sign) return [];
  const directory = keyDirectory(dataDirectory);
  try {
    return readIndex(directory)
      .filter((entry) => entry.domain === domain && entry.state !== 'retired')
      .map((entry) => recordOf(directory, entry));
  } catch (error) {
    if (error instanceof KeyFilesError) return [];
    throw error;
  }
}
