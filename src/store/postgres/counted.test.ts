// What nodes count by themselves and tell each other.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TokenBuckets } from '../../base/token-buckets.ts';
import { withoutPostgres } from './test-cluster.ts';
import { eventually, openTwo } from './test-two-nodes.ts';

const rates = [{ count: 10, perMs: 3_600_000 }];

describe('what nodes count', { skip: withoutPostgres() }, () => {
  for (const notify of [true, false])
    it(`a rate of an account is one rate, at whichever node it sends (notify: ${notify})`, async () => {
      await using test = await openTwo({ notify });
      const looks = [0, 0];
      const [one, two] = [test.one, test.two].map(({ nodes }, i) => {
        const buckets = new TokenBuckets(test.clock, 10);
        buckets.taken(); // from now on
        nodes.tellOthers('rates', {
          say: () => {
            looks[i]! += 1;
            return buckets.taken();
          },
          hear: (said) => buckets.takenElsewhere(said, rates),
        });
        return buckets;
      }) as [TokenBuckets, TokenBuckets];
      const left = (buckets: TokenBuckets) => {
        let taken = 0;
        while (buckets.take('ann', rates) === undefined) taken += 1;
        buckets.giveBack('ann', rates, taken);
        return taken;
      };
      for (let i = 0; i < 3; i += 1) one.take('ann', rates);
      await test.eventually(async () => left(two) === 7);
      for (let i = 0; i < 2; i += 1) two.take('ann', rates);
      await test.eventually(async () => left(one) === 5);
      const until = looks.map((count) => count + 3);
      await eventually(async () => {
        for (const clock of [test.clock, test.clockOfOne]) await clock.advance(1000);
        return looks.every((count, i) => count >= until[i]!);
      });
      assert.deepEqual([left(one), left(two)], [5, 5], 'each is told once');
    });
});
