// `rateLimits.perDestination` by the names of the queue's destinations: a domain that mail goes to by MX, or
// the host of a route. Mailboxes, here or behind LMTP, have no rate.

import { BoundedMap } from '../base/bounded-map.ts';
import type { Rate } from '../base/token-buckets.ts';
import { domainKey } from '../mail/fields/address.ts';
import { DomainPatterns } from '../policy/addresses/domain-patterns.ts';
import type { RateOf } from '../queue/line/pace.ts';

type Rates = Readonly<Record<string, Rate>>;

/** Limit: destinations whose rate is remembered. */
const destinationsMax = 10_000;

/** `inForce` gives the same object until another configuration is in force. */
export function destinationRates(inForce: () => Rates): RateOf {
  let rates: Rates | undefined;
  let find: RateOf = () => undefined;
  return (destination) => {
    const now = inForce();
    if (now !== rates) {
      rates = now;
      find = finderIn(now);
    }
    return find(destination);
  };
}

function finderIn(rates: Rates): RateOf {
  const entries = Object.entries(rates);
  if (entries.length === 0) return () => undefined;
  const patterns = new DomainPatterns(entries.map(([pattern]) => pattern));
  const known = new BoundedMap<string, { readonly rate: Rate | undefined }>(destinationsMax);
  return (destination) => {
    let found = known.get(destination);
    if (found === undefined) {
      const name = /^(?:mx:(.*)|host:(.*):\d+#\d+)$/.exec(destination);
      const domain = name?.[1] ?? name?.[2];
      const [best] = domain === undefined ? [] : patterns.matches(domainKey(domain));
      found = { rate: best === undefined ? undefined : entries[best]![1] };
      known.set(destination, found);
    }
    return found.rate;
  };
}
