// For tests: passwords that are hashed in no time, and are read by everybody, for what they cost is written beside them.
// Who imports this file has it so. What the real ones cost is tested in passwords.test.ts.

import { hashAt } from './passwords.ts';

/** RFC 7677 §4: no client takes fewer iterations. */
export const cheapCost = {
  argon2: { memory: 64, passes: 1, parallelism: 1 },
  scramIterations: 4096,
} as const;

hashAt(cheapCost);
