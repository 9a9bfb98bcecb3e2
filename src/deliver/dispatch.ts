// The one door to delivery: looks up where a lease's destination leads and hands it to whoever
// delivers there.

import { unreachable } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Deliver, DeliveryResult, RecipientResult } from '../queue/delivery.ts';
import { isLate } from '../smtp/envelope-requests.ts';
import { deliverByPassed } from '../smtp/extensions/deliver-by.ts';
import { reply } from '../smtp/reply.ts';
import { ContentError } from '../store/content.ts';
import type { Lease } from '../store/queue-store.ts';
import type { Router } from './route.ts';

export interface DeliveryParts {
  readonly router: Pick<Router, 'routeOfDestination'>;
  /** Our mailboxes, or Maildir folders. */
  readonly local: Deliver;
  readonly relay: Deliver;
  /** Mail that is fetched (ATRN). */
  readonly onDemand?: Deliver | undefined;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

const discarded: RecipientResult = {
  kind: 'delivered',
  reply: reply(250, '0.0', 'Discarded, as its route says'),
};
// RFC 3463 §3.5: X.4.4, unable to route. The routes changed: it will be given a new one.
const noRoute: RecipientResult = {
  kind: 'deferred',
  reply: reply(451, '4.4', 'No route leads to the destination at present'),
};

// RFC 2852 §4.1.3: "no further delivery attempts may be made for the message".
const tooLate: RecipientResult = { kind: 'failed', reply: deliverByPassed, remote: false };

/** Before anybody hears of the message: its file may be gone. */
async function faultOf(check: () => Promise<void>): Promise<ContentError | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    if (error instanceof ContentError) return error;
    throw error;
  }
}

export function createDelivery(parts: DeliveryParts): Deliver {
  const { router, local, relay, onDemand, clock, log } = parts;
  return async (lease, signal) => {
    if (isLate(lease.message, clock)) return forAll(lease, tooLate);
    const route = router.routeOfDestination(lease.destination);
    if (route === undefined) return forAll(lease, noRoute);
    const { check } = lease.message.content;
    const fault = check && (await faultOf(check));
    if (fault !== undefined) {
      log.error('content-damaged', { id: lease.message.id, error: fault.message });
      return forAll(lease, { kind: 'deferred', reply: fault.reply });
    }
    switch (route.kind) {
      case 'local':
        return local(lease, signal);
      case 'discard':
        return forAll(lease, discarded);
      case 'atrn':
        return onDemand?.(lease, signal) ?? forAll(lease, noRoute);
      case 'mx':
      case 'host':
      case 'lmtp':
        return relay(lease, signal);
      default:
        return unreachable(route);
    }
  };
}

const forAll = ({ recipients }: Lease, result: RecipientResult): DeliveryResult => ({
  recipients: recipients.map(() => result),
  health: 'ok',
});
