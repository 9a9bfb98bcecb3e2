import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { assertLinear } from '../base/step-count.ts';
import { addressesMax, mailboxesOf, parseAddressList } from './structured.ts';

fc.configureGlobal({ seed: 5322 });

/** `name|local|domain`, groups as `name[…]`. */
const show = (value: string): string[] =>
  parseAddressList(value).map((entry) =>
    entry.kind === 'group'
      ? `${entry.name}[${entry.mailboxes.map((m) => `${m.name ?? ''}|${m.local}|${m.domain}`).join(' ')}]`
      : `${entry.name ?? ''}|${entry.local}|${entry.domain}`,
  );

describe('parseAddressList', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['ann@example.org', ['|ann|example.org']],
    ['<ann@example.org>', ['|ann|example.org']],
    ['Ann Example <ann@example.org>, bob@x', ['Ann Example|ann|example.org', '|bob|x']],
    // RFC 5322 Appendix A.1.2
    ['"Joe Q. Public" <john.q.public@example.com>', ['Joe Q. Public|john.q.public|example.com']],
    [
      'Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>',
      ['Mary Smith|mary|x.test', '|jdoe|example.org', 'Who?|one|y.test'],
    ],
    [
      '<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>',
      ['|boss|nil.test', 'Giant; "Big" Box|sysservices|example.net'],
    ],
    // RFC 5322 Appendix A.1.3
    [
      'A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;',
      ['A Group[Ed Jones|c|a.test |joe|where.test John|jdoe|one.test]'],
    ],
    ['Undisclosed recipients:;', ['Undisclosed recipients[]']],
    // RFC 5322 Appendix A.5
    ['Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>', ['Pete|pete|silly.test']],
    [
      "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
      ['A Group[Chris Jones|c|public.example |joe|example.org John|jdoe|one.test]'],
    ],
    ['(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;', ['Hidden recipients[]']],
    // RFC 5322 Appendix A.6.1 and A.6.3
    ['Joe Q. Public <john.q.public@example.com>', ['Joe Q. Public|john.q.public|example.com']],
    [
      'Mary Smith <@node.test,@b.test:mary@example.net>, , jdoe@test  . example',
      ['Mary Smith|mary|example.net', '|jdoe|test.example'],
    ],
    ['John Doe <jdoe@machine(comment).  example>', ['John Doe|jdoe|machine.example']],
    ['ann@example.org (Ann (the) Example)', ['Ann (the) Example|ann|example.org']],
    ['"a b"."c"@[192.0.2.1]', ['|a b.c|[192.0.2.1]']],
    ['"a@b" <"c@d"@example.org>', ['a@b|c@d|example.org']],
    ['Jörg <jörg@bücher.example>', ['Jörg|jörg|bücher.example']],
    ['=?utf-8?Q?J=C3=B6rg?= <j@x>', ['=?utf-8?Q?J=C3=B6rg?=|j|x']],
    // What should not be, and is.
    ['root', ['|root|']],
    ['John Smith', ['|John Smith|']],
    ['Ann Example ann@example.org', ['Ann Example|ann|example.org']],
    ['Ann . Example ann . b@example.org (Ann)', ['Ann|ann.b|example.org']],
    ['pete(his account)@x, john . doe @ y', ['his account|pete|x', '|john.doe|y']],
    ['Ann <ann@example.org', ['Ann|ann|example.org']],
    ['Ann <ann@example.org, bob@x', ['Ann|ann|example.org', '|bob|x']],
    ['ann@example.org bob@x', ['|ann|example.org']],
    ['Ann <>, b@x', ['Ann||', '|b|x']],
    ['a@b@c, d@e', ['|a|b', '|d|e']],
    ['Friends: ann@x, bob@y', ['Friends[|ann|x |bob|y]']],
    ['"unclosed <ann@x>', ['|unclosed <ann@x>|']],
    [',,;;>>', []],
    ['@', ['||']],
  ];
  for (const [value, expected] of cases) {
    it(JSON.stringify(value), () => assert.deepEqual(show(value), expected));
  }

  it('RFC 6854 §2: mailboxes of groups count as mailboxes', () => {
    const list = parseAddressList('A: x@y, z@w;, v@u');
    assert.deepEqual(
      mailboxesOf(list).map((mailbox) => mailbox.local),
      ['x', 'z', 'v'],
    );
  });

  it('is total, linear and bounded', () => {
    const pieces = fc.constantFrom(
      '<',
      '>',
      '@',
      ',',
      ';',
      ':',
      '.',
      '"',
      '\\',
      '(',
      ')',
      '[',
      ']',
      'a',
      ' ',
      'é',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        for (const { local, domain } of mailboxesOf(parseAddressList(parts.join('')))) {
          assert.equal(typeof local + typeof domain, 'stringstring');
        }
      }),
    );
    for (const hostile of [
      '(',
      '<',
      '"',
      '"\\',
      'a',
      'a@',
      'a,',
      ':',
      'a:;',
      '[',
      '<@',
      'é ',
      '\\',
    ]) {
      assertLinear(parseAddressList, (times) => hostile.repeat(times));
      assert.ok(parseAddressList(hostile.repeat(20_000)).length <= addressesMax, hostile);
    }
  });
});
