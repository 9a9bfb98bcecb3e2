import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { casemap } from './casemap.ts';

describe('casemap', () => {
  for (const [one, other] of [
    ['Hello', 'hELLO'],
    ['É', 'e\u0301'],
    ['ǆ', 'ǅ'],
    ['Привет', 'пРИВЕТ'],
  ] as const) {
    it(`RFC 5051 §2: ${one} is ${other}`, () => assert.equal(casemap(one), casemap(other)));
  }

  it('RFC 5051 §2: knows simple mappings only', () => {
    assert.notEqual(casemap('ß'), casemap('ss'));
  });
});
