import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lots } from './lots.ts';

/** Draws until nothing more is asked for; what each has is given. */
function drawn(
  has: Readonly<Record<string, number>>,
  limits: { limit: number; perDestination: number },
) {
  const stock = new Map(Object.entries(has));
  const lots = new Lots([...stock.keys()], limits);
  const got = new Map<string, number>();
  let questions = 0;
  for (let draw = lots.first(); draw.length > 0; draw = lots.next()) {
    questions += 1;
    const found = new Map<string, number>();
    for (const { destination, count } of draw) {
      const given = Math.min(count, stock.get(destination)!);
      stock.set(destination, stock.get(destination)! - given);
      if (given > 0) found.set(destination, given);
      got.set(destination, (got.get(destination) ?? 0) + given);
    }
    lots.drawn(found);
  }
  return { got: Object.fromEntries([...got].filter(([, count]) => count > 0)), questions };
}

describe('Lots', () => {
  it('in the order of turns each has what it may, up to the limit', () => {
    const { got, questions } = drawn({ a: 9, b: 9, c: 9 }, { limit: 10, perDestination: 4 });
    assert.deepEqual([got, questions], [{ a: 4, b: 4, c: 2 }, 1]);
  });

  it('what some do not have is divided among the others', () => {
    const { got } = drawn({ a: 1, b: 1, c: 9, d: 9 }, { limit: 10, perDestination: 8 });
    assert.deepEqual(got, { a: 1, b: 1, c: 4, d: 4 });
  });

  it('a hundred destinations with a message each are asked in two questions', () => {
    const has = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`d${i}`, 1]));
    const { got, questions } = drawn(has, { limit: 100, perDestination: 20 });
    assert.equal(Object.keys(got).length, 100);
    assert.ok(questions <= 2);
  });

  it('gives nobody more than he may have, and ends when nobody has any', () => {
    assert.deepEqual(drawn({ a: 50 }, { limit: 100, perDestination: 20 }).got, { a: 20 });
    assert.deepEqual(drawn({ a: 0, b: 3 }, { limit: 100, perDestination: 20 }).got, { b: 3 });
    assert.deepEqual(drawn({}, { limit: 5, perDestination: 5 }), { got: {}, questions: 0 });
  });
});
