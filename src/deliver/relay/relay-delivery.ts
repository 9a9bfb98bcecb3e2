// Leases on the way to a relay: what the queue calls for every destination that is somebody else's.

import type { Deliver, DeliveryResult } from '../../queue/delivery.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import type { Lease, Origin } from '../../store/queue-store.ts';
import { createRelay } from './create-relay.ts';
import type { Relay, RelayOptions } from './relay.ts';
import type { RelayRoute } from './relay-route.ts';

export interface RelayDeliveryOptions extends RelayOptions {
  readonly routeOf: RouteOf;
}

/** Whether a message is ours to vouch for. */
export type Signs = (origin: Origin) => boolean;

export interface RelayDelivery extends Deliver {
  /** Says goodbye on idle connections; those at work follow when they are done. */
  close(): Promise<void>;
}

/** Where a destination leads; anything that is no relay's route defers. */
export type RouteOf = (destination: string) => RelayRoute | { readonly kind: string } | undefined;

export const createRelayDelivery = ({ routeOf, ...options }: RelayDeliveryOptions) =>
  deliveryBy(createRelay(options), routeOf);

/** Leases to where their routes lead now. LMTP is delivery, not relaying: nobody looks at signatures behind it. */
export function deliveryBy(relay: Relay, routeOf: RouteOf, signs?: Signs): RelayDelivery {
  const deliver = (lease: Lease, signal: AbortSignal): Promise<DeliveryResult> => {
    const route = routeOf(lease.destination);
    if (route === undefined || !isRelayRoute(route))
      return Promise.resolve(allDeferred(lease, noRoute));
    const { message } = lease;
    if (signs === undefined || route.kind === 'lmtp' || !signs(message.origin))
      return relay.attempt(lease, route, signal);
    return relay.attempt({ ...lease, message: { ...message, sign: true } }, route, signal);
  };
  return Object.assign(deliver, { close: () => relay.close() });
}

const isRelayRoute = (route: { readonly kind: string }): route is RelayRoute =>
  route.kind === 'mx' || route.kind === 'host' || route.kind === 'lmtp';

// RFC 3463 §3.5: X.4.4, unable to route.
const noRoute = reply(451, '4.4', 'There is no route to this destination any more');

function allDeferred(lease: Lease, said: Reply): DeliveryResult {
  return {
    recipients: lease.recipients.map(() => ({ kind: 'deferred', reply: said })),
    health: 'ok',
  };
}
