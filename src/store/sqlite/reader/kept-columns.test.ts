import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { KeptColumns } from './kept-columns.ts';

function start() {
  const clock = new FakeClock();
  const test = { clock, forgotten: 0 };
  const columns = new KeptColumns(clock, {
    forgetColumns: () => {
      test.forgotten += 1;
    },
  });
  return Object.assign(test, { columns });
}

describe('what the reader remembers', () => {
  it('is let go at once where nobody looks at pages', () => {
    const { columns, ...test } = start();
    columns.rest();
    assert.equal(test.clock.nextTimer(), undefined);
  });

  it('is kept for ten minutes after somebody looked at a page, and then let go without being asked', async () => {
    const test = start();
    test.columns.seen();
    test.columns.rest();
    await test.clock.advance(8 * 60_000);
    assert.equal(test.forgotten, 0);
    test.columns.seen();
    test.columns.rest();
    await test.clock.advance(9 * 60_000);
    assert.equal(test.forgotten, 0);
    await test.clock.advance(2 * 60_000);
    assert.equal(test.forgotten, 1);
    assert.equal(test.clock.nextTimer(), undefined);
  });
});
