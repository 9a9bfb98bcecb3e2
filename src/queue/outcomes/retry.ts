// When to try again. The schedule is the operator's; chance keeps messages that failed together
// from coming back together. RFC 5321 §4.5.4.1.

import { assert } from '../../base/assert.ts';
import type { Random } from '../../base/random.ts';

/** How far a delay strays from the schedule, either way. */
const jitter = 0.15;

/** After attempt 1 the first entry of the schedule; the last one repeats. */
export function retryDelayMs(
  attempt: number,
  schedule: readonly number[],
  random: Pick<Random, 'fraction'>,
): number {
  assert(schedule.length > 0, 'a retry schedule has an entry');
  const base = schedule[Math.min(Math.max(attempt, 1), schedule.length) - 1]!;
  return Math.round(base * (1 - jitter + 2 * jitter * random.fraction()));
}

/** The number that the attempt would have by now if all had been made that the schedule asks for. */
export function attemptByAge(ageMs: number, schedule: readonly number[]): number {
  let attempt = 1;
  for (let left = ageMs - schedule[0]!; left >= 0 && attempt < schedule.length; attempt += 1)
    left -= schedule[attempt]!;
  return attempt;
}
