// From a route to the hosts to call, each with the security it must have: by MX for a domain (RFC 5321
// §5.1), by address for a host that the operator named. A named host may also be one that only this
// machine knows (its hosts file).

import { isIP } from 'node:net';
import type { Random } from '../../base/random.ts';
import { mxHosts } from '../../dns/mx.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { DnsError } from '../../dns/resolver.ts';
import { domainKey, isAddressLiteral } from '../../mail/fields/address.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import type { HopHost } from './host-walk.ts';
import type { MxRoute, RelayRoute } from './relay-route.ts';
import { tlsOf } from './relay-route.ts';
import type { Dane } from './security/dane.ts';
import { daneOf, tlsaPolicy } from './security/dane.ts';
import type { FoundHost } from './security/security.ts';
import { securityOf } from './security/security.ts';
import type { StsFetchProblem, StsFound, StsPolicySource } from './security/sts.ts';
import { underSts } from './security/sts.ts';

export type HostsFound =
  | {
      readonly kind: 'hosts';
      readonly hosts: readonly HopHost[];
      /** The domain's policy could not be had, or not anew. */
      readonly problem?: StsFetchProblem | undefined;
    }
  /** No mail goes there, ever. */
  | { readonly kind: 'refuse'; readonly reply: Reply }
  /** The DNS has no answer now. */
  | { readonly kind: 'later'; readonly reply: Reply };

export interface HostsParts {
  readonly resolver: Resolver;
  readonly random: Random;
  readonly dane: Dane;
  /** Without it no domain has a policy. */
  readonly policies?: StsPolicySource | undefined;
  readonly ourNames: ReadonlySet<string>;
  /** By port. */
  readonly ourAddresses?: ReadonlyMap<number, ReadonlySet<string>> | undefined;
}

export async function findHosts(
  route: RelayRoute,
  parts: HostsParts,
  hostsMax: number,
): Promise<HostsFound> {
  try {
    const found =
      route.kind === 'mx'
        ? await hostsOfDomain(route, parts, hostsMax)
        : [await namedHost(route, parts.resolver)];
    if ('code' in found) return { kind: 'refuse', reply: found };
    const [hosts, { policy, problem }] = await Promise.all([
      Promise.all(found.map((host) => secured(host, route, parts))),
      stsOf(route, parts),
    ]);
    return { kind: 'hosts', hosts: hosts.map((host) => underSts(host, policy)), problem };
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    // RFC 3463 §3.5: X.4.3, directory server failure.
    const text = error.message.replaceAll(/[\r\n]+/g, ' ');
    return { kind: 'later', reply: reply(451, '4.3', `The DNS gave no answer: ${text}`) };
  }
}

async function secured(host: FoundHost, route: RelayRoute, parts: HostsParts): Promise<HopHost> {
  const found = await daneOf(host, route, parts);
  if (found.kind === 'barred')
    return { ...host, barred: found.barred, tlsPolicies: [tlsaPolicy([])] };
  const { tlsa } = found;
  const security = securityOf(tlsOf(route), host, tlsa);
  if (tlsa === undefined) return { ...host, security };
  return { ...host, security, tlsPolicies: [tlsaPolicy(tlsa.records)] };
}

// RFC 8461 §3.4: address literals have no policy. Whom the operator names is as safe as the route says.
async function stsOf(route: RelayRoute, { policies }: HostsParts): Promise<StsFound> {
  if (policies === undefined || route.kind !== 'mx' || tlsOf(route) === 'none') return {};
  return isAddressLiteral(route.domain) ? {} : policies.policyFor(domainKey(route.domain));
}

async function hostsOfDomain(
  { domain, port = 25 }: MxRoute,
  { resolver, random, ourNames, ourAddresses }: HostsParts,
  hostsMax: number,
): Promise<readonly FoundHost[] | Reply> {
  const ours = { ourNames, ourAddresses: ourAddresses?.get(port) };
  const found = await mxHosts({ domain, resolver, random, hostsMax, ...ours });
  if (found.kind === 'refuse') return found.reply;
  return found.hosts.map(({ name, initialName, canonicalName, addresses, authenticated }) => ({
    ...{ name, initialName, canonicalName, addresses, domains: found.domains },
    authenticity: { name: found.authenticated, addresses: authenticated },
  }));
}

/** What the operator names needs no witness. */
const named = (name: string): FoundHost => ({
  ...{ name, initialName: name, canonicalName: name, addresses: [name], domains: [] },
  authenticity: { name: true, addresses: false },
});

async function namedHost(
  { host, path }: Exclude<RelayRoute, { kind: 'mx' }> & { readonly path?: string | undefined },
  resolver: Resolver,
): Promise<FoundHost> {
  if (path !== undefined || host === undefined) return named(path ?? '');
  const name = /^\[(?:IPv6:)?(.*)\]$/i.exec(host)?.[1] ?? host;
  // A name without a dot is not in the DNS, but perhaps in the machine's hosts file, like
  // `localhost`: dialing by name lets the system look it up.
  if (isIP(name) !== 0 || !name.includes('.')) return named(name);
  const found = await bothFamilies(name, resolver);
  const [four = [], six = []] = found.map((answer) => answer?.records);
  const addresses: string[] = [];
  for (let i = 0; i < Math.max(four.length, six.length); i += 1)
    addresses.push(...six.slice(i, i + 1), ...four.slice(i, i + 1));
  if (addresses.length === 0) return named(name);
  const believed = found.find((answer) => answer?.authenticated);
  const canonicalName = (believed ?? found.find((answer) => answer !== undefined))!.name;
  const authenticity = { name: true, addresses: believed !== undefined };
  return { name, initialName: name, canonicalName, addresses, domains: [], authenticity };
}

/** One family is enough; a temporary failure counts only when the other has nothing either. */
async function bothFamilies(name: string, resolver: Resolver) {
  const answers = await Promise.allSettled([
    resolver.resolve(name, 'A'),
    resolver.resolve(name, 'AAAA'),
  ]);
  const found = answers.map((answer) =>
    answer.status === 'fulfilled' && answer.value.kind === 'records' ? answer.value : undefined,
  );
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (failed !== undefined && found.every((answer) => answer === undefined)) throw failed.reason;
  return found;
}
