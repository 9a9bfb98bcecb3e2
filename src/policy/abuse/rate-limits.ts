// How often a client may connect and send: by the client's network (an IPv4 /24, an IPv6 /64) and by the domain
// that they say they send for. What a transaction has taken of a rate is given back when nothing comes of it.
// What exceeds a rate is refused for now, never for good. Several nodes count together, within a second or two.

import type { Clock } from '../../base/clock.ts';
import { formatDuration } from '../../base/duration-text.ts';
import type { Exceeded, Rate } from '../../base/token-buckets.ts';
import { TokenBuckets } from '../../base/token-buckets.ts';
import { domainKey } from '../../mail/fields/address.ts';
import { clientNetwork, wideNetwork } from '../../net/client-network.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import type { TellOthers } from '../../store/nodes.ts';
import type { ClientFacts } from '../envelope.ts';
import type { Policy, PolicyAnswer, Reservation } from '../policy.ts';
import { tellOfRates } from './told-rates.ts';

/** The names of the configuration's `rateLimits`. */
export interface StrangerRates {
  readonly connectionsPerClient: readonly Rate[];
  readonly messagesPerClient: readonly Rate[];
  readonly recipientsPerClient: readonly Rate[];
  readonly messagesPerSenderDomain: readonly Rate[];
}

export interface RateLimitsParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly rates: () => StrangerRates;
  readonly tellOthers?: TellOthers | undefined;
}

/** Limit: networks, and domains, that are counted; some ten megabytes when all are. */
const keysMax = 20_000;

export function rateLimits({ clock, rates, tellOthers }: RateLimitsParts): Policy {
  const connections = new TokenBuckets(clock, keysMax);
  const messages = new TokenBuckets(clock, keysMax);
  const recipients = new TokenBuckets(clock, keysMax);
  const domains = new TokenBuckets(clock, keysMax);
  const all = {
    ...{ connectionsPerClient: connections, messagesPerClient: messages },
    ...{ recipientsPerClient: recipients, messagesPerSenderDomain: domains },
  };
  for (const [name, buckets] of Object.entries(all))
    tellOfRates(tellOthers, name, { buckets, rates: () => rates()[name as keyof typeof all] });
  return {
    name: 'rate-limits',
    connect(client) {
      const exceeded = connections.take(networkOf(client), rates().connectionsPerClient);
      return exceeded && { objection: tooManyConnections(exceeded) };
    },
    mail({ client, sender }) {
      const { messagesPerClient, messagesPerSenderDomain } = rates();
      const network = networkOf(client);
      const exceeded = messages.take(network, messagesPerClient);
      if (exceeded !== undefined) return { objection: tooManyMessages(exceeded) };
      const taken = [() => messages.giveBack(network, messagesPerClient)];
      const domain = sender === null ? undefined : domainKey(sender.domain);
      if (domain !== undefined && messagesPerSenderDomain.length > 0) {
        const over = domains.take(domain, messagesPerSenderDomain);
        if (over !== undefined) {
          taken[0]!();
          return { objection: tooManyFromDomain(over) };
        }
        taken.push(() => domains.giveBack(domain, messagesPerSenderDomain));
      }
      return holding(taken);
    },
    rcpt({ client }) {
      const { recipientsPerClient } = rates();
      if (recipientsPerClient.length === 0) return undefined;
      const network = networkOf(client);
      const exceeded = recipients.take(network, recipientsPerClient);
      return exceeded === undefined
        ? holding([() => recipients.giveBack(network, recipientsPerClient)])
        : { objection: tooManyRecipients(exceeded) };
    },
  };
}

export const networkOf = ({ remote }: Pick<ClientFacts, 'remote'>): string =>
  wideNetwork(clientNetwork(remote.address));

const holding = (giveBack: readonly (() => void)[]): PolicyAnswer => {
  const reservation: Reservation = {
    release: () => {
      for (const back of giveBack) back();
    },
  };
  return { reservation };
};

/** `300 in 1h` */
export const rateText = ({ count, perMs }: Rate): string => `${count} in ${formatDuration(perMs)}`;

export const inSeconds = (waitMs: number): string => `${Math.ceil(waitMs / 1_000)} s`;

// RFC 3463 §3.8: X.7.1. RFC 5321 §4.2.3: 450 where the mailbox cannot be had at present.
const tooManyConnections = ({ rate, waitMs }: Exceeded): Reply =>
  reply(
    421,
    '7.1',
    `Too many connections, at most ${rateText(rate)}: again in ${inSeconds(waitMs)}`,
  );
const tooManyMessages = ({ rate, waitMs }: Exceeded): Reply =>
  reply(450, '7.1', `Too many messages, at most ${rateText(rate)}: again in ${inSeconds(waitMs)}`);
const tooManyRecipients = ({ rate, waitMs }: Exceeded): Reply =>
  reply(
    450,
    '7.1',
    `Too many recipients, at most ${rateText(rate)}: again in ${inSeconds(waitMs)}`,
  );
const tooManyFromDomain = ({ rate, waitMs }: Exceeded): Reply =>
  reply(
    450,
    '7.1',
    `Too many messages of this domain, at most ${rateText(rate)}: again in ${inSeconds(waitMs)}`,
  );
