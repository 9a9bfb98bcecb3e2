import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FakeRecords } from '../dns/fake-resolver.ts';
import { FakeResolver } from '../dns/fake-resolver.ts';
import type { Resolver } from '../dns/resolver.ts';
import { DnsBusy } from '../dns/resolver.ts';
import type { DmarcQuestion } from './dmarc.ts';
import { checkDmarc, walkNames } from './dmarc.ts';
import { parseDmarcRecord } from './dmarc-record.ts';

/** Records of domains, and other names. */
function check(
  records: Readonly<Record<string, string>>,
  question: Partial<DmarcQuestion> & { readonly from: string | readonly string[] },
  names: Readonly<Record<string, FakeRecords>> = {},
) {
  const zone = Object.entries(records).map(([domain, text]) => [
    `_dmarc.${domain}`,
    { TXT: [text] },
  ]);
  const resolver = new FakeResolver({ ...Object.fromEntries(zone), ...names });
  const { from, spf, dkim = [], unknown } = question;
  return checkDmarc({ authors: [from].flat(), spf, dkim, unknown }, resolver).then((verdict) => ({
    verdict,
    asked: resolver.queries.filter(({ type }) => type === 'TXT').map(({ name }) => name),
  }));
}

describe('DMARC: the walk (RFC 9989 §4.10)', () => {
  it('goes from the name to its top, at most eight times', () => {
    assert.deepEqual(walkNames('a.mail.example.com'), [
      ...['a.mail.example.com', 'mail.example.com', 'example.com', 'com'],
    ]);
    assert.deepEqual(walkNames('a.b.c.d.e.f.g.h.i.j.mail.example.com'), [
      'a.b.c.d.e.f.g.h.i.j.mail.example.com',
      'g.h.i.j.mail.example.com',
      ...['h.i.j.mail.example.com', 'i.j.mail.example.com', 'j.mail.example.com'],
      ...['mail.example.com', 'example.com', 'com'],
    ]);
    // Seven labels are left of eight, and of seven six.
    assert.equal(walkNames('a.b.c.d.e.f.example.com').length, 8);
    assert.equal(walkNames('a.b.c.d.e.example.com').length, 7);
  });

  it('stops at psd=n and at psd=y', async () => {
    const records = {
      'mail.example.com': 'v=DMARC1; p=none; psd=n',
      'example.com': 'v=DMARC1; p=reject',
    };
    const { verdict, asked } = await check(records, {
      from: 'a.mail.example.com',
      spf: 'example.com',
    });
    assert.equal(verdict.policyDomain, 'mail.example.com');
    assert.equal(verdict.result, 'fail', 'mail.example.com is an organization of its own');
    assert.ok(
      asked.includes('_dmarc.a.mail.example.com') && asked.includes('_dmarc.mail.example.com'),
    );
  });

  it('ends at a public suffix that is the author itself: its parent is another organization', async () => {
    const records = { 'co.test': 'v=DMARC1; p=reject; psd=y', test: 'v=DMARC1; p=reject' };
    const { verdict } = await check(records, { from: 'co.test', spf: 'test' });
    assert.equal(verdict.result, 'fail');
  });

  it('asks for a record once, however many walks lead past it', async () => {
    const records = { 'a.example.com': 'v=DMARC1; p=reject' };
    const { asked } = await check(records, {
      from: ['a.example.com', 'b.example.com'],
      ...{ spf: 'c.example.com', dkim: ['d.example.com'] },
    });
    assert.ok(asked.includes('_dmarc.example.com'));
    assert.deepEqual(asked, [...new Set(asked)]);
  });

  it('reaches a top-level domain', async () => {
    const { verdict } = await check(
      { gov: 'v=DMARC1; p=reject; psd=y; sp=quarantine' },
      { from: 'a.b.gov' },
    );
    assert.equal(verdict.policyDomain, 'gov');
    assert.equal(verdict.policy, 'quarantine');
  });

  it('several records at a name are none', async () => {
    const { verdict } = await check(
      { 'example.com': 'v=DMARC1; p=none' },
      { from: 'a.example.com' },
      {
        '_dmarc.a.example.com': { TXT: ['v=DMARC1; p=reject', 'v=DMARC1; p=reject'] },
      },
    );
    assert.equal(verdict.policyDomain, 'example.com');
  });

  it('other records at the name do no harm', async () => {
    const { verdict } = await check(
      {},
      { from: 'example.com' },
      {
        '_dmarc.example.com': { TXT: ['hello', 'v=DMARC1; p=reject', 'v=dmarc1; p=none'] },
      },
    );
    assert.equal(verdict.policy, 'reject');
  });
});

