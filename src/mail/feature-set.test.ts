import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { featureSetCharsMax, isFeatureSet } from './feature-set.ts';

const right = [
  '(color=binary)',
  '(dpi>=100)',
  '( dpi <= 17/2 )',
  '(!(paper-size=letter))',
  '(& (pix-x<=750) (pix-y<=500) )',
  '(| (& (dpi=200) (dpi-xyratio=200/100);q=0.5 ) (dpi=[100,200,300..600]) ;q=1.0)',
  '(u.http://www.example.org/feature="a string ( here")',
  '(size-x<=2150/254)',
  '(stroke=TRUE)',
  '(a=-1.5)',
];
const wrong = [
  '',
  'color=binary',
  '(color)',
  '(color=)',
  '(=binary)',
  '(color=binary',
  '(color=binary))',
  '(&)',
  '(! (a=1) (b=2))',
  '(dpi=[])',
  '(dpi=[1,])',
  '(dpi=1..2)',
  '(a="with \r\n a line end")',
  '(a=1;)',
  `(${'!('.repeat(40)}a=1${')'.repeat(41)}`,
];

describe('mail/feature-set', () => {
  for (const text of right)
    it(`RFC 2533 §4.1, RFC 2738 §2: takes ${text}`, () => assert.ok(isFeatureSet(text)));
  for (const text of wrong)
    it(`RFC 2533 §4.1: refuses ${JSON.stringify(text.slice(0, 30))}`, () =>
      assert.equal(isFeatureSet(text), false));

  it('RFC 2533 §4.1: no longer than the limit', () => {
    const padded = (chars: number) => `(a="${'x'.repeat(chars - 6)}")`;
    assert.ok(isFeatureSet(padded(featureSetCharsMax)));
    assert.equal(isFeatureSet(padded(featureSetCharsMax + 1)), false);
  });
});
