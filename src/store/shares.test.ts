import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import type { OtherNode } from './shares.ts';
import { Division, shareOf } from './shares.ts';

const keys = Array.from({ length: 40 }, (_, i) => `mx:d${i}.example`);
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

describe('shares of a limit', () => {
  it('are the limit together, differ by one at the most, and nobody has all of the rests', () => {
    for (const members of [[7], [3, 9], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7]])
      for (const limit of [1, 2, 5, 20])
        for (const key of keys) {
          const parts = members.map((node) => shareOf(members, node, { key, limit }));
          assert.equal(sum(parts), limit);
          assert.ok(Math.max(...parts) - Math.min(...parts) <= 1);
        }
    const rests = keys.map((key) => shareOf([3, 9], 3, { key, limit: 1 }));
    assert.ok(sum(rests) > 10 && sum(rests) < 30, `${sum(rests)}`);
    assert.equal(shareOf([3, 9], 4, { key: 'x', limit: 20 }), 0);
  });

  it('one alone has all of it at once; one that comes has nothing before all others know', () => {
    const one = new Division();
    assert.equal(one.of(1, 'x', 20), 0);
    one.heard(1, []);
    assert.equal(one.of(1, 'x', 20), 20);
    const two = new Division();
    const said = (session: number, division: Division): OtherNode => ({
      ...{ session, members: division.say(), exceeding: [] },
    });
    two.heard(2, [said(1, one)]);
    assert.equal(two.of(2, 'x', 20), 0);
    one.heard(1, [said(2, two)]);
    assert.equal(one.of(1, 'x', 20), 10);
    two.heard(2, [{ ...said(1, one), exceeding: ['x'] }]);
    assert.equal(two.of(2, 'x', 20), 0, 'while the other still has more under way');
    assert.equal(two.of(2, 'y', 20), 10);
    two.heard(2, [said(1, one)]);
    assert.equal(two.of(2, 'x', 20), 10);
    one.heard(1, []);
    assert.equal(one.of(1, 'x', 20), 20, 'of one that is gone');
  });

  it('nobody goes by other nodes before it has said so: another may go by what it said before', () => {
    const [one, two, three] = [new Division(), new Division(), new Division()];
    const said = (session: number, members: string) => ({ session, members, exceeding: [] });
    one.heard(1, []);
    two.heard(2, [said(1, one.say())]);
    const before = two.say();
    assert.equal(before, '1 2');
    one.heard(1, [said(2, before)]);
    two.heard(2, [said(1, one.say())]);
    // A third comes and goes before the second one has said anything of it.
    three.heard(3, [said(1, one.say()), said(2, before)]);
    one.heard(1, [said(2, before), said(3, three.say())]);
    two.heard(2, [said(1, one.say()), said(3, three.say())]);
    one.heard(1, [said(2, before)]);
    for (const key of keys) assert.ok(one.of(1, key, 1) + two.of(2, key, 1) <= 1, key);
  });

  it('whoever comes, goes, says and hears in whatever order: all together never have more', () => {
    interface Node {
      readonly division: Division;
      /** What the others read of it. */
      said: OtherNode;
    }
    const step = fc.record({
      ...{ who: fc.nat(3), what: fc.constantFrom('comes', 'goes', 'says', 'hears') },
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const nodes = new Map<number, Node>();
        let sessions = 0;
        const places: (number | undefined)[] = [];
        const say = (session: number) => {
          const node = nodes.get(session)!;
          node.said = { session, members: node.division.say(), exceeding: [] };
        };
        const hear = (session: number) => {
          const others = [...nodes].filter(([other]) => other !== session);
          const said = others.map(([, node]) => node.said);
          nodes.get(session)!.division.heard(session, said);
        };
        for (const { who, what } of steps) {
          const session = places[who];
          if (what === 'comes' && session === undefined) {
            sessions += 1;
            places[who] = sessions;
            const said = { session: sessions, members: '', exceeding: [] };
            nodes.set(sessions, { division: new Division(), said });
            hear(sessions);
          } else if (what === 'goes' && session !== undefined) {
            // Whoever is gone does nothing more.
            nodes.delete(session);
            places[who] = undefined;
          } else if (what === 'says' && session !== undefined) say(session);
          else if (what === 'hears' && session !== undefined) hear(session);
          for (const key of ['a', 'b'])
            for (const limit of [1, 3, 20]) {
              const all = [...nodes].map(([node, { division }]) => division.of(node, key, limit));
              assert.ok(sum(all) <= limit, `${key} ${limit}: ${all}`);
            }
        }
        for (let round = 0; round < 3; round += 1) {
          for (const node of nodes.keys()) say(node);
          for (const node of nodes.keys()) hear(node);
        }
        const all = [...nodes].map(([node, { division }]) => division.of(node, 'a', 20));
        assert.equal(sum(all), nodes.size === 0 ? 0 : 20, 'and in the end all of it');
      }),
    );
  });
});
