// RFC 7208 rule by rule. The public suites (spf.test.ts) say more, where they lie beside the checkout.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeResolver } from '../dns/fake-resolver.ts';
import { checkSpf } from './spf.ts';
import { zoneOf } from './test-zone.ts';

const counted = (count: number, term: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => term(n)).join(' ');
/** Of each mechanism one that asks, and finds something that is not the client. */
const surroundings = `
  a: a.test 192.0.2.1
  aaaa: a.test 2001:db8::1
  mx: a.test 192.0.2.2
  a: sub.a.test 192.0.2.3
  a: found.test 127.0.0.2
  ptr: 192.0.2.3 sub.a.test, other.test
  ptr: 192.0.2.4 sub.a.test
  a: long.a.test 192.0.2.1
  ptr: 192.0.2.1 long.a.test, a.test
  spf: pass.test v=spf1 +all
  spf: soft.test v=spf1 ~all
  spf: loop.test v=spf1 include:loop.test -all
  spf: twice.test v=spf1 -all
  spf: twice.test v=spf1 +all
  exp: why.test %{i} is not one of %{d}
${Array.from({ length: 11 }, (_, n) => `  mx: many.test 198.51.100.${n}`).join('\n')}
${Array.from({ length: 12 }, (_, n) => `  spf: n${n}.test v=spf1 ?ip4:203.0.113.${n}`).join('\n')}`;

