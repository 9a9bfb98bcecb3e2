// What an attempt came to, in the log (a line for each recipient) and in the metrics.

import type { Log } from '../../base/log.ts';
import type { Histogram } from '../../base/metrics.ts';
import type { AttemptResult } from '../../store/history.ts';
import type { Lease } from '../../store/queue-store.ts';
import { destinationText } from '../destination-text.ts';
import { whyUntold } from '../reports/bounce.ts';

/** `ms`: how long the attempt took; undefined if there was none. */
export function logResults(
  log: Log,
  lease: Lease,
  results: readonly AttemptResult[],
  ms: number | undefined,
): void {
  const { id, sender } = lease.message;
  for (const [at, { address, result, reply: said, host, until, note }] of results.entries()) {
    const fields = { id, to: address, host, reply: said, reason: note, ms };
    if (result === 'delivered' || result === 'relayed') log.info(result, fields);
    else if (result === 'deferred') log.info(result, { ...fields, until });
    else if (result === 'skipped') {
      const destination = destinationText(lease.destination);
      log.info('not tried', { id, to: address, destination, reason: said, until });
    } else {
      const { params } = lease.recipients[at]!;
      const untold = whyUntold(sender, params, { action: 'failed' });
      log.warn(untold === undefined ? 'bounced' : 'dropped', { ...fields, from: sender, untold });
    }
  }
}

/** How long messages took from coming in, or from when they might leave, to delivery; `tookMs` for this one. */
export function measureDeliveries(
  seconds: Histogram,
  results: readonly AttemptResult[],
  tookMs: number,
): void {
  for (const { result } of results)
    if (result === 'delivered' || result === 'relayed') seconds.observe(tookMs / 1000);
}
