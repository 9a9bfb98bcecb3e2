// `check --dns` and the resolver itself: whether it answers at all, without which nothing else is worth asking and all
// mail for other servers waits; and whether what it says of DNSSEC can be believed (RFC 4035 §4.9.3).

import type { Config } from '../../config/config.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { DnsError } from '../../dns/resolver.ts';
import type { Finding } from './finding.ts';
import { failure, ok, warning } from './finding.ts';

export interface ResolverState {
  readonly answers: boolean;
  readonly findings: readonly Finding[];
}

/** The root is signed, so that each answer about what is directly below it can be, too. */
const signedName = 'org';

/** Never throws. */
export async function checkResolver(
  { dane }: Pick<Config, 'dane'>,
  resolver: Resolver,
): Promise<ResolverState> {
  try {
    const { authenticated } = await resolver.resolve(signedName, 'MX');
    const findings = dane.verify ? [believed(authenticated, dane)] : [];
    return { answers: true, findings };
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    const text = `the DNS does not answer (${error.detail}), so that mail for other servers waits, and nothing else was asked here: look at the name server, or at \`dns.servers\``;
    return { answers: false, findings: [failure('dns', text)] };
  }
}

function believed(authenticated: boolean, dane: Config['dane']): Finding {
  if (authenticated) return ok('dns', 'the resolver checks DNSSEC, and is believed');
  const text =
    'no resolver checks DNSSEC here, or none that can be believed: let `dns.servers` name one on this machine (Unbound), or say `dns.validating`';
  return dane.require.length > 0
    ? failure('dns', `${text}; mail for the domains of \`dane.require\` waits`)
    : warning('dns', `${text}; without it mail goes to hosts whose TLSA records nobody looks at`);
}
