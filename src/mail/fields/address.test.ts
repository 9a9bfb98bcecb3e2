import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import type { Mailbox } from './address.ts';
import {
  addressKey,
  completeAddress,
  domainKey,
  formatMailbox,
  isAddressLiteral,
  isDomain,
  literalAddress,
  mailboxAt,
  parseMailbox,
} from './address.ts';

const local64 = 'l'.repeat(64);
const label63 = 'd'.repeat(63);
const domain255 = `${label63}.${label63}.${label63}.${label63}`; // 255 octets

const good: readonly (readonly [string, string, string])[] = [
  ['ann@example.org', 'ann', 'example.org'],
  ['Ann.B+c@EXAMPLE.org', 'Ann.B+c', 'EXAMPLE.org'],
  ["!#$%&'*+-/=?^_`{|}~@x", "!#$%&'*+-/=?^_`{|}~", 'x'],
  ['"a b"@example.org', 'a b', 'example.org'],
  ['"a\\"b\\\\c"@example.org', 'a"b\\c', 'example.org'],
  ['"ann"@example.org', 'ann', 'example.org'],
  ['"a@b"@example.org', 'a@b', 'example.org'],
  ['""@example.org', '', 'example.org'],
  ['"a>b"@example.org', 'a>b', 'example.org'],
  ['ann@[192.0.2.1]', 'ann', '[192.0.2.1]'],
  ['ann@[IPv6:2001:db8::1]', 'ann', '[IPv6:2001:db8::1]'],
  ['ann@[ipv6:::ffff:192.0.2.1]', 'ann', '[ipv6:::ffff:192.0.2.1]'],
  ['ann@3com.com', 'ann', '3com.com'],
  ['ann@host_1.example', 'ann', 'host_1.example'],
  ['ann@xn--bcher-kva.example', 'ann', 'xn--bcher-kva.example'],
  ['jörg@bücher.example', 'jörg', 'bücher.example'],
  ['用户@例子.测试', '用户', '例子.测试'],
  ['"用 户"@例子.测试', '用 户', '例子.测试'],
  ['😀@example.org', '😀', 'example.org'],
  [`${local64}@example.org`, local64, 'example.org'],
  // RFC 5321 §4.5.3.1.1: "to the maximum extent possible" more is taken.
  [`${local64.repeat(8)}@example.org`, local64.repeat(8), 'example.org'],
  [`ann@${domain255}`, 'ann', domain255],
];

const bad: readonly string[] = [
  '',
  '@',
  'ann',
  'ann@',
  '@example.org',
  'a b@example.org',
  '.ann@example.org',
  'ann.@example.org',
  'a..n@example.org',
  'ann@example..org',
  'ann@.example.org',
  'ann@example.org.',
  'ann@-example.org',
  'ann@example-.org',
  'ann@exa mple.org',
  'ann@example.org ',
  'ann@b@example.org',
  'ann<x>@example.org',
  '"ann@example.org',
  '"a"b@example.org',
  '"a\nb"@example.org',
  '"a\tb"@example.org',
  'a\0b@example.org',
  'ann@[192.0.2.256]',
  'ann@[192.0.2]',
  'ann@[2001:db8::1]',
  'ann@[IPv6:fe80::1%eth0]',
  'ann@[IPv6:192.0.2.1]',
  'ann@[x400:something]',
  'ann@[192.0.2.1',
  'ann@[]',
  'ann@\uff11.\uff12.\uff13.\uff14', // full-width digits: a host parser makes 1.2.3.4 of them
  'ann@a\uff0fb.example', // a full-width solidus becomes a solidus
  'a\u0085b@example.org',
  'a\ud800b@example.org',
  'ann@a\ud800b.example',
  `${'l'.repeat(513)}@example.org`,
  `${'é'.repeat(257)}@example.org`,
  `ann@${label63}d.org`,
  `ann@${domain255}d`,
  `ann@${domain255.slice(1)}.d`,
];

