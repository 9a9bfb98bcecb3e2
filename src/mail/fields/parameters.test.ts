import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { fc } from '../../base/test-properties.ts';
import { parseParameterised } from './parameters.ts';

describe('parseParameterised', () => {
  const cases: readonly (readonly [string, string, Record<string, string>])[] = [
    ['', '', {}],
    ['text/plain', 'text/plain', {}],
    ['text/plain; charset=us-ascii (Plain text)', 'text/plain', { charset: 'us-ascii' }],
    ['text/plain; charset="us-ascii"', 'text/plain', { charset: 'us-ascii' }],
    ['text (a(b)c) / plain ; (x) Charset (y) = (z) utf-8', 'text / plain', { charset: 'utf-8' }],
    ['a/b; name="a\\"b;c"; x=y', 'a/b', { name: 'a"b;c', x: 'y' }],
    ['a/b; x=1; x=2', 'a/b', { x: '1' }],
    ['a/b;;; =y; x; z=1;', 'a/b', { z: '1' }],
    [
      'attachment; filename=my report(1).pdf; size=3',
      'attachment',
      { filename: 'my report(1).pdf', size: '3' },
    ],
    ['a/b; name="unclosed; x=y', 'a/b', { name: 'unclosed; x=y' }],
    ['a/b; x="y" junk; z=1', 'a/b', { x: 'y', z: '1' }],
    // RFC 2231 §3 and §4
    [
      'message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.utk.edu/a.tar"',
      'message/external-body',
      { 'access-type': 'URL', url: 'ftp://cs.utk.edu/a.tar' },
    ],
    [
      "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
      'application/x-stuff',
      { title: 'This is ***fun***' },
    ],
    [
      "a/b; title*2=\"isn't it!\"; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20",
      'a/b',
      { title: "This is even more ***fun*** isn't it!" },
    ],
    ["a/b; n*=iso-8859-1''%E9; n=old", 'a/b', { n: 'é' }],
    ["a/b; n*0*=utf-8''%C3; n*1*=%A9", 'a/b', { n: 'é' }],
    // The same charsets as everywhere; what was encoded brings no controls.
    ["a/b; n*=iso-2022-jp'ja'%1B$B%3B3%45D%1B(B", 'a/b', { n: '山田' }],
    ["a/b; n*0*=ks_c_5601-1987''%8C; n*1*=c", 'a/b', { n: '똠' }],
    ["a/b; n*=us-ascii''%C3%A9; m*=''%C3%A9", 'a/b', { n: 'é', m: 'é' }],
    ["a/b; n*=utf-8''x%0D%0AY:%20%1Bz", 'a/b', { n: 'x  Y:  z' }],
    ["a/b; n*0*=koi8-r''%F0; n*1=при", 'a/b', { n: 'Ппри' }],
    ['a/b; n*1=x; m*=%ZZ', 'a/b', { m: '%ZZ' }],
    ['a/b; __proto__=x; constructor=y', 'a/b', JSON.parse('{"__proto__":"x","constructor":"y"}')],
  ];
  for (const [field, value, params] of cases) {
    it(JSON.stringify(field), () => {
      const parsed = parseParameterised(field);
      assert.equal(parsed.value, value);
      assert.deepEqual([...parsed.params].toSorted(), Object.entries(params).toSorted());
    });
  }

  it('keeps parameters as written for BODYSTRUCTURE', () => {
    assert.deepEqual(parseParameterised('a/b; Name*0*=utf-8\'\'%C3%A9; X="y"').rawParams, [
      { name: 'Name*0*', value: "utf-8''%C3%A9" },
      { name: 'X', value: 'y' },
    ]);
  });

  it('is total, linear and bounded', () => {
    const pieces = fc.constantFrom(
      ';',
      '=',
      '"',
      '\\',
      '(',
      ')',
      '*',
      '0',
      "'",
      '%C3',
      'a',
      ' ',
      '/',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        parseParameterised(parts.join(''));
      }),
    );
    for (const hostile of [
      ';',
      'a=b;',
      '(',
      '"',
      'a="',
      '\\',
      ' ',
      'x*0*=%41;',
      "a*=''",
      ' (',
      'a',
    ]) {
      const make = (times: number) => `a/b;${hostile.repeat(times)}`;
      assertLinear(parseParameterised, make);
      const { rawParams } = parseParameterised(make(20_000));
      assert.ok(rawParams.length <= 1000, hostile);
    }
  });
});
