// Token buckets: how often something may happen, for each of many keys. A bucket holds as many tokens as the
// rate allows in its time and fills evenly, so a quiet key may do all of it at once, and nobody more than
// twice as much in the time. Bounded: with more keys than there is room for, the one that was used
// longest ago is forgotten, which forgives it. Time is a parameter.

import { BoundedMap } from './bounded-map.ts';
import type { Clock } from './clock.ts';

/** `count` in any `perMs`. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/** Why something may not happen now. */
export interface Exceeded {
  readonly rate: Rate;
  /** When there will be enough tokens. */
  readonly waitMs: number;
}

interface Bucket {
  /** One number for each rate, in their order. */
  tokens: number[];
  at: number;
}

export class TokenBuckets {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #buckets: BoundedMap<string, Bucket>;

  constructor(clock: Pick<Clock, 'now'>, keysMax: number) {
    this.#clock = clock;
    this.#buckets = new BoundedMap(keysMax);
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes a token of each rate, or none of any and says which rate is exceeded. */
  take(key: string, rates: readonly Rate[]): Exceeded | undefined {
    if (rates.length === 0) return undefined;
    const bucket = this.#filled(key, rates);
    const exceeded = lacking(bucket, rates);
    if (exceeded === undefined) for (const i of rates.keys()) bucket.tokens[i]! -= 1;
    return exceeded;
  }

  /** The same look, without taking. */
  look(key: string, rates: readonly Rate[]): Exceeded | undefined {
    if (rates.length === 0 || this.#buckets.get(key) === undefined) return undefined;
    return lacking(this.#filled(key, rates), rates);
  }

  /** It did not happen after all. */
  giveBack(key: string, rates: readonly Rate[], tokens = 1): void {
    if (this.#buckets.get(key) === undefined) return;
    const bucket = this.#filled(key, rates);
    for (const [i, { count }] of rates.entries())
      bucket.tokens[i] = Math.min(count, bucket.tokens[i]! + tokens);
  }

  /** As if nothing had happened. */
  forget(key: string): void {
    this.#buckets.delete(key);
  }

  /** With what has come in since the last look. Rates that a reload has brought begin full. */
  #filled(key: string, rates: readonly Rate[]): Bucket {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(key) ?? { tokens: [], at: now };
    const passedMs = now - bucket.at;
    bucket.tokens = rates.map(({ count, perMs }, i) =>
      Math.min(count, (bucket.tokens[i] ?? count) + (passedMs * count) / perMs),
    );
    bucket.at = now;
    this.#buckets.set(key, bucket);
    return bucket;
  }
}

function lacking({ tokens }: Bucket, rates: readonly Rate[]): Exceeded | undefined {
  let worst: Exceeded | undefined;
  for (const [i, rate] of rates.entries()) {
    if (tokens[i]! >= 1 - epsilon) continue;
    const waitMs = Math.ceil(((1 - tokens[i]!) * rate.perMs) / rate.count);
    if (worst === undefined || waitMs > worst.waitMs) worst = { rate, waitMs };
  }
  return worst;
}

/** Whoever waits as long as it was told finds a token, however fractions were rounded. */
const epsilon = 1e-6;
