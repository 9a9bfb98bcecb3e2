// The leases of this process, as far as its memory needs them: when the next one ends, in which session each was
// taken, and which recipients it must not know: of a claim whose answer was lost nobody knows. The rows say who has what.

import { messageKey } from '../../message-key.ts';
import type { Lease } from '../../queue-store.ts';

/** A claim that was given up may still come to the database as late as this, by a network that was cut, in milliseconds. */
const doubtMs = 5 * 60_000;

export class OwnLeases {
  /** By the message's key: how many of its recipients are ours, and until when. */
  readonly #held = new Map<number, { expires: number; recipients: number }>();
  readonly #sessions = new WeakMap<Lease, number>();
  #next = Number.POSITIVE_INFINITY;
  #session: number | undefined;
  /** Claims are numbered; these are under way. */
  readonly #claiming = new Set<number>();
  #claims = 0;
  /** Until somebody has looked after that: a look that fails, since the line is still cut, ends no doubt. */
  #doubtUntil: number | undefined;
  /** What the database says is ours, and which claim was the last to begin when we saw that. */
  #unknown: ReadonlyMap<string, number> = new Map();

  /** Claimed in this session of the node. */
  add(leases: readonly Lease[], session: number): void {
    this.#begin(session);
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

  /** What claims, and may fail although it happened: then there is doubt for a while. */
  async claiming<T>(claim: () => Promise<T>, now: () => number): Promise<T> {
    this.#claims += 1;
    const number = this.#claims;
    this.#claiming.add(number);
    try {
      return await claim();
    } catch (error) {
      this.#doubtUntil = now() + doubtMs;
      throw error;
    } finally {
      this.#claiming.delete(number);
    }
  }

  /** Whether something may be ours without our knowing. */
  get isInDoubt(): boolean {
    return this.#doubtUntil !== undefined || this.#unknown.size > 0;
  }

  /**
   * Of the recipients that the database says are ours, those that are not, and were not at an earlier look either since
   * when all claims that were under way then have ended. The others are in doubt still. `askedAt`: it was asked no sooner.
   */
  missed<Claimed extends ClaimedRecipient>(
    claimed: readonly Claimed[],
    { session, askedAt }: { readonly session: number; readonly askedAt: number },
  ): readonly Claimed[] {
    this.#begin(session);
    if (this.#doubtUntil !== undefined && askedAt >= this.#doubtUntil) this.#doubtUntil = undefined;
    const counts = new Map<number, number>();
    for (const { message } of claimed) counts.set(message, (counts.get(message) ?? 0) + 1);
    const unknown = claimed.filter(
      ({ message }) => counts.get(message)! > (this.#held.get(message)?.recipients ?? 0),
    );
    const oldest = Math.min(...this.#claiming, Number.POSITIVE_INFINITY);
    // While some recipients of a message are attempted, it cannot be told which of the others are not.
    const missed = unknown.filter((one) => {
      const seen = this.#unknown.get(nameOf(one));
      return seen !== undefined && seen < oldest && !this.#held.has(one.message);
    });
    this.#unknown = new Map(
      unknown.map((one) => [nameOf(one), this.#unknown.get(nameOf(one)) ?? this.#claims]),
    );
    return missed;
  }

  /** What was held in another session is lost. */
  #begin(session: number): void {
    if (session === this.#session) return;
    this.#session = session;
    this.#held.clear();
    this.#next = Number.POSITIVE_INFINITY;
    this.#unknown = new Map();
  }
}

export interface ClaimedRecipient {
  /** The message's key. */
  readonly message: number;
  readonly index: number;
  readonly fence: number;
}

const nameOf = ({ message, index, fence }: ClaimedRecipient) => `${message} ${index} ${fence}`;