describe('DMARC: which record applies (RFC 9989 §4.10.1)', () => {
  const com = 'v=DMARC1; p=none; psd=y; np=reject';
  it("the author's own, though its organization is another one", async () => {
    const records = {
      'a.example.com': 'v=DMARC1; p=quarantine',
      'example.com': 'v=DMARC1; p=reject',
    };
    const { verdict } = await check(records, { from: 'a.example.com', dkim: ['b.example.com'] });
    assert.equal(verdict.policy, 'quarantine');
    assert.equal(verdict.result, 'pass', 'relaxed, by way of example.com');
  });

  it('a record in between that is neither does not count', async () => {
    const records = {
      'b.example.com': 'v=DMARC1; p=quarantine',
      'example.com': 'v=DMARC1; p=reject',
    };
    const { verdict } = await check(records, { from: 'a.b.example.com' });
    assert.equal(verdict.policyDomain, 'example.com');
  });

  it('that of a public suffix never wins over the organization', async () => {
    const records = { com, 'example.com': 'v=DMARC1; p=quarantine' };
    assert.equal(
      (await check(records, { from: 'a.example.com' })).verdict.policyDomain,
      'example.com',
    );
    assert.equal((await check({ com }, { from: 'a.example.com' })).verdict.policyDomain, 'com');
  });

  it('sp= for subdomains that exist, np= for those that do not, else p=', async () => {
    const records = { 'example.com': 'v=DMARC1; p=none; sp=quarantine; np=reject' };
    const names = {
      'there.example.com': { MX: ['10 mx.example.com'] },
      'alias.example.com': { CNAME: 'gone.example.net' },
    };
    const policy = async (from: string) => (await check(records, { from }, names)).verdict.policy;
    assert.equal(await policy('example.com'), 'none');
    assert.equal(await policy('there.example.com'), 'quarantine');
    assert.equal(await policy('gone.example.com'), 'reject');
    assert.equal(await policy('alias.example.com'), 'quarantine', 'a dangling alias exists');
    const plain = { 'example.com': 'v=DMARC1; p=reject' };
    assert.equal((await check(plain, { from: 'gone.example.com' })).verdict.policy, 'reject');
  });

  it('t=y lowers what is asked for by one step', async () => {
    const { verdict } = await check(
      { 'example.com': 'v=DMARC1; p=reject; t=y' },
      { from: 'example.com' },
    );
    assert.deepEqual([verdict.policy, verdict.requested], ['reject', 'quarantine']);
  });

  it('none where there is no record', async () => {
    assert.equal((await check({}, { from: 'example.com' })).verdict.result, 'none');
  });
});

