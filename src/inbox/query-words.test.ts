import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mailTerms } from './query-words.ts';

const day = (text: string) => Date.parse(text);

describe('the words of a search', () => {
  for (const [query, ...terms] of [
    ['', ...[]],
    ['  ""  - ', ...[]],
    ['hello', { kind: 'text', text: 'hello', not: false }],
    ['!hello', { kind: 'text', text: 'hello', not: true }],
    ['"two words"', { kind: 'text', text: 'two words', not: false }],
    ['-"two words', { kind: 'text', text: 'two words', not: true }],
    ['From:ann', { kind: 'header', fields: ['from'], text: 'ann', not: false }],
    ['-subject:"a b"', { kind: 'header', fields: ['subject'], text: 'a b', not: true }],
    ['http://x', { kind: 'text', text: 'http://x', not: false }],
    ['is:read', { kind: 'flag', flag: '\\Seen', not: false }],
    ['is:unread', { kind: 'flag', flag: '\\Seen', not: true }],
    ['-is:UNREAD', { kind: 'flag', flag: '\\Seen', not: false }],
    ['tag:"My tag"', { kind: 'flag', flag: 'My~tag', not: false }],
    ['larger:1.5k', { kind: 'size', is: 'larger', bytes: 1536, not: false }],
    [
      'after:2026-01-31',
      { kind: 'received', is: 'since', ms: day('2026-01-30T23:00Z'), not: false },
    ],
    [
      'before:2026-07-01T12:00',
      { kind: 'received', is: 'until', ms: day('2026-07-01T10:00Z'), not: false },
    ],
    ['after:2026-1-2T00:00Z', { kind: 'received', is: 'since', ms: day('2026-01-02'), not: false }],
  ] as const)
    it(`understands ${query}`, () => assert.deepEqual(mailTerms(query, 'Europe/Berlin'), terms));

  it('says what it does not understand', () => {
    for (const [query, problem] of [
      ['after:soon', /after: wants a day such as 2026-01-31, not 'soon'/],
      ['before:2026-02-30', /before: wants a day/],
      ['smaller:much', /smaller: wants a size/],
      ['to:', /to: wants a text to look for/],
      ['-From:""', /From: wants a text/],
      ['is:new', /is: can be read, flagged, tagged, unread, not 'new'/],
      ['a '.repeat(60), /may have 50 words/],
      ['a'.repeat(2001), /may have 2000 characters/],
    ] as const)
      assert.throws(() => mailTerms(query), { name: 'QueryError', message: problem });
  });
});
