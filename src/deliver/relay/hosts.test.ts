import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../base/random.ts';
import type { FakeRecords, FakeZone } from '../../dns/fake-resolver.ts';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import { findHosts } from './hosts.ts';
import type { RelayRoute } from './relay-route.ts';
import type { DaneSettings } from './security/dane.ts';
import { createDane } from './security/dane.ts';

async function hostsOf(
  route: RelayRoute,
  zone: FakeZone,
  {
    dane,
    resolver = new FakeResolver(zone),
  }: { dane?: DaneSettings; resolver?: FakeResolver } = {},
) {
  const parts = {
    resolver,
    random: seededRandom(1),
    ourNames: new Set<string>(),
    dane: createDane(dane),
  };
  const found = await findHosts(route, parts, 5);
  assert.equal(found.kind, 'hosts');
  return found.kind === 'hosts' ? found.hosts : [];
}

const mx: RelayRoute = { kind: 'mx', domain: 'example.net' };
const a = { A: ['192.0.2.1'] };
const signed = { authenticated: true };

describe('the hosts of a route', () => {
  it('RFC 7672 §2.2: each comes with how far the DNS can be believed about it', async () => {
    const authenticityOf = async (zone: FakeZone, route = mx) => {
      const [host] = await hostsOf(route, zone);
      return [host?.authenticity, host?.canonicalName];
    };
    const records = { MX: ['10 mx.example.net'] };
    const believed = async (domain: object, host: object) =>
      authenticityOf({
        'example.net': { ...records, ...domain },
        'mx.example.net': { ...a, ...host },
      });
    const name = 'mx.example.net';
    assert.deepEqual(await believed({}, {}), [{ name: false, addresses: false }, name]);
    assert.deepEqual(await believed(signed, {}), [{ name: true, addresses: false }, name]);
    assert.deepEqual(await believed({}, signed), [{ name: false, addresses: true }, name]);
    assert.deepEqual(await believed(signed, signed), [{ name: true, addresses: true }, name]);
    const implicit = { 'example.net': { ...a, ...signed } };
    assert.deepEqual(await authenticityOf(implicit), [
      { name: true, addresses: true },
      'example.net',
    ]);
  });

  it('RFC 7672 §2.2.2: an alias is kept beside the name it leads to, and one weak link is enough', async () => {
    const zone = (alias: object, target: object): FakeZone => ({
      'example.net': { MX: ['10 mx.example.net'], ...signed },
      'mx.example.net': { CNAME: 'host.example.org', ...alias },
      'host.example.org': { ...a, ...target },
    });
    const [host] = await hostsOf(mx, zone(signed, signed));
    assert.equal(host?.name, 'mx.example.net');
    assert.equal(host?.canonicalName, 'host.example.org');
    assert.equal(host?.authenticity.addresses, true);
    for (const [alias, target] of [
      [signed, {}],
      [{}, signed],
    ] as const) {
      const [weak] = await hostsOf(mx, zone(alias, target));
      assert.equal(weak?.authenticity.addresses, false);
    }
  });

  it('a host that the operator names needs no witness for its name, but for its addresses', async () => {
    const route: RelayRoute = { kind: 'host', host: 'smart.example.org', port: 587, tls: 'verify' };
    const zone = { 'smart.example.org': { CNAME: 'real.example.org', ...signed } };
    const real = (more: object) => ({ ...zone, 'real.example.org': { ...a, ...more } });
    const [good] = await hostsOf(route, real(signed));
    assert.deepEqual(good?.authenticity, { name: true, addresses: true });
    assert.equal(good?.canonicalName, 'real.example.org');
    const [weak] = await hostsOf(route, real({}));
    assert.deepEqual(weak?.authenticity, { name: true, addresses: false });
    const [literal] = await hostsOf({ ...route, host: '[192.0.2.1]' }, {});
    assert.deepEqual(literal?.authenticity, { name: true, addresses: false });
    assert.equal(literal?.canonicalName, '192.0.2.1');
  });

  it('RFC 7672 §3.2.2: what the destination is called comes along, before and behind an alias', async () => {
    const zone: FakeZone = {
      'example.net': { CNAME: 'example.org' },
      'example.org': { MX: ['10 mx.example.org'] },
      'mx.example.org': a,
    };
    const [aliased] = await hostsOf(mx, zone);
    assert.deepEqual(aliased?.domains, ['example.net', 'example.org']);
    const [plain] = await hostsOf({ ...mx, domain: 'example.org' }, zone);
    assert.deepEqual(plain?.domains, ['example.org']);
    const [implicit] = await hostsOf({ ...mx, domain: 'mx.example.org' }, zone);
    assert.deepEqual(implicit?.domains, ['mx.example.org']);
    const [named] = await hostsOf(
      { kind: 'host', host: 'mx.example.org', port: 25, tls: 'none' },
      zone,
    );
    assert.deepEqual(named?.domains, []);
  });

  it('each comes with the security its route asks for', async () => {
    const zone = {
      'example.net': { MX: ['10 mx1.example.net', '20 mx2.example.net'] },
      'mx1.example.net': a,
      'mx2.example.net': a,
    };
    const securities = async (route: RelayRoute) =>
      (await hostsOf(route, zone)).map(({ security }) => security);
    const names = (name: string) => ({ kind: 'names', names: [name] });
    const kinds = (kind: string) => [{ kind }, { kind }];
    assert.deepEqual(await securities(mx), kinds('opportunistic'));
    assert.deepEqual(await securities({ ...mx, tls: 'none' }), kinds('none'));
    assert.deepEqual(await securities({ ...mx, tls: 'require' }), kinds('encrypted'));
    assert.deepEqual(await securities({ ...mx, tls: 'verify' }), [
      names('mx1.example.net'),
      names('mx2.example.net'),
    ]);
    assert.deepEqual(await securities({ kind: 'lmtp', path: '/run/lmtp' }), [{ kind: 'none' }]);
    const host = { kind: 'host', host: 'mx1.example.net', port: 25, tls: 'require' } as const;
    assert.deepEqual(await securities(host), [{ kind: 'encrypted' }]);
  });
});

