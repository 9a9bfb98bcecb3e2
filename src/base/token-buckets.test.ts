import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from './fake-clock.ts';
import { fc } from './test-properties.ts';
import { TokenBuckets } from './token-buckets.ts';

const minute = { count: 3, perMs: 60_000 };
const hour = { count: 5, perMs: 3_600_000 };

describe('token buckets', () => {
  it('as many at once as the rate has, then one after another as time passes', async () => {
    const clock = new FakeClock();
    const buckets = new TokenBuckets(clock, 10);
    for (let i = 0; i < 3; i += 1) assert.equal(buckets.take('a', [minute]), undefined);
    assert.deepEqual(buckets.take('a', [minute]), { rate: minute, waitMs: 20_000 });
    assert.equal(buckets.take('b', [minute]), undefined, 'another key is another bucket');
    await clock.advance(20_000);
    assert.equal(buckets.take('a', [minute]), undefined);
    assert.notEqual(buckets.take('a', [minute]), undefined);
  });

  it('of two rates the one that is exceeded longest is told, and nothing is taken', async () => {
    const clock = new FakeClock();
    const buckets = new TokenBuckets(clock, 10);
    const rates = [minute, hour];
    for (let i = 0; i < 3; i += 1) buckets.take('a', rates);
    assert.equal(buckets.take('a', rates)?.rate, minute);
    await clock.advance(60_000);
    for (let i = 0; i < 2; i += 1) assert.equal(buckets.take('a', rates), undefined);
    assert.equal(buckets.take('a', rates)?.rate, hour);
    buckets.giveBack('a', rates);
    assert.equal(buckets.take('a', rates), undefined, 'what was given back can be taken');
    buckets.forget('a');
    assert.equal(buckets.look('a', rates), undefined);
  });

  it('what was taken elsewhere counts here, from the first time that somebody wants to know', () => {
    const clock = new FakeClock();
    const [here, there] = [new TokenBuckets(clock, 10), new TokenBuckets(clock, 10)];
    here.take('a', [minute]);
    assert.equal(here.taken(), undefined, 'nobody asked before');
    for (let i = 0; i < 2; i += 1) here.take('a', [minute]);
    here.take('b', [minute]);
    here.giveBack('b', [minute]);
    const taken = here.taken();
    assert.deepEqual(taken, [['a', 2]]);
    assert.equal(here.taken(), undefined, 'each once');
    there.takenElsewhere(JSON.parse(JSON.stringify(taken)), [minute]);
    assert.equal(there.take('a', [minute]), undefined);
    assert.notEqual(there.take('a', [minute]), undefined);
    there.takenElsewhere([['a', 1_000]], [minute]);
    assert.equal(there.look('a', [minute])?.waitMs, 80_000, 'a debt has an end');
    for (const said of [null, 'x', [null, [], ['a'], [1, 'a']]])
      there.takenElsewhere(said, [minute]);
  });

  it('what is given back makes no bucket larger than its rate, and none where there was none', () => {
    const buckets = new TokenBuckets(new FakeClock(), 10);
    buckets.take('a', [minute]);
    buckets.giveBack('a', [minute], 5);
    for (let i = 0; i < 3; i += 1) assert.equal(buckets.take('a', [minute]), undefined);
    assert.notEqual(buckets.take('a', [minute]), undefined);
    buckets.giveBack('a', [minute]);
    assert.equal(buckets.take('a', [minute]), undefined);
    assert.notEqual(buckets.take('a', [minute]), undefined, 'one was given back');
    buckets.giveBack('b', [minute]);
    assert.equal(buckets.look('b', [minute]), undefined);
    assert.equal(buckets.size, 1);
  });

  it('without a rate nothing is counted, and nothing is exceeded', () => {
    const buckets = new TokenBuckets(new FakeClock(), 10);
    for (let i = 0; i < 9; i += 1) assert.equal(buckets.take('a', []), undefined);
    assert.equal(buckets.size, 0);
    for (let i = 0; i < 4; i += 1) buckets.take('a', [minute]);
    assert.equal(buckets.look('a', []), undefined);
    assert.notEqual(buckets.look('a', [minute]), undefined);
  });

  it('memory is bounded: the key that was used longest ago is forgotten', () => {
    const buckets = new TokenBuckets(new FakeClock(), 100);
    for (let i = 0; i < 1_000; i += 1) buckets.take(`key ${i}`, [minute]);
    assert.equal(buckets.size, 100);
  });

  it('never more than twice the count in its time, and who waits as told is let through', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        async (count, perMs) => {
          const clock = new FakeClock();
          const rates = [{ count, perMs }];
          const buckets = new TokenBuckets(clock, 1);
          const end = clock.now() + perMs;
          let taken = 0;
          while (clock.now() < end) {
            const exceeded = buckets.take('a', rates);
            if (exceeded === undefined) taken += 1;
            else {
              await clock.advance(exceeded.waitMs);
              assert.equal(buckets.look('a', rates), undefined);
            }
          }
          assert.ok(taken >= count && taken <= 2 * count, `${taken} of ${count}`);
        },
      ),
      { numRuns: 50 },
    );
  });
});
