// Cancelling, as an operator does it: what is not under way leaves the queue, and its sender is told.
// Works over any QueueStore, whether the server runs or not.

import type { Log } from '../base/log.ts';
import { reply } from '../smtp/reply.ts';
import type { HistoryStore, Untold } from '../store/history.ts';
import type { Lease, NewMessage, QueueStore } from '../store/queue-store.ts';
import type { ReportParts } from './reports/bounce.ts';
import { deliveryReports, reportEffect, whyUntold } from './reports/bounce.ts';
import { recordReport } from './story/diary.ts';

export interface CancelParts extends ReportParts {
  readonly store: QueueStore;
  readonly history: Pick<HistoryStore, 'record'>;
  readonly log: Log;
}

// RFC 3463 §3.1: X.0.0 ("other") fits an operator's decision; X.7 would say that security was the reason.
const cancelled = reply(554, '0.0', 'Delivery was cancelled by the administrator');
const cancelLeaseMs = 60_000;

/**
 * Removes from the queue whatever of a message is not under way at this moment, and tells the
 * sender unless `silent`. How many recipients. A runner must be woken, if one is in this process.
 */
export async function cancelMessage(
  parts: CancelParts,
  id: string,
  { silent = false }: { readonly silent?: boolean } = {},
): Promise<number> {
  const { store, clock, history } = parts;
  const leases = await store.take(id, { now: clock.now(), leaseMs: cancelLeaseMs });
  let recipients = 0;
  for (const lease of leases) {
    const enqueue = silent ? [] : await cancellationReports(lease, parts);
    const untold = silent || enqueue.length > 0 ? undefined : whyNobody(lease);
    const settled = await store.settle({
      message: id,
      outcomes: lease.recipients.map(({ index, fence }) => ({
        index,
        fence,
        outcome: { kind: 'failed' } as const,
      })),
      effects: enqueue.map(reportEffect),
    });
    if (!settled) continue;
    recipients += lease.recipients.length;
    const addresses = lease.recipients.map(({ address }) => address);
    const event = { id, at: clock.now(), kind: 'cancelled', recipients: addresses } as const;
    history.record({ ...event, silent, untold });
    for (const report of enqueue) recordReport(history, id, 'failed', report);
    parts.log.warn('cancelled', {
      id,
      to: addresses[0],
      recipients: addresses.length,
      silent,
      untold,
    });
  }
  return recipients;
}

function cancellationReports(lease: Lease, parts: CancelParts): Promise<NewMessage[]> {
  const recipients = lease.recipients.map((recipient) => ({
    ...{ recipient, reply: cancelled, remote: false },
  }));
  return deliveryReports(lease.message, { action: 'failed', recipients }, parts);
}

/** No report came of it. */
const whyNobody = ({ message, recipients }: Lease): Untold =>
  recipients
    .map(({ params }) => whyUntold(message.sender, params, { action: 'failed' }))
    .find((reason) => reason !== undefined) ?? 'no-mailbox';
