// Leases on the way to a relay: what the queue calls for every destination that is somebody else's.

import type { Deliver, DeliveryResult, RecipientResult } from '../../queue/delivery.ts';
import type { TlsSession } from '../../report/tls-session.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import type { Lease, LeasedRecipient, Origin, QueuedMessage } from '../../store/queue-store.ts';
import { createRelay } from './create-relay.ts';
import type { HopMessage } from './next-hop.ts';
import type { Relay, RelayLease, RelayOptions } from './relay.ts';
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

/** What becomes of a message on its way out, beside what its hop asks for. */
export interface OnTheWay {
  /** Whether a message is ours to vouch for. */
  readonly signs?: Signs | undefined;
  /** How mail is sent on that an alias leads elsewhere; undefined: as it came. */
  readonly forwarded?: Forwarded | undefined;
  /** The sender under which a message of ours goes; undefined: as it came. */
  readonly tagged?: Tagged | undefined;
}

/** @param original the alias, as RCPT named it. */
export type Forwarded = (message: QueuedMessage, original: string) => Promise<SentOnAs>;

/** In wire form; undefined where the message is not ours, or keeps its sender. */
export type Tagged = (message: QueuedMessage) => Promise<string | undefined>;

export type SentOnAs = Pick<HopMessage, 'sender' | 'seal'>;

/** Leases to where their routes lead now. LMTP is delivery, not relaying: nobody looks at signatures behind it. */
export function deliveryBy(relay: Relay, routeOf: RouteOf, onTheWay: OnTheWay = {}): RelayDelivery {
  const deliver = (lease: Lease, signal: AbortSignal): Promise<DeliveryResult> => {
    const route = routeOf(lease.destination);
    if (route === undefined || !isRelayRoute(route))
      return Promise.resolve(allDeferred(lease, noRoute));
    const attempt = (part: RelayLease) => relay.attempt(part, route, signal);
    if (route.kind === 'lmtp') return attempt(lease);
    const plain = plainly(lease, onTheWay);
    return plain === undefined ? attemptParts(lease, onTheWay, attempt) : attempt(plain);
  };
  return Object.assign(deliver, { close: () => relay.close() });
}

type Part = Pick<Lease, 'destination' | 'recipients'> & {
  readonly message: HopMessage & { id: string };
};

/** Nearly always: under its own name, to everybody; undefined where that has to be looked at. */
function plainly(lease: Lease, { signs, forwarded, tagged }: OnTheWay): RelayLease | undefined {
  const { message, recipients } = lease;
  if (tagged !== undefined) return undefined;
  if (forwarded !== undefined && recipients.some(({ original }) => original !== undefined))
    return undefined;
  return signs?.(message.origin) === true
    ? { ...lease, message: { ...message, sign: true } }
    : lease;
}

async function attemptParts(
  lease: Lease,
  onTheWay: OnTheWay,
  attempt: (part: Part) => Promise<DeliveryResult>,
): Promise<DeliveryResult> {
  return together(lease, await partsOf(lease, onTheWay), attempt);
}

/** As many as there are names under which the message goes to these recipients: nearly always one. */
async function partsOf(
  lease: Lease,
  { signs, forwarded, tagged }: OnTheWay,
): Promise<readonly Part[]> {
  const { message } = lease;
  const sign = signs?.(message.origin) === true;
  const sender = tagged === undefined ? undefined : await tagged(message);
  if (sender !== undefined) return [{ ...lease, message: { ...message, sign, sender } }];
  const own = sign ? { ...lease, message: { ...message, sign } } : lease;
  return forwarded === undefined ? [own] : forwardedParts(own, forwarded);
}

/** Also what we vouch for may be of a sender elsewhere: a network of ours sends for others, too. */
async function forwardedParts(lease: Lease, forwarded: Forwarded): Promise<readonly Part[]> {
  const { message, recipients, destination } = lease;
  if (recipients.every(({ original }) => original === undefined)) return [lease];
  const parts = new Map<string, Part & { recipients: LeasedRecipient[] }>();
  for (const recipient of recipients) {
    const { original } = recipient;
    const as = original === undefined ? undefined : await forwarded(message, original);
    const key = as === undefined ? '' : `${as.sender} ${as.seal?.domain}`;
    const part = parts.get(key);
    if (part !== undefined) part.recipients.push(recipient);
    else parts.set(key, { destination, message: { ...message, ...as }, recipients: [recipient] });
  }
  return [...parts.values()];
}

/** One after the other, so that they share a connection; their results as one, in the order of the lease. */
async function together(
  { message, recipients }: Lease,
  parts: readonly Part[],
  attempt: (part: Part) => Promise<DeliveryResult>,
): Promise<DeliveryResult> {
  const results = new Map<LeasedRecipient, RecipientResult>();
  const sessions: TlsSession[] = [];
  let health: DeliveryResult['health'] = 'ok';
  for (const part of parts) {
    const { sender } = part.message;
    const result = await attempt(part);
    if (sender === message.sender && parts.length === 1) return result;
    for (const [i, recipient] of part.recipients.entries())
      results.set(
        recipient,
        sentOn(result.recipients[i]!, sender === message.sender ? undefined : sender),
      );
    if (result.health !== 'ok') health = result.health;
    if (result.sessions !== undefined) sessions.push(...result.sessions);
  }
  return { recipients: recipients.map((recipient) => results.get(recipient)!), health, sessions };
}

const sentOn = (result: RecipientResult, sender: string | undefined): RecipientResult =>
  sender === undefined ? result : { ...result, facts: { ...result.facts, sender } };

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
