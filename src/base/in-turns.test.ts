import assert from 'node:assert/strict';
import { it } from 'node:test';
import { inTurns, Turns } from './in-turns.ts';

it('few octets are worked on at once, many in slices between which others have their turn', async () => {
  const seen: number[] = [];
  assert.equal(
    inTurns(new Uint8Array(1000), ({ length }) => seen.push(length)),
    undefined,
  );
  assert.deepEqual(seen, [1000]);
  let turns = 0;
  const work: string[] = [];
  const count = () => {
    turns += 1;
    work.push('other');
    if (turns < 2) setImmediate(count);
  };
  setImmediate(count);
  const bytes = Uint8Array.from({ length: 40_000 }, (_, i) => i & 0xff);
  const parts: Uint8Array[] = [];
  await inTurns(bytes, (slice) => {
    work.push('slice');
    parts.push(slice);
  });
  assert.deepEqual(Buffer.concat(parts), Buffer.from(bytes));
  assert.deepEqual(work, ['slice', 'other', 'slice', 'other', 'slice']);
});

it('whoever waits for a turn has it alone', async () => {
  let turn = 0;
  let isOver = false;
  const count = () => {
    turn += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const turns: number[] = [];
  await Promise.all(
    ['a', 'b', 'c'].map(async () => {
      const mine = new Turns();
      assert.equal(mine.spend(16 * 1024), undefined);
      for (let times = 0; times < 3; times += 1) {
        await mine.spend(16 * 1024);
        turns.push(turn);
      }
    }),
  );
  isOver = true;
  assert.equal(new Set(turns).size, 9, turns.join());
});
