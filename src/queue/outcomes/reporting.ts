// Reports of what became of a message, made and recorded: with the outcomes that they tell of, or after
// aliases were expanded.

import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import { localError } from '../../smtp/smtp-error.ts';
import type { HistoryStore } from '../../store/history.ts';
import type { NewMessage, QueuedMessage, QueueStore } from '../../store/queue-store.ts';
import type { Report, ReportParts } from '../reports/bounce.ts';
import { deliveryReports, reportEffect } from '../reports/bounce.ts';
import { recordReport, recordUntold } from '../story/diary.ts';
import type { Outcomes } from './outcomes.ts';

export interface ReportingParts extends ReportParts {
  readonly store: Pick<QueueStore, 'open' | 'enqueue'>;
  readonly log: Log;
  readonly history: Pick<HistoryStore, 'record'>;
  readonly settings: { readonly retryAfter: readonly number[] };
}

type Recordable = Pick<Outcomes, 'outcomes' | 'effects' | 'nextDue'>;

/**
 * The outcomes, with their reports among the effects. Where a report cannot be made, what failed is recorded as
 * deferred: it is tried again, and reported then.
 */
export async function withReports(
  message: QueuedMessage,
  { outcomes, effects, reports, nextDue }: Outcomes,
  parts: ReportingParts,
): Promise<Recordable> {
  const { log, clock, settings } = parts;
  const made: NewMessage[] = [];
  try {
    for (const report of reports) made.push(...(await recordedReports(message, report, parts)));
    return { outcomes, effects: [...effects, ...made.map(reportEffect)], nextDue };
  } catch (error) {
    log.error('report failed', { id: message.id, error: stackOf(error) });
    const until = clock.now() + settings.retryAfter[0]!;
    const later = { kind: 'deferred', until, reply: localError } as const;
    return {
      outcomes: outcomes.map((one) =>
        one.outcome.kind === 'failed' ? { ...one, outcome: later } : one,
      ),
      effects: [...effects, ...made.map(reportEffect)],
      nextDue: Math.min(until, nextDue ?? until),
    };
  }
}

async function recordedReports(
  message: QueuedMessage,
  report: Report,
  parts: ReportingParts,
): Promise<readonly NewMessage[]> {
  const { history, clock } = parts;
  const made = await deliveryReports(message, report, parts);
  for (const one of made) recordReport(history, message.id, report.action, one);
  if (made.length === 0 && report.action === 'failed')
    recordUntold(history, message.id, clock.now(), 'no-mailbox');
  return made;
}

/**
 * Tells the sender that addresses were expanded. Best effort after the fact: the mail itself is queued and
 * on its way. `queued` is the message, if the caller has it.
 */
export async function reportExpansion(
  id: string,
  report: Report,
  queued: QueuedMessage | undefined,
  parts: ReportingParts,
): Promise<void> {
  const { store, log, history } = parts;
  try {
    const message = queued ?? (await store.open(id));
    const made = message === undefined ? [] : await deliveryReports(message, report, parts);
    for (const one of made) {
      await store.enqueue(one, { leaseUntil: undefined });
      recordReport(history, id, report.action, one);
    }
  } catch (error) {
    log.warn('report failed', { id, error: stackOf(error) });
  }
}
