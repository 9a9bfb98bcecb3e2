import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../base/random.ts';
import { fc } from '../../base/test-properties.ts';
import { attemptByAge, retryDelayMs } from './retry.ts';

const middle = { fraction: () => 0.5 };

describe('retryDelayMs', () => {
  for (const [attempt, delay] of [
    [0, 300],
    [1, 300],
    [2, 900],
    [3, 3600],
    [4, 3600],
    [9_999, 3600],
  ] as const)
    it(`RFC 5321 §4.5.4.1: waits ${delay} after attempt ${attempt}`, () =>
      assert.equal(retryDelayMs(attempt, [300, 900, 3600], middle), delay));

  it('strays from the schedule by no more than 15 percent', () => {
    const within = (seed: number, delay: number) => delay >= 850 && delay <= 1150 && seed >= 0;
    fc.assert(
      fc.property(fc.nat(), (seed) => within(seed, retryDelayMs(1, [1000], seededRandom(seed)))),
    );
  });
});

describe('attemptByAge', () => {
  for (const [age, attempt] of [
    [-1, 1],
    [0, 1],
    [299, 1],
    [300, 2],
    [1199, 2],
    [1200, 3],
    [9_999_999, 3],
  ] as const)
    it(`at the age of ${age} it would be attempt ${attempt}`, () =>
      assert.equal(attemptByAge(age, [300, 900, 3600]), attempt));
});
