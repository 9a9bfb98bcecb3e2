import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { fc } from '../../base/test-properties.ts';
import { htmlText } from './html-text.ts';

const words = (html: string): string => htmlText(html).replace(/\s+/g, ' ').trim();

describe('htmlText', () => {
  for (const [html, text] of [
    ['plain', 'plain'],
    ['<p>a</p><p>b</p>', 'a b'],
    ['a<b>b</b>c<br>d', 'abc d'],
    ['<table><tr><td>a</td><td>b</td></tr></table>', 'a b'],
    ['<html><head><title>t</title></head><body>a</body></html>', 'a'],
    ['<STYLE type="x">p { a > b }</Style>a<script>if (a < b) "</p>"</script>b', 'a b'],
    ['a<!-- <p>no</p> -->b<!-->c', 'ab'],
    ['a < b and c <3', 'a < b and c <3'],
    ['<!DOCTYPE html><?xml?>a', 'a'],
    ['&lt;p&gt; &amp;amp; &eacute;&Uuml;&szlig;&nbsp;&#65;&#x42;&#8364;', '<p> &amp; éÜß AB€'],
    ['&unknown; &#0; &#xd800; &#x110000; AT&T', '&unknown; AT&T'],
    ['&rarr;&alpha;&Alpha;&check;&Scaron;&amp&lt&COPY;&thinsp;x&zwnj;y', '→αΑ✓Š&<© xy'],
    ['&#150; &#x80; &#129;&#8232;', '– €'],
    ['<a title="1 > 2" href=\'x>y\'>b</a>', 'b'],
    ['<a title="1>b</a> "c"', 'b "c"'],
    ["<p don't>a</p><p x=>'b'</p>", "a 'b'"],
    ['<title>t</title><iframe>x</iframe><math>y</math>a', 'a'],
    ['<!--[if mso]><p>x</p><![endif]--><![if !mso]>a<![endif]>', 'a'],
    ['<script>if ("</scr" + "ipt>") x</script>a', 'a'],
    ['a<p', 'a'],
    ['a<style>b', 'a'],
    ['<style/>a', 'a'],
    ['İ<B>a</B><SCRIPT>x</script>', 'İa'],
  ] as const) {
    it(html, () => assert.equal(words(html), text));
  }

  it('is total', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '</',
      'p',
      'style',
      'script',
      '<!--',
      '-->',
      '&',
      '#',
      '1',
      ';',
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(piece, fc.string())),
        (pieces) => void htmlText(pieces.join('')),
      ),
    );
  });

  for (const piece of [
    '<a b="',
    '<a b="\'',
    '<a b=">',
    '<',
    '<a',
    '<!--',
    '<style>',
    '&',
    '&#',
    '</style',
    '<p>',
    '<script/>',
  ]) {
    it(`takes linear time for ${piece}`, () =>
      assertLinear(htmlText, (times) => piece.repeat(times)));
  }
});
