import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { seededRandom } from '../base/random.ts';
import { fc } from '../base/test-properties.ts';
import { nodesMax } from '../store/nodes.ts';
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

  it('of the nodes of a cluster never meet, whatever clocks and chance say, and show the node', () => {
    const seen = new Set<string>();
    const numbers = new Set<number>();
    for (let node = 1; node < nodesMax; node += 1) {
      const next = createMessageIds({ clock: new FakeClock(), random: seededRandom(1), node });
      for (let i = 0; i < 50; i += 1) {
        const id = next();
        seen.add(id);
        numbers.add(messageIdNumber(id)!);
        assert.ok(id.endsWith(`-${node}`));
      }
    }
    assert.deepEqual([seen.size, numbers.size], [255 * 50, 255 * 50]);
  });

  it('of nodes sort by time with those of a server that was alone, and go on behind any of them', () => {
    const clock = new FakeClock();
    const alone = createMessageIds({ clock, random })();
    const ids = [alone];
    for (const node of [200, 3, 0, 17]) {
      const next = createMessageIds({ clock, random, node, after: ids.at(-1) });
      ids.push(next(), next());
    }
    assert.deepEqual([...ids].sort(), ids);
    const nodes = ids.map((id) => id.split('-')[1]);
    assert.deepEqual(nodes, [undefined, '200', '200', '3', '3', undefined, undefined, '17', '17']);
  });

  it('are told from other text', () => {
    const id = createMessageIds({ clock: new FakeClock(), random, node: 7 })();
    for (const text of [`${id}0`, `${id.slice(0, -1)}8`, id.slice(0, -1), `${id.slice(0, -2)}7`])
      assert.equal(messageIdNumber(text), undefined, text);
    for (const text of ['', 'abc', '0000000000i', '00000000000 ', 'zzzzzzzzzzz', '<a@b.example>'])
      assert.equal(messageIdNumber(text), undefined);
    fc.assert(fc.property(fc.string(), (text) => !Number.isNaN(messageIdNumber(text) ?? 0)));
  });
});
