// Leases on the way to a relay: what the queue calls for every destination that is somebody else's.

import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { Deliver, DeliveryResult, RecipientResult } from '../../queue/delivery.ts';
import type { TlsSession } from '../../report/tls-session.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import { replyFor } from '../../smtp/smtp-error.ts';
import type { Lease, LeasedRecipient, Origin, QueuedMessage } from '../../store/queue-store.ts';
import type { HopMessage } from './next-hop.ts';
import type { Relay, RelayLease } from './relay.ts';
import type { RelayRoute } from './relay-route.ts';

/** Whether a message is ours to vouch for. */
export type Signs = (origin: Origin) => boolean;

export interface RelayDelivery extends Deliver {
  /** What was found dead is worth another try. */
  forget(): void;
  /** Says goodbye on idle connections; those at work follow when they are done. */
  close(): Promise<void>;
}

/** Where a destination leads; anything that is no relay's route defers. */
export type RouteOf = (destination: string) => RelayRoute | { readonly kind: string } | undefined;

/** What becomes of a message on its way out, beside what its hop asks for. */
export interface OnTheWay {
  /** Whether a message is ours to vouch for. */
  readonly signs?: Signs | undefined;
  /** How mail is sent on that an alias leads elsewhere; undefined: as it came. */
  readonly forwarded?: Forwarded | undefined;
  /** The sender under which a message of ours goes; undefined: as it came. */
  readonly tagged?: Tagged | undefined;
  readonly log?: Pick<Log, 'error'> | undefined;
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
    const vouched = vouchedFor(lease, onTheWay);
    // Nearly always: under its own name, to everybody. Then a promise less.
    return mayBeRenamed(lease, onTheWay)
      ? partsOf(vouched, onTheWay).then((parts) =>
          together(lease, parts, { attempt, log: onTheWay.log }),
        )
      : attempt(vouched);
  };
  return Object.assign(deliver, {
    forget: () => relay.forget(),
    close: () => relay.close(),
  });
}

/** A lease, with what becomes of its message on the way. */
type Part = Pick<Lease, 'destination' | 'recipients'> & {
  readonly message: QueuedMessage & Pick<HopMessage, 'sign' | 'seal'>;
};

const vouchedFor = (lease: Lease, { signs }: OnTheWay): Part =>
  signs?.(lease.message.origin) === true
    ? { ...lease, message: { ...lease.message, sign: true } }
    : lease;

const mayBeRenamed = ({ recipients }: Lease, { forwarded, tagged }: OnTheWay): boolean =>
  tagged !== undefined ||
  (forwarded !== undefined && recipients.some(({ original }) => original !== undefined));

/** As many as there are names under which the message goes to these recipients. */
async function partsOf(part: Part, { forwarded, tagged }: OnTheWay): Promise<readonly Part[]> {
  const sender = tagged === undefined ? undefined : await tagged(part.message);
  if (sender !== undefined) return [{ ...part, message: { ...part.message, sender } }];
  return forwarded === undefined ? [part] : forwardedParts(part, forwarded);
}

/** Also what we vouch for may be of a sender elsewhere: a network of ours sends for others, too. */
async function forwardedParts(
  { message, recipients, destination }: Part,
  forwarded: Forwarded,
): Promise<readonly Part[]> {
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

/**
 * One after the other, so that they share a connection; their results as one, in the order of the lease. Where one
 * breaks off, the others have their mail already: only its own recipients come again.
 */
async function together(
  { message, recipients }: Lease,
  parts: readonly Part[],
  {
    attempt,
    log,
  }: Pick<OnTheWay, 'log'> & { readonly attempt: (part: Part) => Promise<DeliveryResult> },
): Promise<DeliveryResult> {
  const results = new Map<LeasedRecipient, RecipientResult>();
  const sessions: TlsSession[] = [];
  let health: DeliveryResult['health'] = 'ok';
  for (const part of parts) {
    const { sender } = part.message;
    const result = await attempt(part).catch((error: unknown) => {
      if (results.size === 0) throw error;
      log?.error('delivery broke off', { id: message.id, error: stackOf(error) });
      return allDeferred(part, replyFor(error));
    });
    for (const [i, recipient] of part.recipients.entries()) {
      const one = result.recipients[i]!;
      results.set(recipient, sender === message.sender ? one : sentOn(one, sender));
    }
    if (result.health !== 'ok') health = result.health;
    if (result.sessions !== undefined) sessions.push(...result.sessions);
  }
  return { recipients: recipients.map((recipient) => results.get(recipient)!), health, sessions };
}

const sentOn = (result: RecipientResult, sender: string): RecipientResult => ({
  ...result,
  facts: { ...result.facts, sender },
});

const isRelayRoute = (route: { readonly kind: string }): route is RelayRoute =>
  route.kind === 'mx' || route.kind === 'host' || route.kind === 'lmtp';

// RFC 3463 §3.5: X.4.4, unable to route.
const noRoute = reply(451, '4.4', 'There is no route to this destination any more');

function allDeferred(lease: Pick<Lease, 'recipients'>, said: Reply): DeliveryResult {
  return {
    recipients: lease.recipients.map(() => ({ kind: 'deferred', reply: said })),
    health: 'ok',
  };
}
