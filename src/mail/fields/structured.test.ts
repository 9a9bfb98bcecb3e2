import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { fc } from '../../base/test-properties.ts';
import type { MailboxOrGroup, NamedMailbox } from './structured.ts';
import { addressesMax, mailboxesOf, parseAddressList, writtenAddress } from './structured.ts';

/** `name|local|domain`, groups as `name[…]`. */
const show = (value: string): string[] =>
  parseAddressList(value).map((entry) =>
    entry.kind === 'group'
      ? `${entry.name}[${entry.mailboxes.map(showMailbox).join(' ')}]`
      : showMailbox(entry),
  );

const showMailbox = ({ name, local, domain, route }: NamedMailbox): string =>
  `${name ?? ''}|${local}|${domain}${route === undefined ? '' : ` by ${route}`}`;

/** The list as RFC 5322 §3.4 writes it. */
const format = (list: readonly MailboxOrGroup[]): string =>
  list
    .map((entry) =>
      entry.kind === 'group'
        ? `${quoted(entry.name)}: ${entry.mailboxes.map(formatMailbox).join(', ')};`
        : formatMailbox(entry),
    )
    .join(', ');

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

function formatMailbox({ name, local, domain, route }: NamedMailbox): string {
  // What stands between the first bracket and the last reads the same as one literal, whatever it was.
  const host = domain.replace(
    /\[(.*)\]/s,
    (_, text: string) => `[${text.replace(/[\]\\]/g, '\\$&')}]`,
  );
  const address = domain === '' ? quoted(local) : `${quoted(local)}@${host}`;
  const by = route === undefined ? '' : `${route}:`;
  return `${name === undefined ? '' : quoted(name)} <${by}${address}>`;
}

