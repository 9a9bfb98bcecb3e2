// The part that this node has of limits that hold for all: which nodes there are is read with each beat, and what
// each says of itself with it.

import type { Shares } from '../nodes.ts';
import type { OtherNode } from '../shares.ts';
import { Division } from '../shares.ts';

/** Limit: names that a node says it has too much of; more, and it names the first. */
const exceedingMax = 1000;

/** What a node says of itself with each beat. */
export interface SaidOfShares {
  /** Among which it divides. */
  readonly members: string;
  /** Where it has more under way than is its part. */
  readonly exceeding: readonly string[];
}

export class NodeShares implements Shares {
  readonly #session: () => number;
  readonly #division = new Division();
  readonly #listeners = new Set<() => void>();
  #exceeding: Parameters<Shares['measure']>[0] = () => [];

  /** `session`: of this node; another one when it begins anew. */
  constructor(session: () => number) {
    this.#session = session;
  }

  get count(): number {
    return Math.max(1, this.#division.members.length);
  }

  of(key: string, limit: number): number {
    return this.#division.of(this.#session(), key, limit);
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  measure(exceeding: Parameters<Shares['measure']>[0]): void {
    this.#exceeding = exceeding;
  }

  /** A new session has had nothing before. */
  begin(): void {
    this.#division.forget();
  }

  /** For the others. */
  said(): SaidOfShares {
    const session = this.#session();
    const partOf = (key: string, limit: number) => this.#division.partOf(session, key, limit);
    const names = this.#exceeding(partOf).slice(0, exceedingMax);
    return { members: this.#division.say(), exceeding: names };
  }

  /** What the others say. True when there is something new to say to them. */
  heard(others: readonly OtherNode[]): boolean {
    const before = this.#division.members;
    if (this.#division.heard(this.#session(), others))
      for (const listener of [...this.#listeners]) listener();
    return this.#division.members.join() !== before.join();
  }
}
