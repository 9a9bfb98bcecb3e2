// The leases of this process, as far as its memory needs them: when the next one ends, in which session each was
// taken, and which recipients it must not know: of a claim whose answer was lost nobody knows. The rows say who has what.

import { messageKey } from '../../message-key.ts';
import type { Lease } from '../../queue-store.ts';

export class OwnLeases {
  /** By the message's key: how many of its recipients are ours, and until when. */
  readonly #held = new Map<number, { expires: number; recipients: number }>();
  readonly #sessions = new WeakMap<Lease, number>();
  #next = Number.POSITIVE_INFINITY;
  #mayMiss = false;
  #unknown: ReadonlySet<string> = new Set();

  /** Claimed in this session of the node. */
  add(leases: readonly Lease[], session: number): void {
    for (const lease of leases) {
      const { message, recipients, expires } = lease;
      this.#sessions.set(lease, session);
      const key = messageKey(message.id);
      const held = this.#held.get(key);
      this.#held.set(key, {
        expires: Math.min(expires, held?.expires ?? expires),
        recipients: recipients.length + (held?.recipients ?? 0),
      });
      this.#next = Math.min(this.#next, expires);
    }
  }

  drop(id: string, recipients: number): void {
    const key = messageKey(id);
    const held = this.#held.get(key);
    if (held === undefined) return;
    held.recipients -= recipients;
    if (held.recipients <= 0) this.#held.delete(key);
  }

  /** When the next one ends, or sooner; undefined when there is none. */
  nextExpiry(): number | undefined {
    return this.#held.size === 0 ? undefined : this.#next;
  }

  /** Those that have ended by now are nobody's; true when there were any. */
  expire(now: number): boolean {
    if (now < this.#next) return false;
    let next = Number.POSITIVE_INFINITY;
    let any = false;
    for (const [key, { expires }] of this.#held)
      if (expires <= now) any = this.#held.delete(key);
      else next = Math.min(next, expires);
    this.#next = next;
    return any;
  }

  /** Claimed in another session, or by nobody here. */
  isLost(lease: Lease, session: number): boolean {
    return this.#sessions.get(lease) !== session;
  }

  /** A claim failed, and may have happened all the same. */
  failed(): void {
    this.#mayMiss = true;
  }

  /** Whether there is something to look for; asked once, it is so no more. */
  takeDoubt(): boolean {
    const mayMiss = this.#mayMiss;
    this.#mayMiss = false;
    return mayMiss;
  }

  /**
   * Of the recipients that the database says are ours, those that are not, and were not at the last look either: what
   * was under way then is over by now. The others are in doubt still.
   */
  missed<Claimed extends ClaimedRecipient>(claimed: readonly Claimed[]): readonly Claimed[] {
    const counts = new Map<number, number>();
    for (const { message } of claimed) counts.set(message, (counts.get(message) ?? 0) + 1);
    const unknown = claimed.filter(
      ({ message }) => counts.get(message)! > (this.#held.get(message)?.recipients ?? 0),
    );
    // While some recipients of a message are attempted, it cannot be told which of the others are not.
    const missed = unknown.filter(
      (one) => !this.#held.has(one.message) && this.#unknown.has(nameOf(one)),
    );
    this.#unknown = new Set(unknown.map(nameOf));
    if (missed.length < unknown.length) this.#mayMiss = true;
    return missed;
  }
}

export interface ClaimedRecipient {
  /** The message's key. */
  readonly message: number;
  readonly index: number;
  readonly fence: number;
}

const nameOf = ({ message, index, fence }: ClaimedRecipient) => `${message} ${index} ${fence}`;
