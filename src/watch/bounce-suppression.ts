// Puts addresses that do not exist on the list of those that get nothing from here (policy/suppressions.ts), where the
// configuration says so: who goes on writing to them is taken for a spammer. RFC 3463 §3.2.

import type { Clock } from '../base/clock.ts';
import { stackOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import { addSuppression, findSuppression } from '../policy/suppressions.ts';
import type { HistoryEvent, HistoryStore } from '../store/history.ts';
import type { RecordStore } from '../store/record-store.ts';

export interface BounceSuppressionParts {
  readonly records: RecordStore;
  readonly history: Pick<HistoryStore, 'record'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  /** In milliseconds; 0: none is suppressed. */
  readonly forMs: () => number;
}

/** Limit: what is noted of the reply. */
const noteLengthMax = 500;

/** What a host says of a mailbox that is not there, moved away, or is of a domain without mail (RFC 7505 §4.2). */
const isNoMailbox = (reply: string): boolean => /^5\d\d 5\.1\.(?:1|6|10)(?: |$)/.test(reply);

export class BounceSuppression {
  readonly #parts: BounceSuppressionParts;
  readonly #under = new Set<Promise<void>>();

  constructor(parts: BounceSuppressionParts) {
    this.#parts = parts;
  }

  /** Of other servers alone: who there is here changes from one minute to the next. */
  note(event: HistoryEvent): void {
    if (event.kind !== 'attempt' || event.destination === 'local') return;
    const forMs = this.#parts.forMs();
    if (forMs === 0) return;
    for (const { result, address, reply } of event.results)
      if (result === 'failed' && isNoMailbox(reply))
        this.#begin({ id: event.id, address, reply, forMs });
  }

  /** Resolves when what was begun is on the list. */
  async stop(): Promise<void> {
    await Promise.all(this.#under);
  }

  #begin(bounce: Bounce): void {
    const under = this.#suppress(bounce)
      .catch((error: unknown) => {
        const { id, address: to } = bounce;
        this.#parts.log.warn('address not suppressed', { id, to, error: stackOf(error) });
      })
      .finally(() => this.#under.delete(under));
    this.#under.add(under);
  }

  async #suppress({ id, address, reply, forMs }: Bounce): Promise<void> {
    const { records, history, clock, log } = this.#parts;
    // What an operator has said stays.
    if ((await findSuppression(records, address)) !== undefined) return;
    const since = clock.now();
    const until = since + forMs;
    const note = reply.slice(0, noteLengthMax);
    await addSuppression(records, { address, reason: 'bounce', note, since, expires: until });
    log.info('address suppressed', { id, to: address, reply: note, until });
    history.record({ id, at: since, kind: 'suppressed', address, until });
  }
}

interface Bounce {
  readonly id: string;
  readonly address: string;
  readonly reply: string;
  readonly forMs: number;
}
