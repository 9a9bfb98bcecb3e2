// From what an attempt came to, to what is recorded of it: outcomes and effects in one settlement, its story in the
// history, and the reports it calls for, which are made first.

import type { Log } from '../../base/log.ts';
import type { Histogram } from '../../base/metrics.ts';
import type { Random } from '../../base/random.ts';
import { startOf } from '../../smtp/envelope-requests.ts';
import type { Lease, QueuedMessage, Settlement } from '../../store/queue-store.ts';
import type { RecipientResult, Skipped } from '../delivery.ts';
import type { Lineup } from '../line/lineup.ts';
import type { Report } from '../reports/bounce.ts';
import { recordDerived, recordUntold } from '../story/diary.ts';
import type { MessageTracer } from '../story/message-tracer.ts';
import type { Outcomes, RetrySettings } from './outcomes.ts';
import { outcomesOf } from './outcomes.ts';
import type { Recorder } from './recorder.ts';
import type { ReportingParts } from './reporting.ts';
import { reportExpansion, withReports } from './reporting.ts';
import { logResults, measureDeliveries } from './result-log.ts';

export interface ConclusionsParts extends ReportingParts {
  readonly random: Random;
  readonly log: Log;
  /** Seconds from coming in to delivery. */
  readonly deliverySeconds?: Histogram | undefined;
  readonly settings: RetrySettings;
  readonly tracer?: MessageTracer | undefined;
}

export interface ConclusionsContext {
  /** Where the content of leases is counted. */
  readonly lineup: Pick<Lineup, 'drop'>;
  readonly recorder: Pick<Recorder, 'record'>;
}

export class Conclusions {
  readonly #parts: ConclusionsParts;
  readonly #context: ConclusionsContext;
  #reporting = 0;

  constructor(parts: ConclusionsParts, context: ConclusionsContext) {
    this.#parts = parts;
    this.#context = context;
  }

  /** Reports that are being made. */
  get reporting(): number {
    return this.#reporting;
  }

  /** From results to a settlement. Without a duration nothing was attempted. */
  conclude(
    lease: Lease,
    given: readonly (RecipientResult | Skipped)[],
    durationMs: number | undefined,
  ): void {
    const { clock, settings, random, history, log, deliverySeconds, tracer } = this.#parts;
    const { message, destination } = lease;
    const now = clock.now();
    const concluded = outcomesOf(lease, given, { now, settings, random });
    const { results, reports, untold, nextDue } = concluded;
    const { id } = message;
    history.record({ id, at: now, kind: 'attempt', destination, durationMs, results });
    logResults(log, lease, results, durationMs);
    if (tracer !== undefined && durationMs !== undefined)
      tracer.attempted(lease, results, { from: now - durationMs, to: now });
    if (deliverySeconds !== undefined)
      measureDeliveries(deliverySeconds, results, now - startOf(message));
    if (untold !== undefined) recordUntold(history, id, now, untold);
    if (concluded.effects.length > 0) recordDerived(history, message, concluded.effects);
    if (reports.length === 0) this.#settle(lease, concluded, nextDue);
    else void this.#settleWithReports(lease, concluded);
  }

  /** Tells the sender that addresses were expanded; `queued` is the message, if the caller has it. */
  async reportExpansion(
    id: string,
    report: Report,
    queued: QueuedMessage | undefined,
  ): Promise<void> {
    this.#reporting += 1;
    await reportExpansion(id, report, queued, this.#parts);
    this.#reporting -= 1;
  }

  async #settleWithReports(lease: Lease, concluded: Outcomes): Promise<void> {
    this.#reporting += 1;
    const reported = await withReports(lease.message, concluded, this.#parts);
    this.#reporting -= 1;
    this.#settle(lease, reported, reported.nextDue);
  }

  #settle(
    lease: Lease,
    { outcomes, effects }: Pick<Settlement, 'outcomes' | 'effects'>,
    nextDue: number | undefined,
  ): void {
    const { lineup, recorder } = this.#context;
    lineup.drop(lease);
    recorder.record({ message: lease.message.id, outcomes, effects }, nextDue);
  }
}
