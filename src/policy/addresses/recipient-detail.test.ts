import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withoutDetail } from './recipient-detail.ts';

describe('what follows the delimiter', () => {
  const table: [key: string, delimiter: string, without: string | undefined][] = [
    ['ann+lists@a.test', '+', 'ann@a.test'],
    ['a+b+c@a.test', '+', 'a@a.test'],
    ['ann+@a.test', '+', 'ann@a.test'],
    ['ann+"x@y"@a.test', '+', 'ann@a.test'],
    ['ann@a.test', '+', undefined],
    ['+lists@a.test', '+', undefined],
    ['ann@a+b.test', '+', undefined],
    ['ann+lists', '+', undefined],
    ['ann+lists@a.test', '', undefined],
  ];
  for (const [key, delimiter, without] of table)
    it(`${key}, by '${delimiter}': ${without}`, () =>
      assert.equal(withoutDetail(key, delimiter), without));
});
