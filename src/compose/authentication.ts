// Sender authentication, by the configuration in force.

import type { Config } from '../config/config.ts';
import type { Resolver } from '../dns/resolver.ts';
import { domainKey } from '../mail/fields/address.ts';
import { DomainPatterns } from '../policy/addresses/domain-patterns.ts';
import type { Policy } from '../policy/policy.ts';
import { forgedResults } from '../policy/senders/forged-results.ts';
import type { AuthenticationRules } from '../policy/senders/sender-authentication.ts';
import { senderAuthentication } from '../policy/senders/sender-authentication.ts';
import type { Reports } from './reports.ts';
import type { ServiceParts } from './service-parts.ts';

export interface AuthenticationParts extends Pick<ServiceParts, 'inForce' | 'clock'> {
  readonly resolver: Resolver;
  readonly reports: Pick<Reports, 'judged'>;
}

export function createAuthentication({
  inForce,
  resolver,
  clock,
  reports,
}: AuthenticationParts): readonly Policy[] {
  let known: { readonly config: Config; readonly rules: AuthenticationRules } | undefined;
  const rules = () => {
    const { config } = inForce();
    if (known?.config !== config) known = { config, rules: rulesOf(config) };
    return known.rules;
  };
  const hostname = () => inForce().config.hostname;
  const parts = { resolver, clock, hostname, rules, judged: reports.judged };
  return [forgedResults({ hostname }), senderAuthentication(parts)];
}

function rulesOf({ spf, dkim, dmarc, arc }: Config): AuthenticationRules {
  const overrides = Object.entries(dmarc.overrides);
  const patterns = new DomainPatterns(overrides.map(([pattern]) => pattern));
  return {
    spf: spf.verify,
    dkim: dkim.verify,
    arc: arc.verify,
    dmarc: dmarc.verify,
    obey: dmarc.obey,
    overrides: {
      get: (domain) => overrides[patterns.matches(domain)[0] ?? -1]?.[1],
    },
    trustedSealers: new Set(arc.trustedSealers.map(domainKey)),
  };
}
