import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from './step-count.ts';

const text = (times: number) => 'a'.repeat(times);

function* suffixes(input: string) {
  for (let at = 0; at < input.length; at += 1) yield at;
}

describe('assertLinear', () => {
  it('lets pass what looks at each octet, or at each a few times', () => {
    assertLinear((input: string) => [...input].filter((letter) => letter === 'b'), text, 200);
    assertLinear((input: string) => input.indexOf('b') + input.indexOf('c'), text, 200);
  });

  it('fails for loops within loops', () => {
    const quadratic = (input: string) => {
      let sum = 0;
      for (const from of suffixes(input)) for (let at = from; at < input.length; at += 1) sum += at;
      return sum;
    };
    assert.throws(() => assertLinear(quadratic, text, 200), /steps, four times the input takes/);
  });

  it('fails for a search to the end from everywhere', () => {
    const quadratic = (input: string) => {
      for (const from of suffixes(input)) if (input.indexOf('b', from) >= 0) return true;
      return false;
    };
    assert.throws(() => assertLinear(quadratic, text, 200), /steps, four times the input takes/);
  });
});