describe('SPF: what RFC 7208 says, one line each', () => {
  for (const [section, terms, expected, address = '192.0.2.3'] of [
    ['§4.7', '', 'neutral'],
    ['§5.1', '-all', 'fail'],
    ['§4.6.2', '~all', 'softfail'],
    ['§4.6.2', '?all', 'neutral'],
    ['§5.2', 'include:pass.test -all', 'pass'],
    ['§5.2', 'include:soft.test -all', 'fail'],
    ['§5.2', 'include:none.test -all', 'permerror'],
    ['§5.2', 'include:twice.test -all', 'permerror'],
    ['§5.3', 'a -all', 'pass', '192.0.2.1'],
    ['§5.3', 'a -all', 'fail', '192.0.2.9'],
    ['§5.3', 'a/24 -all', 'pass', '192.0.2.9'],
    ['§5.3', 'a -all', 'pass', '2001:db8::1'],
    ['§5.3', 'a//64 -all', 'pass', '2001:db8::99'],
    ['§5.3', 'a/24 -all', 'fail', '2001:db8::99'],
    ['§5.3', 'a:sub.a.test -all', 'pass'],
    ['§5.4', 'mx -all', 'pass', '192.0.2.2'],
    ['§5.4', 'mx -all', 'fail', '192.0.2.1'],
    ['§4.6.4', 'mx:many.test -all', 'permerror'],
    ['§5.5', 'ptr -all', 'pass'],
    ['§5.5', 'ptr:other.test -all', 'fail'],
    ['§5.5', 'ptr -all', 'fail', '192.0.2.4'],
    ['§5.6', 'ip4:192.0.2.0/30 -all', 'pass'],
    ['§5.6', 'ip4:192.0.2.3/31 -all', 'fail', '192.0.2.4'],
    ['§5.6', 'ip6:2001:db8::/32 -all', 'pass', '2001:db8:1::1'],
    ['§5.6', 'ip4:192.0.2.0/33 -all', 'permerror'],
    ['§5.7', 'exists:found.test -all', 'pass'],
    ['§5.7', 'exists:lost.test -all', 'fail'],
    ['§6.1', 'redirect=pass.test', 'pass'],
    ['§6.1', 'redirect=none.test', 'permerror'],
    ['§6.1', '-all redirect=pass.test', 'fail'],
    ['§4.6', 'what -all', 'permerror'],
    ['§4.6.4, ten lookups', `${counted(10, (n) => `include:n${n}.test`)} -all`, 'fail'],
    ['§4.6.4, eleven', `${counted(11, (n) => `include:n${n}.test`)} -all`, 'permerror'],
    ['§4.6.4, ten and one', `${counted(10, (n) => `include:n${n}.test`)} a -all`, 'permerror'],
    [
      '§4.6.4, nine, one, and its macro',
      `${counted(9, (n) => `include:n${n}.test`)} exists:%{p}`,
      'permerror',
    ],
    [
      '§4.6.4, redirected too',
      `${counted(10, (n) => `include:n${n}.test`)} redirect=n11.test`,
      'permerror',
    ],
    ['§4.6.4, round and round', 'include:loop.test -all', 'permerror'],
    ['§4.6.4, two void lookups', 'a:x.test a:y.test -all', 'fail'],
    ['§4.6.4, three', 'a:x.test a:y.test a:z.test -all', 'permerror'],
  ] as const)
    it(`RFC 7208 ${section}: "${terms.slice(0, 40)}" for ${address}: ${expected}`, async () => {
      const zone = zoneOf(`${surroundings}\n  spf: a.test v=spf1 ${terms}`);
      const question = { address, domain: 'a.test', local: 'ann', hello: 'hello.test' };
      assert.equal((await checkSpf(question, new FakeResolver(zone))).result, expected);
    });

  const resultOf = async (domain: string, address = '192.0.2.3') => {
    const zone = zoneOf(`${surroundings}\n  a: plain.test 192.0.2.9`);
    const resolver = new FakeResolver({ ...zone, 'broken.test': { fails: 'servfail' } });
    return (await checkSpf({ address, domain, hello: 'hello.test' }, resolver)).result;
  };

  it('RFC 7208 §5.5: a client whose names cannot be asked for has none', async () => {
    const zone = zoneOf(`${surroundings}\n  spf: a.test v=spf1 ptr -all`);
    const question = { address: '192.0.2.3', domain: 'a.test', hello: 'hello.test' };
    for (const name of ['3.2.0.192.in-addr.arpa', 'sub.a.test']) {
      const resolver = new FakeResolver({ ...zone, [name]: { ...zone[name], fails: 'servfail' } });
      assert.equal((await checkSpf(question, resolver)).result, 'fail', name);
    }
  });

  it('RFC 7208 §4.3, §4.4, §4.5: none, a DNS that fails, two records', async () => {
    for (const domain of ['plain.test', 'nowhere.test', 'test', ''])
      assert.equal(await resultOf(domain), 'none', domain);
    assert.equal(await resultOf('pass.test', 'nobody'), 'none');
    assert.equal(await resultOf('broken.test'), 'temperror');
    assert.equal(await resultOf('twice.test'), 'permerror');
  });

  it('RFC 7208 §4.3: what can be no name of a host is not asked', async () => {
    const long = (length: number) => `${`${'l'.repeat(63)}.`.repeat(3)}${'l'.repeat(length - 192)}`;
    for (const [domain, expected] of [
      ['a.b.test', 'pass'],
      ['a..test', 'none'],
      ['.test', 'none'],
      ['test', 'none'],
      [`${'l'.repeat(63)}.test`, 'pass'],
      [`${'l'.repeat(64)}.test`, 'none'],
      [long(253), 'pass'],
      [long(254), 'none'],
    ] as const) {
      const resolver = new FakeResolver({ [domain]: { TXT: ['v=spf1 +all'] } });
      const question = { address: '192.0.2.3', domain, hello: 'hello.test' };
      assert.equal((await checkSpf(question, resolver)).result, expected, domain);
    }
  });

  it('RFC 7208 §6.2: a fail is explained in the words of its owner, an included one is not', async () => {
    for (const [terms, explanation] of [
      ['-all exp=why.test', '192.0.2.9 is not one of a.test'],
      ['~all exp=why.test', undefined],
      ['-all exp=lost.test', undefined],
      ['-all exp=twice.test', undefined],
      ['-all exp=_dns_error.org', undefined],
      ['-all', undefined],
    ] as const) {
      const zone = zoneOf(`${surroundings}\n  spf: a.test v=spf1 ${terms}`);
      const question = { address: '192.0.2.9', domain: 'a.test', hello: 'hello.test' };
      assert.equal((await checkSpf(question, new FakeResolver(zone))).explanation, explanation);
    }
  });

  it('RFC 7208 §7.3: macros', async () => {
    for (const [name, address] of [
      ['%{ir}.%{v}.%{d2}', '192.0.2.9'],
      ['%{s}.%{l}.%{o}.%{h}', '192.0.2.9'],
      ['%{i}.%{v}', '2001:db8::9'],
      ['%{p}', '192.0.2.1'],
      ['%{p}', '192.0.2.3'],
      ['%{p}', '192.0.2.9'],
    ] as const) {
      const names = new Map<string, string>([
        ['192.0.2.1', 'a.test'], // rather than one below it
        ['192.0.2.3', 'sub.a.test'],
      ]);
      const expanded = {
        '%{ir}.%{v}.%{d2}': '9.2.0.192.in-addr.a.test',
        '%{s}.%{l}.%{o}.%{h}': 'postmaster@a.test.postmaster.a.test.hello.test',
        '%{i}.%{v}': '2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.ip6',
        '%{p}': names.get(address) ?? 'unknown',
      }[name];
      const zone = zoneOf(`${surroundings}\n  spf: a.test v=spf1 exists:${name}.yes.test -all
        a: ${expanded}.yes.test 127.0.0.2`);
      const question = { address, domain: 'a.test', hello: 'hello.test' };
      assert.equal((await checkSpf(question, new FakeResolver(zone))).result, 'pass', name);
    }
  });

  it('RFC 8616 §4: terms with a local part that is not of US-ASCII match nothing', async () => {
    for (const [terms, expected] of [
      ['exists:%{l}.yes.test -all', 'fail'],
      ['-exists:%{l}.yes.test +all', 'pass'],
      ['a:%{s}.yes.test ?all', 'neutral'],
      ['include:%{l1r}.yes.test -all', 'fail'],
      ['redirect=%{l}.yes.test', 'neutral'],
      ['exists:%{o}.yes.test -all', 'pass'],
    ] as const) {
      const resolver = new FakeResolver({
        'a.test': { TXT: [`v=spf1 ${terms}`] },
        'xn--tda.yes.test': { A: ['127.0.0.2'], TXT: ['v=spf1 +all'] },
        'a.test.yes.test': { A: ['127.0.0.2'] },
      });
      const question = { address: '192.0.2.3', domain: 'a.test', local: 'ü', hello: 'hello.test' };
      assert.equal((await checkSpf(question, resolver)).result, expected, terms);
    }
  });
});
