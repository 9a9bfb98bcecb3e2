// Filters of others, by the configuration in force. A connection keeps those it began with, also when
// a reload brings others.

import { unreachable } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { SharedRoom } from '../base/shared-room.ts';
import { version } from '../base/version.ts';
import type { Config } from '../config/config.ts';
import type { FilterConfig } from '../config/settings/filters.ts';
import type { Resolver } from '../dns/resolver.ts';
import { askedFor } from '../dns/resolver.ts';
import { sharingNetwork } from '../net/client-network.ts';
import { createDialer } from '../net/dialer.ts';
import { httpRequest } from '../net/http-request.ts';
import { clamd } from '../policy/filters/clamd.ts';
import type { FilterReports } from '../policy/filters/filter.ts';
import { milter } from '../policy/filters/milter.ts';
import { rspamd } from '../policy/filters/rspamd.ts';
import type { Policy } from '../policy/policy.ts';
import type { IprevVerdict } from '../trust/iprev.ts';
import { checkIprev } from '../trust/iprev.ts';
import type { ServiceParts } from './service-parts.ts';

/** How long the name of a client is looked for; it waits for its greeting meanwhile. */
const nameMs = 2_000;

/** Limit: octets of messages whose bodies milters are replacing; more of them wait. */
const changedBytesMax = 64 * 2 ** 20;

export function createFilters(
  parts: Pick<ServiceParts, 'inForce' | 'clock' | 'log' | 'metrics'> & {
    readonly resolver: Resolver;
  },
): (config: Config) => readonly Policy[] {
  const { inForce, clock, resolver, log, metrics } = parts;
  const dialer = createDialer();
  const reports: FilterReports = {
    ...{ log, clock },
    count: (result) => metrics.filters[result].add(),
  };
  const common = {
    ...{ dialer, reports, version: `Postrider ${version}` },
    hostname: () => inForce().config.hostname,
    reverseOf: (address: string) => reverseWithin(address, resolver, clock),
    changesBytesMax: () => inForce().config.limits.messageSize,
  };
  const create = (settings: FilterConfig): Policy => {
    switch (settings.kind) {
      case 'milter':
        // One for each: a message that waits for the second has what the first made of it.
        return milter({ settings, room: new SharedRoom(changedBytesMax), ...common });
      case 'clamd':
        return clamd({ settings, clock, ...common });
      case 'rspamd':
        return rspamd({ settings, request: httpRequest, ...common });
      default:
        return unreachable(settings);
    }
  };
  return ({ filters }) => filters.map(create);
}

async function reverseWithin(
  address: string,
  resolver: Resolver,
  clock: Clock,
): Promise<IprevVerdict> {
  const late = Promise.withResolvers<IprevVerdict>();
  const cancel = clock.after(nameMs, () => late.resolve({ result: 'temperror' }));
  try {
    const asking = askedFor(sharingNetwork(address), resolver);
    return await Promise.race([checkIprev(address, asking), late.promise]);
  } finally {
    cancel();
  }
}
