// `check --dns` and the lists that clients are looked up in: whether each is one, by the entries that every
// list must have and must not have, and whether it answers us. RFC 5782 §5.

import { addressOctets } from '../../base/ip-address.ts';
import type { Config } from '../../config/config.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { DnsError } from '../../dns/resolver.ts';
import type { DnsList } from '../../policy/abuse/dnsbl.ts';
import { askList } from '../../policy/abuse/dnsbl.ts';
import type { Finding } from './finding.ts';
import { ok, warning } from './finding.ts';

const listed = addressOctets('127.0.0.2')!;
const notListed = addressOctets('127.0.0.1')!;

export const dnsblFindings = (
  { dnsbl }: Pick<Config, 'dnsbl'>,
  resolver: Resolver,
): Promise<Finding[]> =>
  Promise.all(
    dnsbl.lists.map(async (list, i) => {
      const path = `dnsbl.lists[${i}]`;
      const problem = await problemOf(list, resolver);
      return problem === undefined
        ? ok(path, `${list.zone} answers`)
        : warning(path, `${list.zone} ${problem}`);
    }),
  );

async function problemOf(
  { zone, weight }: DnsList,
  resolver: Resolver,
): Promise<string | undefined> {
  try {
    const test = await askList({ zone }, listed, resolver);
    if (test.kind === 'refusing')
      return `answers ${test.reply}, which is no listing: most lists refuse public resolvers; ask by one of your own`;
    // Lists of clients to trust often have no test entry.
    if (test.kind === 'clear' && weight > 0)
      return 'does not list 127.0.0.2, as every list must: is the name right?';
    const other = await askList({ zone }, notListed, resolver);
    return other.kind === 'listed' ? 'lists 127.0.0.1, so it may list everybody' : undefined;
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    return `cannot be asked: ${error.detail}`;
  }
}
