// What all filters have in common: whose mail they see, what becomes of it when they do not answer, and
// how it is told who decided what. A filter that fails is never the message's end: it is taken without,
// or the client comes again.

import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Finding } from '../../mail/finding.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import type { ClientFacts } from '../envelope.ts';
import { entersHere } from '../envelope.ts';
import type { FilterAnswer } from '../policy.ts';

export interface FilterSettings {
  /** For `why`, the log and metrics. */
  readonly name: string;
  /** What becomes of mail when the filter cannot say anything about it. */
  readonly onFailure: 'accept' | 'tempfail';
  /** Whose: of those who log in, of everybody else, or of both. */
  readonly mail: 'all' | 'incoming' | 'submitted';
}

export type FilterResult =
  | 'accepted'
  | 'changed'
  | 'junk'
  | 'refused'
  | 'deferred'
  | 'held'
  | 'discarded'
  | 'failed';

/** How a filter tells what it does. */
export interface FilterReports {
  readonly log: Log;
  readonly clock: Pick<Clock, 'now'>;
  readonly count: (result: FilterResult) => void;
}

export const filterResults = [
  ...(['accepted', 'changed', 'junk', 'refused', 'deferred', 'held', 'discarded'] as const),
  'failed',
] as const satisfies readonly FilterResult[];

export function concerns({ mail }: Pick<FilterSettings, 'mail'>, client: ClientFacts): boolean {
  return mail === 'all' || (mail === 'submitted') === entersHere(client);
}

// RFC 3463 §3.8: X.7.1, the message is refused for reasons of policy; §3.4: X.3.0.
export const refusedByFilter = reply(550, '7.1', 'The message was refused');
export const deferredByFilter = reply(
  451,
  '7.1',
  'The message cannot be taken now, try again later',
);
export const cannotFilter = reply(451, '3.0', 'The message cannot be checked now, try again later');

/** Limit: how often the log is told that a filter does not answer. */
const tellEveryMs = 60_000;

/** One filter's word, counted and told. */
export class FilterVoice {
  readonly #settings: FilterSettings;
  readonly #reports: FilterReports;
  #toldAt = Number.NEGATIVE_INFINITY;
  #isFailing = false;

  constructor(settings: FilterSettings, reports: FilterReports) {
    this.#settings = settings;
    this.#reports = reports;
  }

  /** What it said of a message. `details`: what it changed, or why it says so. */
  said(result: FilterResult, verdict: string, details: readonly string[] = []): Finding {
    this.works();
    this.#reports.count(result);
    const { name: filter } = this.#settings;
    return {
      ...{ kind: 'filter', filter, verdict },
      ...(result === 'junk' && { junk: true }),
      ...(details.length > 0 && { details: details.slice(0, detailsMax) }),
    };
  }

  /** A refusal is told to the client, and recorded. */
  refuses(objection: Reply, details?: readonly string[]): FilterAnswer {
    const isForGood = objection.code >= 500;
    const verdict = isForGood ? 'refused' : 'refused for now';
    return {
      objection,
      findings: [this.said(isForGood ? 'refused' : 'deferred', verdict, details)],
    };
  }

  /** It could not be asked, or gave no answer that makes sense. */
  failed(problem: string): FilterAnswer {
    const { name: filter, onFailure } = this.#settings;
    this.#reports.count('failed');
    this.#tell(problem);
    const isLater = onFailure === 'tempfail';
    const verdict = isLater ? 'no answer' : 'no answer, taken without it';
    const findings: Finding[] = [{ kind: 'filter', filter, verdict, problem }];
    return isLater ? { objection: cannotFilter, findings } : { findings };
  }

  works(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#reports.log.info('filter answers again', { filter: this.#settings.name });
  }

  #tell(error: string): void {
    const { log, clock } = this.#reports;
    const now = clock.now();
    if (this.#isFailing && now - this.#toldAt < tellEveryMs) return;
    this.#isFailing = true;
    this.#toldAt = now;
    log.warn('filter does not answer', { filter: this.#settings.name, error });
  }
}

/** Limit: what is recorded of one filter and message. */
const detailsMax = 20;
