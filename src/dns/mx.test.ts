import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../base/random.ts';
import { fc } from '../base/test-properties.ts';
import { enhancedStatus } from '../smtp/reply.ts';
import type { FakeZone } from './fake-resolver.ts';
import { FakeResolver } from './fake-resolver.ts';
import type { MxOptions } from './mx.ts';
import { mxHosts } from './mx.ts';
import { DnsError } from './resolver.ts';

function ask(zone: FakeZone, options: Partial<MxOptions> = {}) {
  return mxHosts({
    domain: 'example.net',
    resolver: new FakeResolver(zone),
    random: seededRandom(7),
    ourNames: new Set(['mx.example.org']),
    hostsMax: 5,
    ...options,
  });
}

/** `name=address,address` for each host, or the refusal's code and status. */
async function told(zone: FakeZone, options: Partial<MxOptions> = {}): Promise<string> {
  const result = await ask(zone, options);
  if (result.kind === 'refuse') return `${result.reply.code} ${enhancedStatus(result.reply)}`;
  return result.hosts.map(({ name, addresses }) => `${name}=${addresses.join()}`).join(' ');
}

const a = (last: number) => ({ A: [`192.0.2.${last}`] });

type Case = [string, FakeZone, string, Partial<MxOptions>?];

describe('mxHosts', () => {
  const table: Case[] = [
    [
      'RFC 5321 §5.1: tries hosts in order of preference',
      {
        'example.net': { MX: ['20 b.example.net', '10 a.example.net', '30 c.example.net'] },
        'a.example.net': a(1),
        'b.example.net': a(2),
        'c.example.net': a(3),
      },
      'a.example.net=192.0.2.1 b.example.net=192.0.2.2 c.example.net=192.0.2.3',
    ],
    [
      'RFC 5321 §5.1: a domain without MX records is its own host (implicit MX)',
      { 'example.net': { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] } },
      'example.net=2001:db8::1,192.0.2.1',
    ],
    [
      'RFC 5321 §5.1: follows a CNAME and goes on with the resulting name',
      { 'example.net': { CNAME: 'host.example.com' }, 'host.example.com': a(9) },
      'host.example.com=192.0.2.9',
    ],
    [
      'RFC 5321 §5.1: takes the MX records that a CNAME leads to',
      {
        'example.net': { CNAME: 'example.com' },
        'example.com': { MX: ['10 mx.example.com'] },
        'mx.example.com': a(9),
      },
      'mx.example.com=192.0.2.9',
    ],
    ['RFC 5321 §5.1: a domain that does not exist is an error', {}, '550 5.1.2'],
    [
      'RFC 5321 §5.1: with MX records the address of the domain itself is not used',
      { 'example.net': { MX: ['10 gone.example.net'], A: ['192.0.2.1'] } },
      '550 5.4.4',
    ],
    [
      'a domain with neither MX nor address is an error',
      { 'example.net': { TXT: ['v=spf1 -all'] } },
      '550 5.4.4',
    ],
    [
      'a host without an address is passed over',
      {
        'example.net': { MX: ['10 gone.example.net', '20 b.example.net'] },
        'b.example.net': a(2),
      },
      'b.example.net=192.0.2.2',
    ],
    [
      'passed-over hosts do not count against the limit',
      {
        'example.net': { MX: ['1 x.example.net', '2 y.example.net', '30 b.example.net'] },
        'b.example.net': a(2),
      },
      'b.example.net=192.0.2.2',
      { hostsMax: 2 },
    ],
    [
      'RFC 7505 §4.1: refuses a null MX with 556 5.1.10',
      { 'example.net': { MX: ['0 .'], A: ['192.0.2.1'] } },
      '556 5.1.10',
    ],
    [
      'RFC 7505 §3: a null MX beside other records means nothing',
      { 'example.net': { MX: ['0 .', '10 a.example.net'] }, 'a.example.net': a(1) },
      'a.example.net=192.0.2.1',
    ],
    [
      'RFC 5321 §5.1: drops ourselves and all that are not more preferred',
      {
        'example.net': {
          MX: ['10 a.example.net', '20 mx.example.org', '20 b.example.net', '30 c.example.net'],
        },
        'a.example.net': a(1),
        'b.example.net': a(2),
        'c.example.net': a(3),
      },
      'a.example.net=192.0.2.1',
    ],
    [
      'RFC 5321 §5.1: mail for a domain whose best host is us is undeliverable',
      {
        'example.net': { MX: ['10 mx.example.org', '20 b.example.net'] },
        'b.example.net': a(2),
      },
      '554 5.4.6',
    ],
    [
      'RFC 5321 §5.1: knows itself by an address, too',
      {
        'example.net': {
          MX: ['10 a.example.net', '20 b.example.net', '20 alias.example.net'],
        },
        'a.example.net': a(1),
        'b.example.net': a(2),
        'alias.example.net': a(53),
      },
      'a.example.net=192.0.2.1',
      { ourAddresses: new Set(['192.0.2.53']), hostsMax: 2 },
    ],
    ...[
      { A: ['127.0.0.1'] },
      { A: ['127.1.2.3'] },
      { A: ['0.0.0.0'] },
      { AAAA: ['::'] },
      { AAAA: ['::1'] },
      { AAAA: ['::ffff:127.0.0.1'] },
    ].map(
      (host): Case => [
        `RFC 1122 §3.2.1.3: ${Object.values(host)[0]} leads to this machine`,
        { 'example.net': { MX: ['10 a.example.net'] }, 'a.example.net': host },
        '554 5.4.6',
        { ourAddresses: new Set(['127.0.0.1', '::1']) },
      ],
    ),
    [
      'an implicit MX that is us is a loop',
      { 'mx.example.org': a(53) },
      '554 5.4.6',
      { domain: 'mx.example.org' },
    ],
    [
      'a temporary failure of one host does not spoil the others',
      {
        'example.net': { MX: ['10 a.example.net', '20 b.example.net'] },
        'a.example.net': { ...a(1), fails: 'servfail' },
        'b.example.net': a(2),
      },
      'b.example.net=192.0.2.2',
    ],
    [
      'a temporary failure of one family does not spoil the other',
      { 'example.net': { A: ['192.0.2.1'], fails: { AAAA: 'timeout' } } },
      'example.net=192.0.2.1',
    ],
    [
      'RFC 5321 §4.1.3: an IPv4 literal is the host',
      {},
      '[192.0.2.7]=192.0.2.7',
      { domain: '[192.0.2.7]' },
    ],
    [
      'RFC 5321 §4.1.3: an IPv6 literal is the host',
      {},
      '[ipv6:2001:db8::7]=2001:db8::7',
      { domain: '[IPv6:2001:DB8:0::7]' },
    ],
    [
      'a literal of ours is a loop',
      {},
      '554 5.4.6',
      {
        domain: '[192.0.2.53]',
        ourAddresses: new Set(['192.0.2.53']),
      },
    ],
    [
      'a name with a label over 63 octets is never asked for',
      {},
      '550 5.1.2',
      {
        domain: `${'a'.repeat(64)}.example.net`,
      },
    ],
    [
      'a name with an empty label is never asked for',
      {},
      '550 5.1.2',
      {
        domain: 'example..net',
      },
    ],
  ];
  for (const [title, zone, expected, options] of table)
    it(title, async () => assert.equal(await told(zone, options), expected));

  it('RFC 5321 §5.1: hosts of equal preference come in random order', async () => {
    const zone: FakeZone = {
      'example.net': { MX: ['10 a.example.net', '10 b.example.net', '10 c.example.net'] },
      'a.example.net': a(1),
      'b.example.net': a(2),
      'c.example.net': a(3),
    };
    const orders = new Set<string>();
    for (let seed = 0; seed < 100; seed += 1)
      orders.add(await told(zone, { random: seededRandom(seed) }));
    assert.equal(orders.size, 6);
  });

  it('addresses of both families alternate', async () => {
    const result = await ask({
      'example.net': { A: ['192.0.2.1', '192.0.2.2'], AAAA: ['2001:db8::1', '2001:db8::2'] },
    });
    assert(result.kind === 'hosts');
    const families = result.hosts[0].addresses.map((address) => address.includes(':'));
    assert.deepEqual(families, [true, false, true, false]);
  });

  it('RFC 5321 §5.1: a temporary failure is thrown, never reported as final', async () => {
    const failing: FakeZone[] = [
      { 'example.net': { fails: 'servfail' } },
      { 'example.net': { fails: { A: 'timeout' } } },
      {
        'example.net': { MX: ['10 gone.example.net', '20 b.example.net'] },
        'b.example.net': { fails: 'timeout' },
      },
      {
        'example.net': { MX: ['10 a.example.net', '20 mx.example.org'] },
        'a.example.net': { fails: 'servfail' },
      },
    ];
    for (const zone of failing) await assert.rejects(ask(zone), DnsError);
  });

  it('looks up no more hosts than are worth trying', async () => {
    const zone: Record<string, FakeZone[string]> = {
      'example.net': { MX: Array.from({ length: 30 }, (_, i) => `${i} h${i}.example.net`) },
    };
    for (let i = 0; i < 30; i += 1) zone[`h${i}.example.net`] = a(i);
    const resolver = new FakeResolver(zone);
    const result = await ask({}, { resolver, hostsMax: 3 });
    assert.equal(result.kind === 'hosts' && result.hosts.length, 3);
    assert.equal(resolver.queries.length, 1 + 2 * 3);
  });

  it('RFC 7672 §2.2.2: says which answers were authenticated', async () => {
    const result = await ask({
      'example.net': { MX: ['10 a.example.net', '20 b.example.net'], authenticated: true },
      'a.example.net': { ...a(1), AAAA: ['2001:db8::1'], authenticated: true },
      'b.example.net': a(2),
    });
    assert(result.kind === 'hosts');
    assert.equal(result.authenticated, true);
    assert.deepEqual(
      result.hosts.map((host) => host.authenticated),
      [true, false],
    );
  });

  it('RFC 7672 §2.2.2: one family that can be believed is enough, also where the other fails', async () => {
    const authenticated = async (zone: FakeZone) => {
      const result = await ask({ 'example.net': { MX: ['10 a.example.net'] }, ...zone });
      assert(result.kind === 'hosts');
      return result.hosts.map((host) => [host.authenticated, host.canonicalName]);
    };
    const fails = { AAAA: 'servfail' } as const;
    assert.deepEqual(
      await authenticated({ 'a.example.net': { ...a(1), fails, authenticated: true } }),
      [[true, 'a.example.net']],
    );
    assert.deepEqual(await authenticated({ 'a.example.net': { ...a(1), fails } }), [
      [false, 'a.example.net'],
    ]);
    // Only the answer that leads to addresses says anything.
    assert.deepEqual(
      await authenticated({
        'a.example.net': { CNAME: 'b.example.org', authenticated: true },
        'b.example.org': { ...a(2), authenticated: true },
      }),
      [[true, 'b.example.org']],
    );
  });

  it('never offers a host as preferred as ourselves, or less', async () => {
    const records = fc.array(fc.tuple(fc.nat(3), fc.nat(5)), { minLength: 1, maxLength: 12 });
    const property = fc.asyncProperty(records, fc.nat(5), fc.nat(), async (mx, us, seed) => {
      const zone: Record<string, FakeZone[string]> = {
        'example.net': { MX: mx.map(([preference, host]) => `${preference} h${host}.example.net`) },
      };
      for (let i = 0; i <= 5; i += 1) zone[`h${i}.example.net`] = a(i);
      for (const known of [
        { ourNames: new Set([`h${us}.example.net`]) },
        { ourAddresses: new Set([`192.0.2.${us}`]) },
      ]) {
        const result = await ask(zone, { ...known, random: seededRandom(seed), hostsMax: 3 });
        const ours = Math.min(...mx.filter(([, host]) => host === us).map(([p]) => p));
        if (result.kind === 'refuse') assert.equal(Math.min(...mx.map(([p]) => p)), ours);
        else for (const { preference } of result.hosts) assert.ok(preference < ours);
      }
    });
    await fc.assert(property, { numRuns: 300 });
  });
});
