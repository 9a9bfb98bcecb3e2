import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flowedText } from './flowed-text.ts';

describe('flowedText', () => {
  for (const [what, text, flowed] of [
    ['RFC 3676 §4.2: a line that ends with a space goes on', 'a \r\nb\r\nc', 'a b\nc'],
    ['RFC 3676 §4.3: a signature is none of it', 'a \r\n-- \r\nb', 'a \n-- \nb'],
    ['RFC 3676 §4.4: a space in front may be stuffing', ' From \r\n b\r\n  c', 'From b\n c'],
    [
      'RFC 3676 §4.5: quotes go on at their own depth',
      '> a \r\n> b \r\n>> c\r\nd',
      '> a b \n>> c\nd',
    ],
    ['nothing flows', 'a\r\n b', 'a\r\n b'],
  ] as const)
    it(what, () => assert.equal(flowedText(text, false), flowed));

  it('RFC 3676 §4.1: with DelSp, the space goes', () =>
    assert.equal(flowedText('日本 \r\n語 \r\n> x', true), '日本語\n> x'));
});
