import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, withoutPostgres } from './test-cluster.ts';
import { openTwo } from './test-two-nodes.ts';

describe('what one node has to itself', { skip: withoutPostgres() }, () => {
  it('no other one has until it lets go of it, or is taken for dead', async () => {
    await using test = await openTwo();
    const [one, two] = [test.one.nodes.holdings, test.two.nodes.holdings];
    const asked = await Promise.all([one.hold('a'), two.hold('a')]);
    assert.equal(asked.filter((isHeld) => isHeld).length, 1);
    const [owner, other] = asked[0] ? [one, two] : [two, one];
    assert.deepEqual([owner.has('a'), other.has('a')], [true, false]);
    assert.equal(await owner.hold('a'), true, 'it has it already');
    await other.letGo('a');
    assert.equal(await other.hold('a'), false, 'it is not its own to let go of');
    await owner.letGo('a');
    assert.equal(owner.has('a'), false);
    assert.equal(await other.hold('a'), true);

    assert.equal(await one.hold('b'), true);
    assert.equal(await two.hold('b'), false);
    await test.bury();
    assert.equal(await two.hold('b'), true);
    // It wakes up.
    await test.clockOfOne.advance(60_000);
    assert.equal(one.has('b'), false);
    assert.equal(await one.hold('b').catch(() => false), false);
  });

  it('leaves nothing behind in the database when its session is over', async () => {
    await using test = await openTwo();
    await test.one.nodes.holdings.hold('a');
    await test.two.nodes.holdings.hold('b');
    await test.bury();
    await test.clock.advance(10 * 60_000);
    const held = async () =>
      (await ask(test.url, `SELECT name FROM duty WHERE name LIKE 'held %'`)).rows;
    await test.eventually(async () => (await held()).length === 1);
    assert.deepEqual(await held(), [{ name: 'held b' }]);
  });
});
