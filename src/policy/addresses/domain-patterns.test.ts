import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DomainPatterns } from './domain-patterns.ts';

describe('DomainPatterns', () => {
  const patterns = new DomainPatterns([
    '*',
    'example.net',
    '.example.net',
    '.net',
    'BÜCHER.example',
  ]);
  const table: [string, number[]][] = [
    ['example.net', [1, 3, 0]],
    ['a.example.net', [2, 3, 0]],
    ['a.b.example.net', [2, 3, 0]],
    ['notexample.net', [3, 0]],
    ['net', [0]],
    ['xn--bcher-kva.example', [4, 0]],
    ['', [0]],
    ['[192.0.2.1]', [0]],
  ];
  for (const [domain, expected] of table)
    it(`${domain || 'no domain'}: ${expected.join()}`, () =>
      assert.deepEqual(patterns.matches(domain), expected));

  it('of equal patterns the first counts', () =>
    assert.deepEqual(new DomainPatterns(['a.test', 'A.test']).matches('a.test'), [0]));
});
