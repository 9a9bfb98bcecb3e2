// Whether the client's address has a name in the DNS that leads back to it (RFC 8601 §3, iprev). Asked only
// where the answer would change what becomes of the mail, so it costs an honest client nothing.

import type { Clock } from '../../base/clock.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { askedFor } from '../../dns/resolver.ts';
import { sharingNetwork } from '../../net/client-network.ts';
import { checkIprev } from '../../trust/iprev.ts';
import type { Policy } from '../policy.ts';
import { within } from './patience.ts';
import type { SuspicionThresholds } from './suspicion.ts';
import { suspicionOf, wouldMatter } from './suspicion.ts';

export interface ReverseNameParts {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly settings: () => SuspicionThresholds & { readonly noReverseName: number };
}

/** Limit: a client waits for its reply meanwhile. */
const patienceMs = 2_000;
const name = 'reverse-name';

export function reverseName({ resolver, clock, settings }: ReverseNameParts): Policy {
  return {
    name,
    rcpt({ client, findings, recipients }) {
      const { noReverseName, ...thresholds } = settings();
      if (noReverseName === 0 || recipients.length > 0) return undefined;
      if (!wouldMatter(findings, noReverseName, thresholds)) return undefined;
      return look(client.remote.address, noReverseName);
    },
  };

  async function look(address: string, points: number) {
    const asking = askedFor(sharingNetwork(address), resolver);
    const verdict = await within(clock, patienceMs, checkIprev(address, asking));
    // A DNS that does not answer is nobody's fault.
    if (verdict?.result !== 'fail') return undefined;
    const text = 'no name in the DNS leads to this address';
    return { findings: suspicionOf({ points, policy: name, text }) };
  }
}
