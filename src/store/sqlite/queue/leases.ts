// Who holds which recipients, in memory: the embedded store has the queue to itself, so a lease that
// its process does not survive needs no row. Rows of leased recipients have no due time; when the
// store is opened they all fall due again.

import { TransientMap } from '../../../base/transient-map.ts';
import type { Work } from '../work.ts';

interface Held {
  readonly key: number;
  readonly expires: number;
  readonly indexes: Set<number>;
}

export class Leases {
  readonly #held = new TransientMap<number, Held>();
  readonly #work: Work;
  #fence: number;
  /** No lease expires before this. */
  #nextExpiry = Number.POSITIVE_INFINITY;

  /** `epoch` grows with every opening, so that fences of an earlier life never fit. */
  constructor(work: Work, epoch: number) {
    this.#work = work;
    this.#fence = epoch * 2 ** 32;
  }

  grant(key: number, indexes: Iterable<number>, expires: number): number {
    this.#fence += 1;
    const fence = this.#fence;
    this.adopt(fence, key, { indexes, expires });
    return fence;
  }

  /** A lease that was given elsewhere, under a fence that is none of ours. */
  adopt(
    fence: number,
    key: number,
    { indexes, expires }: { readonly indexes: Iterable<number>; readonly expires: number },
  ): void {
    this.#held.set(fence, { key, expires, indexes: new Set(indexes) });
    this.#nextExpiry = Math.min(this.#nextExpiry, expires);
    this.#work.undo(() => this.#held.delete(fence));
  }

  holds(key: number, fence: number, index: number): boolean {
    const held = this.#held.get(fence);
    return held?.key === key && held.indexes.has(index);
  }

  drop(fence: number, index: number): void {
    const held = this.#held.get(fence);
    if (!held?.indexes.delete(index)) return;
    if (held.indexes.size === 0) this.#held.delete(fence);
    this.#work.undo(() => {
      held.indexes.add(index);
      this.#held.set(fence, held);
    });
  }

  /** Takes out and returns what has expired. */
  expire(now: number): readonly { readonly key: number; readonly indexes: readonly number[] }[] {
    if (now < this.#nextExpiry) return [];
    const expired: Held[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const fence of this.#held.keys()) {
      const held = this.#held.get(fence)!;
      if (held.expires > now) {
        next = Math.min(next, held.expires);
        continue;
      }
      expired.push(held);
      this.#held.delete(fence);
      this.#work.undo(() => {
        this.#held.set(fence, held);
        this.#nextExpiry = Math.min(this.#nextExpiry, held.expires);
      });
    }
    this.#nextExpiry = next;
    return expired.map(({ key, indexes }) => ({ key, indexes: [...indexes] }));
  }

  /** When the next lease expires, if there is one. */
  nextExpiry(): number | undefined {
    return this.#held.size === 0 ? undefined : this.#nextExpiry;
  }
}
