// MTA-STS as a host of a domain has it: RFC 8461 §4, §5. Where TLSA records say which certificate is right, nobody
// else has a say (§2). A host that an enforced policy does not name is passed over; one that it names must show a
// certificate for its name. A policy in testing changes nothing, and reports tell what it would have changed.

import type { TlsPolicy, TlsResult } from '../../../report/tls-session.ts';
import { reply } from '../../../smtp/reply.ts';
import { allowsMx } from '../../../trust/mta-sts.ts';
import type { HopHost } from '../host-walk.ts';

/** Plain data: it may come from another thread. */
export interface StsFound {
  /** Undefined where the domain has none, or one that asks for nothing. */
  readonly policy?: StsInForce | undefined;
  /** There should be one, or a newer one, that could not be had. */
  readonly problem?: StsFetchProblem | undefined;
}

export interface StsInForce {
  readonly mode: 'enforce' | 'testing';
  readonly mx: readonly string[];
  /** As TLS reports quote it. */
  readonly lines: readonly string[];
}

export interface StsFetchProblem extends ReportedProblem {
  /** What reports to the domain say in its place: what is in our own network is none of its business. */
  readonly reported?: ReportedProblem;
}

interface ReportedProblem {
  readonly result: Extract<
    TlsResult,
    'sts-policy-fetch-error' | 'sts-policy-invalid' | 'sts-webpki-invalid'
  >;
  readonly reason: string;
}

/** Whoever knows the policies of other domains. */
export interface StsPolicySource {
  /** Takes a minute at the most. Anything thrown means that mail for the domain waits. */
  policyFor(domain: string): Promise<StsFound>;
}

export const stsPolicy = ({ mx, lines }: StsInForce): TlsPolicy => ({
  type: 'sts',
  strings: lines,
  mxHosts: mx,
});

/** The host as the domain's policy wants it. */
export function underSts(host: HopHost, policy: StsInForce | undefined): HopHost {
  if (policy === undefined || host.barred !== undefined) return host;
  const { security, tlsPolicies = [], initialName } = host;
  if (security.kind === 'tlsa' || security.kind === 'none') return host;
  const reported = [...tlsPolicies, stsPolicy(policy)] as const;
  const policies = { tlsPolicies: reported as readonly [TlsPolicy, ...TlsPolicy[]] };
  // RFC 8461 §4.1: the name in the MX record; whatever it is an alias of is nobody's word.
  const allowed = allowsMx(policy, initialName);
  if (policy.mode === 'testing') return { ...host, ...policies, tested: { allowed } };
  if (allowed) return { ...host, ...policies, security: { kind: 'names', names: [initialName] } };
  const { security: _, ...barred } = host;
  // RFC 3463 §3.8: X.7.5, cryptographic failure.
  const said = reply(451, '7.5', `The domain's MTA-STS policy does not allow ${initialName}`);
  return { ...barred, ...policies, barred: { reply: said, result: 'validation-failure' } };
}