describe('DMARC: alignment (RFC 9989 §4.4, §4.10.2)', () => {
  const records = { 'example.com': 'v=DMARC1; p=reject' };
  for (const [what, question, result] of [
    ['the same domain by SPF', { spf: 'example.com' }, 'pass'],
    ['a subdomain by SPF', { spf: 'bounce.example.com' }, 'pass'],
    ['a subdomain by DKIM', { dkim: ['other.test', 'd.example.com'] }, 'pass'],
    ['another domain', { spf: 'example.net', dkim: ['evil.test'] }, 'fail'],
    ['a domain that ends the same', { spf: 'badexample.com' }, 'fail'],
    ['nothing', {}, 'fail'],
  ] as const)
    it(`${what}: ${result}`, async () => {
      const { verdict } = await check(records, { from: 'example.com', ...question });
      assert.equal(verdict.result, result);
    });

  it('strict: the same domain only, without a walk', async () => {
    const strict = { 'example.com': 'v=DMARC1; p=reject; adkim=s; aspf=s' };
    const { verdict } = await check(strict, {
      from: 'example.com',
      spf: 'a.example.com',
      dkim: ['b.example.com'],
    });
    assert.equal(verdict.result, 'fail');
    assert.equal(
      (await check(strict, { from: 'example.com', spf: 'EXAMPLE.com' })).verdict.result,
      'pass',
    );
  });

  it('each domain has its own walk: a signer that is an organization of its own is not aligned', async () => {
    const own = { ...records, 'customer.example.com': 'v=DMARC1; p=none; psd=n' };
    const { verdict } = await check(own, { from: 'example.com', dkim: ['customer.example.com'] });
    assert.equal(verdict.result, 'fail');
  });

  it('two below a public suffix are strangers', async () => {
    const suffix = { 'co.test': 'v=DMARC1; p=none; psd=y', 'a.co.test': 'v=DMARC1; p=reject' };
    const { verdict } = await check(suffix, { from: 'a.co.test', dkim: ['b.co.test'] });
    assert.equal(verdict.result, 'fail');
  });

  it('U-labels and A-labels are the same', async () => {
    const umlaut = { 'xn--bcher-kva.test': 'v=DMARC1; p=reject' };
    const { verdict } = await check(umlaut, { from: 'bücher.test', dkim: ['xn--bcher-kva.test'] });
    assert.deepEqual([verdict.result, verdict.domain], ['pass', 'xn--bcher-kva.test']);
  });

  it('an author who is not asked about does not hide behind another one, and needs not be asked about where his name passed', async () => {
    const records = new FakeResolver({ '_dmarc.evil.test': { TXT: ['v=DMARC1; p=none'] } });
    const resolver: Resolver = {
      async resolve(name, ...rest) {
        if (name === '_dmarc.bank.test') throw new DnsBusy();
        return records.resolve(name, ...rest);
      },
    };
    const authors = ['evil.test', 'bank.test'];
    const verdict = await checkDmarc({ authors, spf: undefined, dkim: [] }, resolver);
    assert.deepEqual([verdict.domain, verdict.isBusy], ['bank.test', true]);
    for (const own of [{ dkim: ['Bank.test'] }, { spf: 'bank.test' }, { dkim: ['x.bank.test'] }]) {
      const question = { authors: ['bank.test'], spf: undefined, dkim: [], ...own };
      const { result, isBusy } = await checkDmarc(question, resolver);
      assert.deepEqual(
        [result, isBusy],
        ['temperror', own.dkim?.[0] === 'x.bank.test' || undefined],
      );
    }
  });

  it('a DNS that does not answer is a temperror, never none (RFC 9989 §5.3.6)', async () => {
    const { verdict } = await check(
      {},
      { from: 'example.com', spf: 'example.com' },
      {
        '_dmarc.example.com': { fails: 'servfail' },
      },
    );
    assert.equal(verdict.result, 'temperror');
  });

  for (const [who, question] of [
    ['sender', { spf: 'evil.test' }],
    ['signer', { dkim: ['evil.test'] }],
    ['signer that was not checked', { unknown: ['evil.test'] }],
  ] as const)
    it(`the DNS of a ${who} elsewhere does not matter, nor is it asked`, async () => {
      const { verdict, asked } = await check(
        records,
        { from: 'example.com', ...question },
        { '_dmarc.evil.test': { fails: 'servfail' } },
      );
      assert.equal(verdict.result, 'fail');
      assert.ok(!asked.includes('_dmarc.evil.test'));
    });

  it('who may speak for the domain and was not checked leaves it open (RFC 9989 §5.3.6)', async () => {
    for (const unknown of ['example.com', 'mail.example.com']) {
      const { verdict } = await check(records, { from: 'example.com', unknown: [unknown] });
      assert.deepEqual([verdict.result, verdict.requested], ['temperror', 'reject']);
      const both = { from: 'example.com', spf: 'example.com', unknown: [unknown] };
      assert.equal((await check(records, both)).verdict.result, 'pass');
    }
  });

  it('of several signers one that is aligned is enough, though the DNS of another fails', async () => {
    const fails = { '_dmarc.a.example.com': { fails: 'servfail' } } as const;
    for (const [dkim, result] of [
      [['a.example.com', 'b.example.com'], 'pass'],
      [['a.example.com', 'evil.test'], 'temperror'],
    ] as const)
      assert.equal(
        (await check(records, { from: 'example.com', dkim }, fails)).verdict.result,
        result,
      );
  });
});