describe('mail/address', () => {
  for (const [text, local, domain] of good)
    it(`RFC 5321 §4.1.2: reads ${text.slice(0, 60)}`, () =>
      assert.deepEqual(parseMailbox(text), { local, domain }));

  for (const text of bad)
    it(`RFC 5321 §4.1.2: refuses ${JSON.stringify(text.slice(0, 60))}`, () =>
      assert.equal(parseMailbox(text), undefined));

  it('finds a mailbox inside a longer text, and its end', () =>
    assert.deepEqual(mailboxAt('<"a b"@[192.0.2.1]> SIZE=1', 1), {
      mailbox: { local: 'a b', domain: '[192.0.2.1]' },
      end: 18,
    }));

  it('completes a local part alone where there is a domain for it, and nothing else', () => {
    const localhost = { local: 'root', domain: 'localhost' };
    assert.deepEqual(mailboxAt('<root>', 1, 'localhost'), { mailbox: localhost, end: 5 });
    assert.deepEqual(parseMailbox('root', 'localhost'), localhost);
    assert.deepEqual(parseMailbox('"a b"', 'x.org'), { local: 'a b', domain: 'x.org' });
    assert.deepEqual(parseMailbox('root@y.org', 'x.org'), { local: 'root', domain: 'y.org' });
    for (const text of ['', 'root@', '@', 'a b', 'root@ x', 'a..b', 'root@y..org'])
      assert.equal(parseMailbox(text, 'localhost'), undefined, text);
    assert.equal(completeAddress('Ann', 'localhost'), 'Ann@localhost');
    assert.equal(completeAddress('ann@x.org', 'localhost'), 'ann@x.org');
  });

  it('RFC 5321 §4.1.2: quotes a local part only where the grammar asks for it', () => {
    const written = (local: string, domain = 'x.org') => formatMailbox({ local, domain });
    assert.equal(written('ann'), 'ann@x.org');
    assert.equal(written('a b'), '"a b"@x.org');
    assert.equal(written('a"b\\c'), '"a\\"b\\\\c"@x.org');
    assert.equal(written('a..b'), '"a..b"@x.org');
    assert.equal(written(''), '""@x.org');
    assert.equal(written('用户', '例子.测试'), '用户@例子.测试');
    assert.equal(written('postmaster', ''), 'postmaster');
  });

  it('RFC 6531 §3.3, RFC 5890 §2.3.2.1: U-labels and A-labels are one name', () => {
    assert.equal(domainKey('BÜCHER.example'), 'xn--bcher-kva.example');
    assert.equal(domainKey('bu\u0308cher.example'), 'xn--bcher-kva.example');
    assert.equal(domainKey('XN--BCHER-KVA.Example'), 'xn--bcher-kva.example');
    assert.equal(addressKey('Ann@Bücher.example'), addressKey('ann@xn--bcher-kva.example'));
  });

  it('what a URL parser would drop, or take for the end of a name, is part of none', () => {
    assert.ok(isDomain('bücher.example'));
    for (const end of ['/', '?', '#', '\\', '\t', '\n', '/<x>', ':25', '@x', '%41']) {
      const domain = `bücher.example${end}`;
      assert.equal(isDomain(domain), false, domain);
      assert.equal(domainKey(domain), domain, domain);
    }
  });

  it('a name of digits stays a name', () => {
    assert.equal(domainKey('1.2.3'), '1.2.3');
    assert.equal(domainKey('0x10.example'), '0x10.example');
  });

  it('RFC 5321 §4.1.3: literals have one key', () => {
    assert.equal(domainKey('[IPv6:2001:DB8:0:0::1]'), '[ipv6:2001:db8::1]');
    assert.equal(domainKey('[192.0.2.1]'), '[192.0.2.1]');
    assert.equal(isAddressLiteral('[IPv6:::1]'), true);
    assert.equal(isAddressLiteral('example.org'), false);
    assert.equal(literalAddress('[IPv6:::1]'), '::1');
  });

  it('has one key for equal mailboxes, however they are written', () => {
    assert.equal(addressKey('"Ann"@Example.ORG'), 'ann@example.org');
    assert.equal(addressKey('Jo\u0308rg@x.org'), addressKey('JÖRG@x.org'));
    assert.equal(addressKey({ local: 'Postmaster', domain: '' }), 'postmaster');
    assert.equal(addressKey('Not An Address'), 'not an address');
    assert.notEqual(addressKey('a.b@x.org'), addressKey('ab@x.org'));
  });

  const mailboxes: fc.Arbitrary<string> = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'ab.@"\\ <>[]-_ö界1:'), maxLength: 20 }),
    fc
      .tuple(fc.string({ maxLength: 12 }), fc.domain())
      .map(([l, d]) => formatMailbox({ local: l, domain: d })),
  );

  it('the key of a key is the key, also where quotes are part of the name', () => {
    const key = addressKey({ local: '""', domain: 'a.example' });
    assert.equal(addressKey(key), key);
    assert.notEqual(key, addressKey({ local: '', domain: 'a.example' }));
  });

  it('reads back what it writes', () =>
    fc.assert(
      fc.property(mailboxes, (text) => {
        const first: Mailbox | undefined = parseMailbox(text);
        if (first === undefined) return;
        assert.deepEqual(parseMailbox(formatMailbox(first)), first);
        assert.equal(addressKey(formatMailbox(first)), addressKey(first));
        assert.equal(addressKey(addressKey(first)), addressKey(first));
      }),
    ));
});
