// Which messages are \Recent to one session: those it was the first to be told of, as ranges of UIDs.
// Of two sessions that look at a folder, each has its own. RFC 3501 §2.3.2.

import { lowerBound } from './folder-rows.ts';

export class RecentUids {
  /** From, inclusive; ascending. */
  readonly #froms: number[] = [];
  /** To, exclusive. */
  readonly #tos: number[] = [];

  get isEmpty(): boolean {
    return this.#froms.length === 0;
  }

  /** UIDs from `from` up to, and without, `to`; not below those of before, as far as they are new. */
  add(from: number, to: number): void {
    if (from >= to) return;
    const last = this.#tos.length - 1;
    if (last >= 0 && from <= this.#tos[last]!) {
      this.#tos[last] = Math.max(this.#tos[last]!, to);
      return;
    }
    this.#froms.push(from);
    this.#tos.push(to);
  }

  has(uid: number): boolean {
    let low = 0;
    let high = this.#froms.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#froms[middle]! <= uid) low = middle + 1;
      else high = middle;
    }
    return low > 0 && uid < this.#tos[low - 1]!;
  }

  /** How many of `uids`, which are ascending. */
  countIn(uids: Uint32Array): number {
    let count = 0;
    for (let i = 0; i < this.#froms.length; i += 1)
      count += lowerBound(uids, this.#tos[i]!) - lowerBound(uids, this.#froms[i]!);
    return count;
  }
}
