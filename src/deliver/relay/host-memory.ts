// What was learned about hosts, shared by all attempts of a relay: which addresses did not answer, whose
// TLS does not work, who offers BDAT in vain, and what security was decided for the hosts of a destination a moment ago.

import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';

/** Limit: hosts, addresses and destinations that are remembered. */
const rememberedMax = 10_000;

/** What a host is remembered by: another port may have another server. */
export const hostKey = (name: string, port: number | undefined): string =>
  port === undefined ? name : `${name}:${port}`;

interface Decision {
  readonly keys: readonly string[];
  readonly until: number;
}

export class HostMemory {
  readonly #clock: Clock;
  readonly #dead = new BoundedMap<string, number>(rememberedMax);
  readonly #plaintext = new BoundedMap<string, number>(rememberedMax);
  readonly #unchunked = new BoundedMap<string, number>(rememberedMax);
  readonly #decided = new BoundedMap<string, Decision>(rememberedMax);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What kept mail away from hosts. What was decided about security stays. */
  forget(): void {
    this.#dead.clear();
    this.#plaintext.clear();
    this.#unchunked.clear();
  }

  /** That nobody answers there has nothing to do with TLS. */
  isDead(address: string): boolean {
    return (this.#dead.get(address) ?? 0) > this.#clock.now();
  }
  died(address: string, forMs: number): void {
    this.#dead.set(address, this.#clock.now() + forMs);
  }
  lives(address: string): void {
    this.#dead.delete(address);
  }

  /** For opportunistic security alone. */
  isPlaintext(host: string): boolean {
    return (this.#plaintext.get(host) ?? 0) > this.#clock.now();
  }
  tlsFailed(host: string, forMs: number): void {
    this.#plaintext.set(host, this.#clock.now() + forMs);
  }

  /** BDAT is offered there, and not known. */
  isUnchunked(host: string): boolean {
    return (this.#unchunked.get(host) ?? 0) > this.#clock.now();
  }
  chunksFailed(host: string, forMs: number): void {
    this.#unchunked.set(host, this.#clock.now() + forMs);
  }

  /** Under which keys open connections are good for this way; undefined when it is to be decided anew. */
  decided(way: string): readonly string[] | undefined {
    const decision = this.#decided.get(way);
    return decision !== undefined && decision.until > this.#clock.now() ? decision.keys : undefined;
  }
  /** The last decision, however old. */
  lastDecided(way: string): readonly string[] {
    return this.#decided.get(way)?.keys ?? [];
  }
  decide(way: string, keys: readonly string[], forMs: number): void {
    this.#decided.set(way, { keys, until: this.#clock.now() + forMs });
  }
}
