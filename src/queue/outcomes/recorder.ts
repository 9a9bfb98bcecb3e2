// Writes outcomes down. While the store fails they are kept in memory and tried again, oldest first
// and one alone, until it works: what was delivered is not delivered again because the disk was full.

import type { Clock } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import type { QueueStore, Settlement } from '../../store/queue-store.ts';

export interface RecorderParts {
  readonly store: Pick<QueueStore, 'settle'>;
  readonly clock: Clock;
  readonly log: Log;
  /** After each outcome, whatever came of it. `nextDue` as it was given to record(). */
  readonly onDone: (settlement: Settlement, nextDue: number | undefined) => void;
  /**
   * The store failed, nothing waits to be recorded, and it is time to see whether it works: to be
   * answered by worked() or failed(), or by neither, then it is asked again.
   */
  readonly onProbe: () => void;
}

interface Unrecorded {
  readonly settlement: Settlement;
  readonly nextDue: number | undefined;
  tries: number;
}

interface Trouble {
  readonly waiting: Unrecorded[];
  delayMs: number;
  cancel: (() => void) | undefined;
}

const retryMsFirst = 1000;
const retryMsMax = 30_000;
/** Limit: how often an outcome is recorded anew after errors that are not the disk's. */
const triesMax = 5;

export class Recorder {
  readonly #parts: RecorderParts;
  #pending = 0;
  #trouble: Trouble | undefined;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  /** Outcomes not recorded yet. */
  get pending(): number {
    return this.#pending;
  }

  get failing(): boolean {
    return this.#trouble !== undefined;
  }

  record(settlement: Settlement, nextDue: number | undefined): void {
    this.#pending += 1;
    this.#try({ settlement, nextDue, tries: 0 });
  }

  /** Something else found the store failing. */
  failed(error: unknown): void {
    if (this.#trouble === undefined) {
      this.#parts.log.error('queue store fails', { error: stackOf(error) });
      this.#trouble = { waiting: [], delayMs: retryMsFirst, cancel: undefined };
    }
    this.#retryLater();
  }

  /** Something else found the store working. */
  worked(): void {
    const trouble = this.#trouble;
    if (trouble === undefined) return;
    this.#trouble = undefined;
    trouble.cancel?.();
    this.#parts.log.info('queue store works again', { outcomes: trouble.waiting.length });
    for (const unrecorded of trouble.waiting) this.#try(unrecorded);
  }

  #try(unrecorded: Unrecorded): void {
    this.#parts.store.settle(unrecorded.settlement).then(
      (recorded) => this.#recorded(unrecorded, recorded),
      (error) => this.#notRecorded(unrecorded, error),
    );
  }

  #recorded({ settlement, nextDue }: Unrecorded, recorded: boolean): void {
    this.#pending -= 1;
    // Somebody else holds it now, and will record what comes of it.
    if (!recorded) this.#parts.log.warn('lease lost', { id: settlement.message });
    this.worked();
    this.#parts.onDone(settlement, nextDue);
  }

  #notRecorded(unrecorded: Unrecorded, error: unknown): void {
    unrecorded.tries += 1;
    if (error instanceof StorageError || unrecorded.tries < triesMax) {
      if (this.#trouble === undefined) this.failed(error);
      else this.#retryLater();
      this.#trouble?.waiting.push(unrecorded);
      return;
    }
    // The lease runs out and the message is tried again: perhaps twice, never lost.
    const { settlement, nextDue } = unrecorded;
    this.#parts.log.error('outcome not recorded', {
      id: settlement.message,
      error: stackOf(error),
    });
    this.#pending -= 1;
    this.#parts.onDone(settlement, nextDue);
  }

  /** The store may work again by what somebody has heard: it is seen at once, not when its time comes. */
  hurry(): void {
    const trouble = this.#trouble;
    // Something is tried already.
    if (trouble?.cancel === undefined) return;
    trouble.cancel();
    trouble.delayMs = retryMsFirst;
    this.#retry(trouble);
  }

  #retryLater(): void {
    const trouble = this.#trouble;
    if (trouble === undefined || trouble.cancel !== undefined) return;
    trouble.cancel = this.#parts.clock.after(trouble.delayMs, () => this.#retry(trouble));
  }

  #retry(trouble: Trouble): void {
    trouble.cancel = undefined;
    trouble.delayMs = Math.min(trouble.delayMs * 2, retryMsMax);
    const first = trouble.waiting.shift();
    if (first === undefined) {
      this.#retryLater();
      this.#parts.onProbe();
    } else this.#try(first);
  }
}
