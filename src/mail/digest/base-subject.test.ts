import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { fc } from '../../base/test-properties.ts';
import { baseSubject } from './base-subject.ts';

describe('baseSubject', () => {
  const cases: readonly (readonly [subject: string, base: string, isReply: boolean])[] = [
    ['', '', false],
    ['hello', 'hello', false],
    ['  a \t\r\n b  ', 'a b', false],
    ['Re: a', 'a', true],
    ['RE : a', 'a', true],
    ['re[2]: a', 'a', true],
    ['re [2] : a', 'a', true],
    ['Fw: a', 'a', true],
    ['Fwd: Re: FW: a', 'a', true],
    ['re: re: re:', '', true],
    ['Reply: a', 'Reply: a', false],
    ['re a', 're a', false],
    ['[list] a', 'a', false],
    ['[list] Re: [list] a', 'a', true],
    ['[a] [b] re: c', 'c', true],
    ['[only]', '[only]', false],
    ['[a] [b]', '[b]', false],
    ['[a] Re:', '', true],
    ['[a[b]] c', '[a[b]] c', false],
    ['a (fwd)', 'a', true],
    ['a (FWD) (fwd) ', 'a', true],
    ['(fwd)', '', true],
    ['[fwd: a]', 'a', true],
    ['[Fwd: Re: [list] a (fwd)]', 'a', true],
    ['[fwd: [fwd: a]]', 'a', true],
    ['[fwd: a', '[fwd: a', false],
    ['Re: [fwd: a] (fwd)', 'a', true],
    ['a Re: b', 'a Re: b', false],
    ['Ответ: Re: é', 'Ответ: Re: é', false],
  ];
  for (const [subject, base, isReply] of cases) {
    it(`RFC 5256 §2.1: ${JSON.stringify(subject)}`, () =>
      assert.deepEqual(baseSubject(subject), { base, isReply }));
  }

  const piece = fc.constantFrom('re', 'fwd', ':', '[', ']', ' ', '(fwd)', '[fwd:', 'a', '[x]');
  const subject = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));

  it('RFC 5256 §2.1: of what is a base subject nothing more is removed but a last blob', () => {
    fc.assert(
      fc.property(subject, (text) => {
        const { base } = baseSubject(text);
        assert.equal(baseSubject(base).base, base);
        assert.equal(baseSubject(`Re: ${base}`).base, base);
      }),
    );
  });

  for (const [what, make] of [
    ['blobs', (times: number) => '[a]'.repeat(times)],
    ['blobs before a reply', (times: number) => `${'[a]'.repeat(times)}re`],
    ['replies', (times: number) => 're:'.repeat(times)],
    ['forwards', (times: number) => '[fwd:'.repeat(times) + ']'.repeat(times)],
    ['trailers', (times: number) => `a${'(fwd) '.repeat(times)}`],
    ['open blobs', (times: number) => '['.repeat(times)],
    ['forwards of blobs', (times: number) => `${'[fwd:[a]'.repeat(times)}${']'.repeat(times)}`],
  ] as const) {
    it(`takes linear time for ${what}`, () => assertLinear(baseSubject, make));
  }
});