describe('DMARC: several authors (RFC 9989 §11.5)', () => {
  const records = { 'good.test': 'v=DMARC1; p=none', 'bank.test': 'v=DMARC1; p=reject' };
  it('the worst of them counts, wherever it stands', async () => {
    for (const from of [
      ['good.test', 'bank.test'],
      ['bank.test', 'good.test'],
    ]) {
      const { verdict } = await check(records, { from, dkim: ['good.test'] });
      assert.deepEqual(
        [verdict.result, verdict.domain, verdict.requested],
        ['fail', 'bank.test', 'reject'],
      );
    }
  });

  it('one that may be refused counts before one that is let pass', async () => {
    const from = ['good.test', 'bank.test'];
    const { verdict } = await check(records, { from, unknown: ['bank.test'] });
    assert.deepEqual([verdict.result, verdict.domain], ['temperror', 'bank.test']);
  });

  it('of two that are as bad the first is told of', async () => {
    const same = { 'a.test': 'v=DMARC1; p=reject', 'b.test': 'v=DMARC1; p=reject' };
    const { verdict } = await check(same, { from: ['b.test', 'a.test'] });
    assert.deepEqual([verdict.result, verdict.domain], ['fail', 'b.test']);
  });

  it('too many are an error, and cost no questions', async () => {
    const from = Array.from({ length: 6 }, (_, n) => `d${n}.test`);
    const { verdict, asked } = await check(records, { from });
    assert.deepEqual([verdict.result, asked.length], ['permerror', 0]);
    assert.equal((await check(records, { from: from.slice(1) })).verdict.result, 'none');
  });

  it('nobody at all is none', async () => {
    assert.equal((await check(records, { from: [] })).verdict.result, 'none');
  });
});

describe('DMARC: the record (RFC 9989 §4.7, §4.8)', () => {
  for (const [text, expected] of [
    ['v=DMARC1; p=reject', { p: 'reject', adkim: 'r', aspf: 'r', psd: 'u', isTest: false }],
    ['v=DMARC1;p=reject;', { p: 'reject' }],
    ['v = DMARC1 ; P = Quarantine ; sp=none', { p: 'quarantine', sp: 'none' }],
    ['V=DMARC1; P=reject', { p: 'reject' }],
    ['v=DMARC1; p=none; pct=50; rf=afrf; ri=3600; new=x', { p: 'none' }],
    [
      'v=DMARC1; p=reject; adkim=x; psd=q; t=maybe; =; rubbish',
      { p: 'reject', adkim: 'r', psd: 'u' },
    ],
    ['v=DMARC1; rua=mailto:a@b.test', { p: 'none', rua: ['a@b.test'] }],
    ['v=DMARC1; p=junk; rua=mailto:a@b.test', { p: 'none' }],
    ['v=DMARC1; p=reject; sp=junk; rua=mailto:a@b.test', { p: 'none', sp: undefined }],
    [
      'v=DMARC1; p=none; rua=mailto:a@b.test!10m, https://c.test, mailto:d%2Be@f.test',
      { rua: ['a@b.test', 'd+e@f.test'], sizes: new Map([['a@b.test', 10 * 2 ** 20]]) },
    ],
    [
      'v=DMARC1; p=none; rua=mailto:a@b.test!10p, mailto:c@b.test!1.5m, mailto:d@b.test!9 ,mailto:e@b.test!',
      {
        rua: ['a@b.test', 'c@b.test', 'd@b.test', 'e@b.test'],
        sizes: new Map([['d@b.test', 9]]),
      },
    ],
  ] as const)
    it(`${text} is read`, () => {
      const record = parseDmarcRecord(text) as unknown as Record<string, unknown>;
      for (const [name, value] of Object.entries(expected))
        assert.deepEqual(record[name], value, name);
    });

  for (const text of [
    '',
    'p=reject; v=DMARC1',
    'v=dmarc1; p=reject',
    'v=DMARC12; p=reject',
    'v=DMARC1',
    'v=DMARC1; p=junk',
  ])
    it(`${text || 'nothing'} is no record`, () => assert.equal(parseDmarcRecord(text), undefined));
});
