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

/** Limit: keys that are told of at once, those first that took most. */
const toldMax = 1000;

/** Limit: keys that are noted in between. */
const notedMax = 20_000;

/** How many tokens were taken of each key. */
export type Taken = readonly (readonly [key: string, tokens: number])[];

export class TokenBuckets {
  /** Since the last taken(), if anybody wants to know. */
  #taken: Map<string, number> | undefined;
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
    if (exceeded !== undefined) return exceeded;
    for (const i of rates.keys()) bucket.tokens[i]! -= 1;
    this.#note(key, 1);
    return undefined;
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
    this.#note(key, -tokens);
  }

  /** What was taken here since the last time; counted from the first time on. Undefined: nothing. */
  taken(): Taken | undefined {
    const taken = [...(this.#taken ?? [])].filter(([, tokens]) => tokens !== 0);
    this.#taken = new Map();
    if (taken.length === 0) return undefined;
    return taken.sort(([, a], [, b]) => b - a).slice(0, toldMax);
  }

  /** The same, elsewhere: it counts as if it had been taken here, whether there was enough or not. */
  takenElsewhere(taken: unknown, rates: readonly Rate[]): void {
    if (!Array.isArray(taken) || rates.length === 0) return;
    for (const one of taken.slice(0, toldMax)) {
      const [key, tokens]: readonly unknown[] = Array.isArray(one) ? one : [];
      if (typeof key !== 'string' || typeof tokens !== 'number') continue;
      const bucket = this.#filled(key, rates);
      for (const [i, { count }] of rates.entries())
        bucket.tokens[i] = Math.max(-count, Math.min(count, bucket.tokens[i]! - tokens));
    }
  }

  #note(key: string, tokens: number): void {
    if (this.#taken === undefined) return;
    const known = this.#taken.get(key);
    if (known === undefined && this.#taken.size >= notedMax) return;
    this.#taken.set(key, (known ?? 0) + tokens);
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