describe('the TLSA records of a host', () => {
  const record = (usage: number, selector = 1, matching = 1) => ({
    ...{ usage, selector, matching, data: new Uint8Array(32).fill(usage) },
  });
  const ee = record(3);
  const tlsa = (...records: (typeof ee)[]): FakeRecords => ({ TLSA: records, ...signed });
  const signedMx = { MX: ['10 mx.example.net'], ...signed };
  const plain: FakeZone = {
    'example.net': signedMx,
    'mx.example.net': { ...a, ...signed },
    '_25._tcp.mx.example.net': tlsa(ee),
  };
  const alias: FakeZone = {
    'example.net': signedMx,
    'mx.example.net': { CNAME: 'host.example.org', ...signed },
    'host.example.org': { ...a, ...signed },
    '_25._tcp.host.example.org': tlsa(ee),
    '_25._tcp.mx.example.net': tlsa(record(2)),
  };
  const without = (zone: FakeZone, ...names: string[]): FakeZone =>
    Object.fromEntries(Object.entries(zone).filter(([name]) => !names.includes(name)));
  const unsigned = { authenticated: false };
  const change = (zone: FakeZone, name: string, more: FakeRecords): FakeZone => ({
    ...zone,
    [name]: { ...zone[name], ...more },
  });

  /** `tlsa NAMES USAGES`, another kind of security, or why the host gets no mail. */
  async function demanded(zone: FakeZone, route = mx, settings: Partial<DaneSettings> = {}) {
    const resolver = new FakeResolver(zone);
    const dane = { verify: true, ...settings };
    const [host] = await hostsOf(route, zone, { dane, resolver });
    const asked = resolver.queries.filter(({ type }) => type === 'TLSA' || type === 'CNAME');
    const { security, barred, tlsPolicies } = host!;
    const said =
      barred !== undefined
        ? `barred: ${barred.result}: ${barred.reply.lines[0]}`
        : security?.kind === 'tlsa'
          ? `tlsa ${security.names.join(',')} ${security.records.map(({ usage }) => usage)}`
          : security?.kind;
    return { said, asked: asked.map(({ name, type }) => `${type} ${name}`), tlsPolicies };
  }
  const saidOf = async (...args: Parameters<typeof demanded>) => (await demanded(...args)).said;

  const cases: readonly {
    readonly title: string;
    readonly zone: FakeZone;
    readonly said: string;
    readonly asked?: readonly string[];
  }[] = [
    {
      title: 'RFC 7672 §2.2: signed from end to end, they are demanded',
      zone: plain,
      said: 'tlsa mx.example.net,example.net 3',
      asked: ['TLSA _25._tcp.mx.example.net'],
    },
    {
      title: 'RFC 7672 §2.2.1: MX records that are not signed lead to no demand',
      zone: change(plain, 'example.net', unsigned),
      said: 'opportunistic',
      asked: [],
    },
    {
      title: 'RFC 7672 §2.2.2: below an address that is not signed nobody is asked',
      zone: change(change(plain, 'mx.example.net', unsigned), '_25._tcp.mx.example.net', {
        fails: 'servfail',
      }),
      said: 'opportunistic',
      asked: [],
    },
    {
      title: 'RFC 7672 §2.2: records that are not signed are none',
      zone: change(plain, '_25._tcp.mx.example.net', unsigned),
      said: 'opportunistic',
    },
    {
      title: 'RFC 7672 §2.2: that there are none is an answer',
      zone: without(plain, '_25._tcp.mx.example.net'),
      said: 'opportunistic',
    },
    {
      title: 'RFC 7672 §2.1.2: without an answer the host gets no mail',
      zone: change(plain, '_25._tcp.mx.example.net', { fails: 'servfail' }),
      said: 'barred: dnssec-invalid: The DNS does not say which certificate mx.example.net must have: _25._tcp.mx.example.net TLSA: SERVFAIL',
    },
    {
      title: 'RFC 7672 §2.1.2: nor when the answer is late',
      zone: change(plain, '_25._tcp.mx.example.net', { fails: 'timeout' }),
      said: 'barred: dnssec-invalid: The DNS does not say which certificate mx.example.net must have: _25._tcp.mx.example.net TLSA: no answer in time',
    },
    {
      title: 'one family of addresses is enough, though the other fails',
      zone: change(plain, 'mx.example.net', { fails: { AAAA: 'servfail' } }),
      said: 'tlsa mx.example.net,example.net 3',
    },
    {
      title: 'RFC 7672 §3.1.3: usages 0 and 1 are left aside',
      zone: change(plain, '_25._tcp.mx.example.net', tlsa(record(0), record(1), record(2), ee)),
      said: 'tlsa mx.example.net,example.net 2,3',
    },
    {
      title: 'RFC 7672 §2.2: and where there are no others, TLS is demanded all the same',
      zone: change(plain, '_25._tcp.mx.example.net', tlsa(record(1))),
      said: 'encrypted',
    },
    {
      title: 'RFC 7672 §2.2.3: of an alias those at the name it leads to come first',
      zone: alias,
      said: 'tlsa host.example.org,example.net 3',
      asked: ['TLSA _25._tcp.host.example.org'],
    },
    {
      title: 'RFC 7672 §2.2.3: and then those at the alias',
      zone: without(alias, '_25._tcp.host.example.org'),
      said: 'tlsa mx.example.net,example.net 2',
      asked: ['TLSA _25._tcp.host.example.org', 'TLSA _25._tcp.mx.example.net'],
    },
    {
      title: 'RFC 7672 §2.2.3: but not when the first question fails',
      zone: change(alias, '_25._tcp.host.example.org', { fails: 'servfail' }),
      said: 'barred: dnssec-invalid: The DNS does not say which certificate mx.example.net must have: _25._tcp.host.example.org TLSA: SERVFAIL',
    },
    {
      title: 'RFC 7672 §2.2.2: a signed alias that leads out of what is signed has its own',
      zone: change(alias, 'host.example.org', unsigned),
      said: 'tlsa mx.example.net,example.net 2',
      asked: ['CNAME mx.example.net', 'TLSA _25._tcp.mx.example.net'],
    },
    {
      title: 'RFC 7672 §2.2.2: an alias that is not signed has none',
      zone: change(alias, 'mx.example.net', unsigned),
      said: 'opportunistic',
      asked: ['CNAME mx.example.net'],
    },
    {
      title: 'RFC 7672 §2.2.2: without MX records the domain is its own host',
      zone: {
        'example.net': { ...a, ...signed },
        '_25._tcp.example.net': tlsa(ee),
      },
      said: 'tlsa example.net 3',
    },
    {
      title: 'RFC 7672 §3.2.2: which as an alias keeps its name',
      zone: {
        'example.net': { CNAME: 'host.example.org', ...signed },
        'host.example.org': { ...a, ...signed },
        '_25._tcp.host.example.org': tlsa(ee),
      },
      said: 'tlsa host.example.org,example.net 3',
    },
    {
      title: 'RFC 7672 §3.2.2: the domain is known by both names if it is an alias',
      zone: {
        ...plain,
        'example.net': { CNAME: 'example.org', ...signed },
        'example.org': signedMx,
      },
      said: 'tlsa mx.example.net,example.net,example.org 3',
    },
    {
      title: 'RFC 7672 §2.2.3: an alias of the records changes no name',
      zone: {
        ...plain,
        '_25._tcp.mx.example.net': { CNAME: 'tlsa.example.org', ...signed },
        'tlsa.example.org': tlsa(record(2)),
      },
      said: 'tlsa mx.example.net,example.net 2',
    },
    {
      title: 'RFC 7672 §2.1.3: which has to be signed to its end',
      zone: {
        ...plain,
        '_25._tcp.mx.example.net': { CNAME: 'tlsa.example.org', ...signed },
        'tlsa.example.org': { TLSA: [ee] },
      },
      said: 'opportunistic',
    },
  ];
  for (const { title, zone, said, asked } of cases)
    it(title, async () => {
      const found = await demanded(zone);
      assert.equal(found.said, said);
      if (asked !== undefined) assert.deepEqual(found.asked, asked);
    });

  it('a host that was passed over does not stand in the way of the next', async () => {
    const zone: FakeZone = {
      ...change(plain, '_25._tcp.mx.example.net', { fails: 'servfail' }),
      'example.net': { MX: ['10 mx.example.net', '20 mx2.example.net'], ...signed },
      'mx2.example.net': { ...a, ...signed },
      '_25._tcp.mx2.example.net': tlsa(ee),
    };
    const hosts = await hostsOf(mx, zone, { dane: { verify: true } });
    assert.deepEqual(
      hosts.map(({ name, security, barred }) => [name, security?.kind, barred?.result]),
      [
        ['mx.example.net', undefined, 'dnssec-invalid'],
        ['mx2.example.net', 'tlsa', undefined],
      ],
    );
  });

  it('RFC 7672 §2.2: MX records that cannot be had let all mail wait', async () => {
    const zone = change(plain, 'example.net', { fails: 'servfail' });
    const parts = { resolver: new FakeResolver(zone), random: seededRandom(1) };
    const dane = createDane({ verify: true });
    const found = await findHosts(mx, { ...parts, ourNames: new Set(), dane }, 5);
    assert.equal(found.kind === 'later' && found.reply.code, 451);
  });

  it('what the route asks for is the least; only `none` is none', async () => {
    const bad = change(plain, '_25._tcp.mx.example.net', tlsa(record(1)));
    const table = [
      ['none', 'none', 'none'],
      ['opportunistic', 'tlsa', 'encrypted'],
      ['require', 'tlsa', 'encrypted'],
      ['verify', 'tlsa', 'names'],
    ] as const;
    for (const [tls, usable, useless] of table) {
      assert.equal((await saidOf(plain, { ...mx, tls }))?.split(' ')[0], usable);
      assert.equal((await saidOf(bad, { ...mx, tls }))?.split(' ')[0], useless);
    }
    assert.deepEqual((await demanded(plain, { ...mx, tls: 'none' })).asked, []);
    assert.equal(await saidOf(plain, mx, { verify: false }), 'opportunistic');
  });

  it('RFC 7672 §2.2.3: a host that the operator names has them too, at its port', async () => {
    const host = 'mx.example.net';
    const route = { kind: 'host', host, port: 587, tls: 'require' } as const;
    assert.equal(await saidOf(plain, route), 'encrypted');
    const zone = { ...plain, '_587._tcp.mx.example.net': tlsa(ee) };
    assert.equal(await saidOf(zone, route), 'tlsa mx.example.net 3');
    const named = change({ ...alias, '_587._tcp.host.example.org': tlsa(ee) }, 'x', {});
    assert.equal(await saidOf(named, route), 'tlsa host.example.org,mx.example.net 3');
    const literal = await demanded(zone, { ...route, host: '[192.0.2.1]' });
    assert.deepEqual([literal.said, literal.asked], ['encrypted', []]);
    const lmtp = { kind: 'lmtp', host, port: 587, tls: 'require' } as const;
    assert.deepEqual((await demanded(zone, lmtp)).asked, []);
  });

  it('RFC 7672 §6: where they are required, mail waits for them', async () => {
    const require = ['example.net'];
    assert.equal(await saidOf(plain, mx, { require }), 'tlsa mx.example.net,example.net 3');
    const waits = async (zone: FakeZone, why: string, patterns = require) =>
      assert.equal(
        await saidOf(zone, mx, { require: patterns }),
        `barred: dane-required: DANE is required for mx.example.net, but ${why}`,
      );
    await waits(
      without(plain, '_25._tcp.mx.example.net'),
      'it has no TLSA records that are signed',
    );
    await waits(
      change(plain, 'example.net', unsigned),
      'the MX records that name it are not signed',
      ['*'],
    );
    await waits(
      change(plain, '_25._tcp.mx.example.net', tlsa(record(1))),
      'its TLSA records are of no use between mail servers',
    );
    const others = { require: ['.example.net', 'example.org'] };
    assert.equal(
      await saidOf(without(plain, '_25._tcp.mx.example.net'), mx, others),
      'opportunistic',
    );
  });

  it('RFC 5321 §5.1: knows ourselves by an address at the port where we take mail', async () => {
    const zone = { 'example.net': { MX: ['10 mx.example.net'] }, 'mx.example.net': a };
    const resolver = new FakeResolver(zone);
    const ourAddresses = new Map([[25, new Set(['192.0.2.1'])]]);
    const parts = { resolver, random: seededRandom(1), ourNames: new Set<string>(), ourAddresses };
    const found = (port?: number) =>
      findHosts({ ...mx, port }, { ...parts, dane: createDane() }, 5).then(({ kind }) => kind);
    assert.deepEqual(
      [await found(), await found(25), await found(2525)],
      [...['refuse', 'refuse', 'hosts']],
    );
  });

  it('RFC 8460 §4.5: a report shows them as a zone has them, and not all of a flood', async () => {
    const { tlsPolicies } = await demanded(plain);
    assert.deepEqual(tlsPolicies, [{ type: 'tlsa', strings: [`3 1 1 ${'03'.repeat(32)}`] }]);
    const flood = Array.from({ length: 1300 }, () => ee);
    const many = await demanded(change(plain, '_25._tcp.mx.example.net', tlsa(...flood)));
    assert.equal(many.tlsPolicies?.[0].strings?.length, 20);
  });
});
