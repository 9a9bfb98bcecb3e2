// The leases of this process, as far as its memory needs them: when the next one ends. The rows say who has what.

import { messageKey } from '../../message-key.ts';
import type { Lease } from '../../queue-store.ts';

export class OwnLeases {
  /** By the message's key: how many of its recipients are ours, and until when. */
  readonly #held = new Map<number, { expires: number; recipients: number }>();
  #next = Number.POSITIVE_INFINITY;

  add(leases: readonly Lease[]): void {
    for (const { message, recipients, expires } of leases) {
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
}
