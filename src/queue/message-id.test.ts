import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../base/fake-clock.ts';
import { seededRandom } from '../base/random.ts';
import { createMessageIds, messageIdNumber, messageIdText } from './message-id.ts';

const random = seededRandom(1);

describe('queue ids', () => {
  it('never repeat and sort by time while the clock stands still', () => {
    const next = createMessageIds({ clock: new FakeClock(), random });
    const ids = Array.from({ length: 10_000 }, next);
    assert.deepEqual([...ids].sort(), ids);
    assert.equal(new Set(ids).size, ids.length);
  });

  it('go on rising when the clock was set back across a restart', () => {
    const before = createMessageIds({ clock: new FakeClock(), random })();
    const clock = new FakeClock(Date.UTC(2025, 0, 1));
    assert.ok(createMessageIds({ clock, random, after: before })() > before);
  });

  it('of two processes started together hardly ever meet', () => {
    const clock = new FakeClock();
    const ids = [1, 2, 3, 4].map((seed) =>
      createMessageIds({ clock, random: seededRandom(seed) })(),
    );
    assert.equal(new Set(ids).size, 4);
  });

  it('keep their number and their order as text', () => {
    const id = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(id, id, (a, b) => {
        assert.equal(messageIdNumber(messageIdText(a)), a);
        assert.equal(messageIdText(a).length, 11);
        assert.equal(messageIdText(a) < messageIdText(b), a < b);
      }),
    );
  });

  it('are told from other text', () => {
    for (const text of ['', 'abc', '0000000000i', '00000000000 ', 'zzzzzzzzzzz', '<a@b.example>'])
      assert.equal(messageIdNumber(text), undefined);
    fc.assert(fc.property(fc.string(), (text) => !Number.isNaN(messageIdNumber(text) ?? 0)));
  });
});
