import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { anyText } from '../../base/test-text.ts';
import { extendedParameter } from './extended-parameter.ts';
import { parseParameterised } from './parameters.ts';

describe('extendedParameter', () => {
  it('RFC 2231 §4: one piece where a line holds it', () => {
    assert.deepEqual(extendedParameter('filename', "é (1)*'.txt"), [
      "filename*=utf-8''%C3%A9%20%281%29%2A%27.txt",
    ]);
  });

  it('RFC 2231 §3: continued where no line would, and read as it was', () => {
    fc.assert(
      fc.property(anyText({ maxLength: 100 }), fc.nat(300), (text, times) => {
        const value = `a${text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '')}${'漢'.repeat(times)}.txt`;
        const pieces = extendedParameter('filename', value);
        for (const piece of pieces) assert.ok(piece.length < 900);
        const { params } = parseParameterised(['attachment', ...pieces].join('; '));
        assert.equal(params.get('filename'), value);
      }),
    );
  });
});
