// Chance as a parameter: the system's in production, a seeded one where a run must repeat.

import { randomBytes } from 'node:crypto';

export interface Random {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** `length` random bytes; from the system's generator these are fit for secrets. */
  bytes(length: number): Buffer;
}

export const systemRandom: Random = {
  fraction: Math.random,
  bytes: randomBytes,
};

/** mulberry32: small, fast, and good enough to drive a simulation. Never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    fraction,
    bytes: (length) => Buffer.from(Array.from({ length }, () => Math.floor(fraction() * 256))),
  };
}

/** A copy in random order (Fisher-Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random.fraction() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
