// Cancelling, as an operator does it: what is not under way leaves the queue, also what waits in the memory of a
// runner, and its sender is told. Works over any QueueStore, whether the server runs or not.

import type { Log } from '../base/log.ts';
import { reply } from '../smtp/reply.ts';
import type { HistoryStore, Untold } from '../store/history.ts';
import type { Lease, NewMessage, QueueStore } from '../store/queue-store.ts';
import type { ReportParts } from './reports/bounce.ts';
import { deliveryReports, reportEffect, whyUntold } from './reports/bounce.ts';
import { recordReport } from './story/diary.ts';
import type { WaitingLine } from './taking-out.ts';
import { noLine } from './taking-out.ts';

export interface CancelParts extends ReportParts {
  readonly store: QueueStore;
  readonly history: Pick<HistoryStore, 'record'>;
  readonly log: Log;
  /** Of the runner in this process, if there is one. */
  readonly line?: WaitingLine | undefined;
}

interface CancelOptions {
  readonly silent?: boolean;
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
  options: CancelOptions = {},
): Promise<number> {
  const { store, clock, line = noLine } = parts;
  const waiting = [...line.takeOut([id])];
  try {
    const taken = await store.take(id, { now: clock.now(), leaseMs: cancelLeaseMs });
    // A claim that was under way may have brought some meanwhile.
    waiting.push(...line.takeOut([id]));
    let recipients = 0;
    for (const lease of [...waiting, ...taken]) {
      recipients += await cancel(parts, lease, options);
      if (lease === waiting[0]) waiting.shift();
    }
    return recipients;
  } catch (error) {
    await line.giveBack(waiting);
    throw error;
  }
}

async function cancel(
  parts: CancelParts,
  lease: Lease,
  { silent = false }: CancelOptions,
): Promise<number> {
  const { store, clock, history } = parts;
  const { id } = lease.message;
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
  if (!settled) return 0;
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
  return addresses.length;
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
