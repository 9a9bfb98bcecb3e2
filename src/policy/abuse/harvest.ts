// Whoever tries one name after another to find those that exist (RFC 5321 §7.3). Each refusal of an unknown recipient
// takes a token of the client's network; without tokens left it hears 421, instead of the greeting, at MAIL, and of every
// recipient, whether there is such a one or not, until some have come back. Typing errors, and lists that were not cared for, never get there.

import type { Clock } from '../../base/clock.ts';
import type { Exceeded, Rate } from '../../base/token-buckets.ts';
import { TokenBuckets } from '../../base/token-buckets.ts';
import { reply } from '../../smtp/reply.ts';
import type { TellOthers } from '../../store/nodes.ts';
import type { ClientFacts } from '../envelope.ts';
import type { Policy, PolicyAnswer } from '../policy.ts';
import { inSeconds, networkOf } from './rate-limits.ts';
import { tellOfRates } from './told-rates.ts';

export interface HarvestParts {
  readonly clock: Pick<Clock, 'now'>;
  /** The name of the configuration's `rateLimits`. */
  readonly rates: () => { readonly unknownRecipientsPerClient: readonly Rate[] };
  readonly tellOthers?: TellOthers | undefined;
}

/** Limit: networks that are counted. */
const networksMax = 20_000;

export function harvest({ clock, rates, tellOthers }: HarvestParts): Policy {
  const buckets = new TokenBuckets(clock, networksMax);
  tellOfRates(tellOthers, 'unknownRecipientsPerClient', {
    ...{ buckets, rates: () => rates().unknownRecipientsPerClient },
  });
  const look = (client: ClientFacts): PolicyAnswer | undefined => {
    const exceeded = buckets.look(networkOf(client), rates().unknownRecipientsPerClient);
    return exceeded && { objection: tooManyUnknown(exceeded) };
  };
  return {
    name: 'harvest',
    connect: look,
    mail: ({ client }) => look(client),
    rcpt: ({ client }) => look(client),
    refusedRcpt({ client }, _named, { code, detail }) {
      // RFC 3463 §3.2: X.1.1, there is no such mailbox.
      if (code !== 550 || detail !== '1.1') return undefined;
      const exceeded = buckets.take(networkOf(client), rates().unknownRecipientsPerClient);
      return exceeded && tooManyUnknown(exceeded);
    },
  };
}

// RFC 5321 §3.8: 421 closes the connection. RFC 3463 §3.8: X.7.1.
const tooManyUnknown = ({ waitMs }: Exceeded) =>
  reply(421, '7.1', `Too many unknown recipients: again in ${inSeconds(waitMs)}`);
