import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../base/random.ts';
import type { FakeZone } from '../../dns/fake-resolver.ts';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import { findHosts } from './hosts.ts';
import type { RelayRoute } from './relay-route.ts';

async function hostsOf(route: RelayRoute, zone: FakeZone) {
  const parts = {
    resolver: new FakeResolver(zone),
    random: seededRandom(1),
    ourNames: new Set<string>(),
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