describe('parseAddressList', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['ann@example.org', ['|ann|example.org']],
    ['<ann@example.org>', ['|ann|example.org']],
    ['Ann <<ann@example.org>>, bob@x', ['Ann|ann|example.org', '|bob|x']],
    ['Ann <Ann Example <ann@example.org>>, bob@x', ['Ann|ann|example.org', '|bob|x']],
    ['<<<>>>, <<, bob@x', ['||', '||', '|bob|x']],
    ['<ann@example.org <bob@x>>, <ann@y<bob@y', ['|ann|example.org', '|bob|x', '|ann|y', '|bob|y']],
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
      ['Mary Smith|mary|example.net by @node.test,@b.test', '|jdoe|test.example'],
    ],
    ['John Doe <jdoe@machine(comment).  example>', ['John Doe|jdoe|machine.example']],
    ['ann@example.org (Ann (the) Example)', ['Ann (the) Example|ann|example.org']],
    ['"a b"."c"@[192.0.2.1]', ['|a b.c|[192.0.2.1]']],
    ['"a@b" <"c@d"@example.org>', ['a@b|c@d|example.org']],
    ['Jörg <jörg@bücher.example>', ['Jörg|jörg|bücher.example']],
    ['=?utf-8?Q?J=C3=B6rg?= <j@x>', ['=?utf-8?Q?J=C3=B6rg?=|j|x']],
    // RFC 561, and 680 and 724 after it. The texts are not at hand; these are from memory.
    ['White at SRI-ARC', ['|White|SRI-ARC']],
    [
      'DCrocker at Rand-Unix, Vittal AT BBN-TenexD, Pogran at MIT-Multics',
      ['|DCrocker|Rand-Unix', '|Vittal|BBN-TenexD', '|Pogran|MIT-Multics'],
    ],
    // RFC 733 Appendix A
    ['Ken Davis <KDavis at This-Net>', ['Ken Davis|KDavis|This-Net']],
    ['George Jones<Group at Host>', ['George Jones|Group|Host']],
    ['Sam Irving at Other-Host', ['|Sam Irving|Other-Host']],
    [
      '"Al Neuman" at Mad-Host, Sam.Irving at Other-Host',
      ['|Al Neuman|Mad-Host', '|Sam.Irving|Other-Host'],
    ],
    [
      'Important folk: Tom Softwood <Balsa at Another-Host>, Sam Irving at Other-Host;, Standard Distribution::Include: </main/davis/people/standard at Other-Host, "<Jones>standard.dist.3" at Tops-20-Host>',
      [
        'Important folk[Tom Softwood|Balsa|Another-Host |Sam Irving|Other-Host]',
        'Standard Distribution|/main/davis/people/standard|Other-Host',
        '|<Jones>standard.dist.3|Tops-20-Host',
      ],
    ],
    [':Include: list at Host', ['|list|Host']],
    ['Jones at A at B', ['|Jones@A|B']],
    [
      'Ann at Work <ann@x>, at, Meeting at the house',
      ['Ann at Work|ann|x', '|at|', '|Meeting at the house|'],
    ],
    ['People at Work: ann@x;', ['People at Work[|ann|x]']],
    ['Ann at x (Ann)', ['Ann|Ann|x']],
    ['"Ann" "at" x', ['|Ann at x|']],
    // RFC 822 §6.1, §A.1 and §A.3
    ['":sysmail"@ Some-Group. Some-Org', ['|:sysmail|Some-Group.Some-Org']],
    ['Muhammed.(I am the greatest) Ali @(the)Vegas.WBA', ['|Muhammed.Ali|Vegas.WBA']],
    ['Alfred Neuman <Neuman@BBN-TENEXA>', ['Alfred Neuman|Neuman|BBN-TENEXA']],
    ['Wilt . (the  Stilt) Chamberlain@NBA.US', ['|Wilt.Chamberlain|NBA.US']],
    [
      'Gourmets: Pompous Person <WhoZiWhatZit@Cordon-Bleu>, Childs@WGBH.Boston, Galloping Gourmet@ANT.Down-Under (Australian National Television), Cheapie@Discount-Liquors;, Cruisers: Port@Portugal, Jones@SEA;, Another@Somewhere.SomeOrg',
      [
        'Gourmets[Pompous Person|WhoZiWhatZit|Cordon-Bleu |Childs|WGBH.Boston Australian National Television|Gourmet|ANT.Down-Under |Cheapie|Discount-Liquors]',
        'Cruisers[|Port|Portugal |Jones|SEA]',
        '|Another|Somewhere.SomeOrg',
      ],
    ],
    // What should not be, and is.
    ['root', ['|root|']],
    ['John Smith', ['|John Smith|']],
    ['Ann Example ann@example.org', ['Ann Example|ann|example.org']],
    ['Ann . Example ann . b@example.org (Ann)', ['Ann|ann.b|example.org']],
    ['pete(his account)@x, john . doe @ y', ['his account|pete|x', '|john.doe|y']],
    ['Ann <ann@example.org', ['Ann|ann|example.org']],
    ['Ann <ann@example.org, bob@x', ['Ann|ann|example.org', '|bob|x']],
    ['ann@example.org bob@x', ['|ann|example.org', '|bob|x']],
    ['<ann@example.org> Bob <bob@x>', ['|ann|example.org', '|bob|x']],
    ['ann@example.org <bob@x>', ['ann@example.org|bob|x']],
    ['Ann ann@example.org (Ann) Bob <bob@x>, c@y', ['ann@example.org|bob|x', '|c|y']],
    ['ann@example.org <Bob>, ann@example.org <', ['|ann|example.org', '|ann|example.org']],
    ['Us: ann@x bob@y <c@z> <d@z>;', ['Us[|ann|x bob@y|c|z |d|z]']],
    ['Ann <>, b@x', ['Ann||', '|b|x']],
    ['a@b@c, d@e', ['|a@b|c', '|d|e']],
    ['<a@b@c>', ['|a@b|c']],
    ['Friends: ann@x, bob@y', ['Friends[|ann|x |bob|y]']],
    ['"unclosed <ann@x>', ['unclosed|ann|x']],
    ['"Ann <ann@x>, "Bob" <bob@y>', ['Ann|ann|x', 'Bob|bob|y']],
    ['"Ann <ann@x>, bob@y', ['Ann|ann|x', '|bob|y']],
    ['Ann" <ann@x>, "Bob, B." <bob@y>', ['Ann|ann|x', '|Bob|', 'B.|bob|y']],
    ['"Ann <a@x>" <ann@x>, "b"c@y', ['Ann <a@x>|ann|x', '|bc|y']],
    ['(Ann <ann@x>, bob@y', ['Ann|ann|x', '|bob|y']],
    ['(Ann (x) <ann@x>, (Bob) bob@y', ['Ann x|ann|x', 'Bob|bob|y']],
    ['ann@x (Ann', ['Ann|ann|x']],
    ['ann@[192.0.2.1, bob@y', ['|ann|192.0.2.1', '|bob|y']],
    ['<user (comment)@ (comment) example.org>', ['|user|example.org']],
    ['<@a:b@c>', ['|b|c by @a']],
    ['Ann <@a.test,,@b.test:ann@c>', ['Ann|ann|c by @a.test,@b.test']],
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
      ' at ',
      'é',
      ':Include:',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        const list = parseAddressList(parts.join(''));
        assert.deepEqual(parseAddressList(format(list)), list);
      }),
      { numRuns: 3000 },
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

describe('writtenAddress', () => {
  const written = (value: string) => mailboxesOf(parseAddressList(value)).map(writtenAddress);

  it('is one address again, whatever its local part says', () => {
    for (const local of ['ann example', 'eve@example.net', 'a>,<b', 'say "hi" \\o/', 'a..b', '']) {
      const quoted = `"${local.replace(/["\\]/g, '\\$&')}"@example.org`;
      const [address = ''] = written(`Ann <${quoted}>`);
      assert.equal(address, quoted);
      const [again, ...others] = mailboxesOf(parseAddressList(address));
      assert.deepEqual([again?.local, again?.domain, others], [local, 'example.org', []]);
    }
  });

  it('has no quotes where there is no need for them, and what is broken as it is', () => {
    assert.deepEqual(written('"ann"@example.org, Somebody'), ['ann@example.org', 'Somebody']);
  });
});
