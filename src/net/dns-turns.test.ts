import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { DnsBusy } from '../dns/resolver.ts';
import { Turn, Turns } from './dns-turns.ts';

/** Asks so often for each, and says which have their turn. */
function setUp() {
  const clock = new FakeClock();
  const turns = new Turns(clock);
  const failures: unknown[] = [];
  const ask = (asker?: string) => {
    const turn = new Turn(asker);
    try {
      turns.take(turn)?.catch((error: unknown) => failures.push(error));
    } catch (error) {
      failures.push(error);
    }
    return turn;
  };
  const askMany = (count: number, asker?: string) =>
    Array.from({ length: count }, () => ask(asker));
  return { clock, turns, ask, askMany, failures };
}

const underWay = (turns: readonly Turn[]) => turns.filter(({ holder }) => holder !== undefined);

describe('turns of questions to the DNS', () => {
  it('one network has half of what strangers have, and others go on', () => {
    const { ask, askMany } = setUp();
    const greedy = askMany(1_000, 'greedy');
    assert.equal(underWay(greedy).length, 64);
    assert.notEqual(ask('other').holder, undefined);
    assert.notEqual(ask().holder, undefined);
  });

  it('five networks that ask for all they can leave room for one more', () => {
    const { ask, askMany } = setUp();
    for (let n = 0; n < 5; n += 1) askMany(100, `greedy ${n}`);
    assert.notEqual(ask('other').holder, undefined);
  });

  it('what strangers ask for leaves room for ours, and ours for theirs', () => {
    for (const [many, other] of [
      ['strangers', undefined],
      [undefined, 'stranger'],
    ]) {
      const { ask, askMany } = setUp();
      for (let n = 0; n < 300; n += 1) askMany(10, many && `${many} ${n}`);
      const others = Array.from({ length: 40 }, (_, n) => ask(other && `${other} ${n}`));
      assert.equal(underWay(others).length, 32);
    }
  });

  it('those in line have turns one network after the other', () => {
    const { turns, ask, askMany } = setUp();
    const first = Array.from({ length: 128 }, (_, n) => ask(`n${n}`));
    assert.equal(underWay(first).length, 128);
    const greedy = askMany(500, 'greedy');
    const other = ask('other');
    turns.give(first[0]!);
    turns.give(first[1]!);
    assert.deepEqual([underWay(greedy).length, other.holder], [1, 'other']);
  });

  it('what many greedy networks give back is for those who have none', () => {
    const { turns, ask, askMany } = setUp();
    const greedy = Array.from({ length: 100 }, (_, n) => askMany(100, `greedy ${n}`)).flat();
    const held = underWay(greedy);
    const others = Array.from({ length: 20 }, (_, n) => ask(`other ${n}`));
    assert.equal(held.length, 128);
    for (const turn of held.slice(0, 120)) turns.give(turn);
    assert.equal(underWay(others).length, 20);
  });

  it('nobody who asks for the same waits for the turn of another', () => {
    for (const asker of ['other', undefined]) {
      const { turns, askMany } = setUp();
      const last = askMany(100, 'greedy').at(-1)!;
      assert.equal(last.holder, undefined);
      turns.join(last, asker);
      assert.equal(last.holder, asker ?? '');
    }
  });

  it('a stranger waits for a moment, we as long as it takes', async () => {
    const { clock, turns, ask, askMany, failures } = setUp();
    const held = askMany(64, 'greedy');
    const late = ask('greedy');
    const ours = askMany(97);
    await clock.advance(950);
    assert.ok(failures.length === 1 && failures[0] instanceof DnsBusy);
    turns.give(held[0]!);
    assert.equal(late.holder, undefined);
    turns.give(ours[0]!);
    assert.equal(ours.at(-1)!.holder, '');
    await clock.advance(60_000);
    assert.equal(failures.length, 1);
  });

  it('what others also wait for is not over when the first has waited enough', async () => {
    const { clock, turns, ask, askMany, failures } = setUp();
    const held = Array.from({ length: 128 }, (_, n) => ask(`n${n}`));
    const asked = ask('first');
    await clock.advance(900);
    turns.join(asked, 'second');
    await clock.advance(700);
    assert.equal(failures.length, 0);
    turns.give(held[0]!);
    assert.notEqual(asked.holder, undefined);
    askMany(1, 'second');
    turns.give(asked);
  });

  it('one network does not fill the line', () => {
    const { ask, askMany, failures } = setUp();
    for (let n = 0; n < 128; n += 1) ask(`n${n}`);
    askMany(20_000, 'greedy');
    const refused = failures.length;
    assert.ok(refused >= 10_000 && failures.every((error) => error instanceof DnsBusy));
    ask('other');
    assert.equal(failures.length, refused);
  });

  it('when all are answered everything is as in the beginning', () => {
    const { turns, ask, askMany } = setUp();
    const all = [...askMany(300, 'a'), ...askMany(300, 'b'), ...askMany(300)];
    for (let left = all; left.length > 0; left = left.filter((turn) => !answered.has(turn)))
      for (const turn of underWay(left)) {
        turns.give(turn);
        answered.add(turn);
      }
    assert.equal(underWay(askMany(200, 'a')).length, 64);
    assert.notEqual(ask('b').holder, undefined);
  });
});

const answered = new Set<Turn>();
