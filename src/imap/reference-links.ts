// Who answers whom: step 1 of THREAD=REFERENCES, RFC 5256 §3. Messages and dummies are numbers: rows
// first, in the order of the mailbox, then dummies. Every link is checked against loops.

import type { ThreadRow } from './thread.ts';

/** Limit: messages that are mentioned and not here. */
const dummiesMax = 1_000_000;
/** Limit: steps of all searches for loops together; real mail needs hardly any. */
const stepsMax = 20_000_000;
/** Limit: steps of one search once those are used up. */
const stepsLater = 100;

export class ReferenceLinks {
  readonly #messages: number;
  readonly #byId = new Map<string, number>();
  readonly #parents: number[];
  /** How many children each has: what has none cannot be above anybody. */
  readonly #children: number[];
  #steps = stepsMax;

  constructor(rows: readonly ThreadRow[]) {
    this.#messages = rows.length;
    this.#parents = new Array<number>(rows.length).fill(-1);
    this.#children = new Array<number>(rows.length).fill(0);
    // RFC 5256 §3 (1) (A): of several messages with one identifier the first has it.
    for (const [i, { messageId }] of rows.entries()) {
      if (messageId !== '' && !this.#byId.has(messageId)) this.#byId.set(messageId, i);
    }
    for (const [i, { references }] of rows.entries()) this.#add(i, references);
  }

  get size(): number {
    return this.#parents.length;
  }

  /** -1 for none. */
  parentOf(index: number): number {
    return this.#parents[index]!;
  }

  #add(message: number, references: readonly string[]): void {
    let previous = -1;
    for (const id of references) {
      const current = this.#find(id);
      if (current < 0) continue;
      // RFC 5256 §3 (1) (A): an existing link stays, References may have been truncated.
      if (previous >= 0 && this.#parents[current] === -1) this.#link(previous, current);
      previous = current;
    }
    // RFC 5256 §3 (1) (B): a message itself knows its parent best, if it is only that it has none.
    this.#unlink(message);
    if (previous >= 0) this.#link(previous, message);
  }

  #find(id: string): number {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    if (this.#parents.length - this.#messages >= dummiesMax) return -1;
    const dummy = this.#parents.push(-1) - 1;
    this.#children.push(0);
    this.#byId.set(id, dummy);
    return dummy;
  }

  /** `child` has no parent. */
  #link(parent: number, child: number): void {
    if (parent === child || (this.#children[child]! > 0 && this.#isAbove(child, parent))) return;
    this.#parents[child] = parent;
    this.#children[parent]! += 1;
  }

  #unlink(child: number): void {
    const parent = this.#parents[child]!;
    if (parent < 0) return;
    this.#parents[child] = -1;
    this.#children[parent]! -= 1;
  }

  /** True also where it would take too long to find out: no link is better than a loop. */
  #isAbove(above: number, below: number): boolean {
    let left = Math.max(this.#steps, stepsLater);
    for (let at = below; at >= 0; at = this.#parents[at]!) {
      if (at === above || left === 0) return true;
      left -= 1;
      this.#steps -= 1;
    }
    return false;
  }
}
