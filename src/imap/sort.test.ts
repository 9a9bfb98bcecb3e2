import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SortCriterion } from './command.ts';
import { type SortRow, sortRows } from './sort.ts';

const empty = { sent: 0, arrival: 0, size: 0 };
const texts = { subject: '', from: '', to: '', cc: '', displayFrom: '', displayTo: '' };
const row = (id: string, facts: Partial<SortRow>) => ({ id, ...empty, ...texts, ...facts });

const criteria = (text: string): SortCriterion[] =>
  [...text.matchAll(/(REVERSE )?([A-Z]+)/g)].map(([, reverse, key]) => ({
    key: key as SortCriterion['key'],
    reverse: reverse !== undefined,
  }));

const rows = [
  row('a', { subject: 'X', sent: 3, arrival: 1, size: 20, from: 'B', displayFrom: 'ZOE' }),
  row('b', { subject: '', sent: 1, arrival: 2, size: 20, from: 'C', displayFrom: 'ANN' }),
  row('c', { subject: 'X', sent: 2, arrival: 3, size: 9, from: 'A', displayFrom: 'MAX' }),
];

describe('sortRows', () => {
  for (const [what, expected] of [
    ['ARRIVAL', 'abc'],
    ['REVERSE ARRIVAL', 'cba'],
    ['DATE', 'bca'],
    ['FROM', 'cab'],
    ['DISPLAYFROM', 'bca'],
    ['SIZE', 'cab'],
    ['REVERSE SIZE', 'abc'],
    ['SUBJECT', 'bac'],
    ['SUBJECT DATE', 'bca'],
    ['SUBJECT REVERSE DATE', 'bac'],
    ['REVERSE SUBJECT DATE', 'cab'],
    ['TO CC DISPLAYTO', 'abc'],
  ] as const) {
    it(`RFC 5256 §3: ${what}`, () => {
      const sorted = sortRows(rows, criteria(what));
      assert.equal(sorted.map(({ id }) => id).join(''), expected);
    });
  }
});
