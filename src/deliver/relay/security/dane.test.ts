import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeResolver } from '../../../dns/fake-resolver.ts';
import type { TlsaRecord } from '../../../dns/resolver.ts';
import type { RelayRoute } from '../relay-route.ts';
import type { DaneSettings } from './dane.ts';
import { createDane, daneOf, tlsaPolicy } from './dane.ts';
import type { FoundHost } from './security.ts';

const host: FoundHost = {
  ...{ name: 'mx.example.net', initialName: 'mx.example.net', canonicalName: 'mx.example.net' },
  ...{ addresses: ['192.0.2.1'], domains: ['example.net'] },
  authenticity: { name: true, addresses: true },
};
const usable: TlsaRecord = { usage: 3, selector: 1, matching: 1, data: Buffer.alloc(32) };
const ofWebPki: TlsaRecord = { ...usable, usage: 1 };
const mx: RelayRoute = { kind: 'mx', domain: 'example.net' };

async function ask(
  TLSA: readonly TlsaRecord[],
  {
    settings,
    route = mx,
    of = host,
  }: { settings?: DaneSettings; route?: RelayRoute; of?: FoundHost } = {},
) {
  const resolver = new FakeResolver({
    '_25._tcp.mx.example.net': { TLSA, authenticated: true },
  });
  const dane = createDane(settings ?? { verify: true });
  const found = await daneOf(of, route, { dane, resolver });
  const said =
    found.kind === 'barred'
      ? `${found.barred.result}: ${found.barred.reply.lines[0]}`
      : (found.tlsa?.records.length ?? 'nothing');
  return { said, queries: resolver.queries.length };
}

describe('what the DNS says of a certificate', () => {
  it('is asked of hosts whose names are signed, where the operator wants it', async () => {
    assert.deepEqual(await ask([usable]), { said: 1, queries: 1 });
    const nobody = { said: 'nothing', queries: 0 };
    assert.deepEqual(await ask([usable], { settings: { verify: false } }), nobody);
    const unsigned = { ...host, authenticity: { name: false, addresses: true } };
    assert.deepEqual(await ask([usable], { of: unsigned }), nobody);
    const resolver = new FakeResolver();
    assert.equal(await createDane().find(host, 25, resolver), undefined);
    assert.equal(resolver.queries.length, 0, 'without settings');
  });

  it('is not asked where no TLS is wanted, nor for LMTP', async () => {
    const nobody = { said: 'nothing', queries: 0 };
    assert.deepEqual(await ask([usable], { route: { ...mx, tls: 'none' } }), nobody);
    const lmtp: RelayRoute = { kind: 'lmtp', host: 'mx.example.net', port: 24 };
    assert.deepEqual(await ask([usable], { route: lmtp }), nobody);
  });

  it('RFC 7672 §6: where it is required a host without records of use gets no mail', async () => {
    const settings = { verify: true, require: ['example.net'] };
    assert.equal((await ask([usable], { settings })).said, 1);
    assert.match(String((await ask([], { settings })).said), /^dane-required: .*no TLSA records/);
    assert.match(
      String((await ask([ofWebPki], { settings })).said),
      /^dane-required: .*of no use between mail servers/,
    );
    const unsigned = { ...host, authenticity: { name: false, addresses: true } };
    assert.match(
      String((await ask([usable], { settings, of: unsigned })).said),
      /^dane-required: .*not signed/,
    );
    assert.equal(
      (await ask([], { settings: { verify: true, require: ['example.org'] } })).said,
      'nothing',
    );
    assert.equal((await ask([ofWebPki])).said, 1, 'nobody requires it');
  });

  it('… by the domain of MX records, and by the host where the operator named it', async () => {
    const settings = { verify: true, require: ['mx.example.net'] };
    assert.equal((await ask([], { settings })).said, 'nothing');
    const route: RelayRoute = {
      kind: 'host',
      host: 'mx.example.net',
      port: 25,
      tls: 'opportunistic',
    };
    assert.match(String((await ask([], { settings, route })).said), /^dane-required/);
  });

  it('RFC 7672 §2.1.2: where it does not say, the host gets no mail; what else fails is a bug', async () => {
    const dane = createDane({ verify: true });
    const silent = new FakeResolver({ '_25._tcp.mx.example.net': { fails: 'servfail' } });
    const found = await daneOf(host, mx, { dane, resolver: silent });
    assert.ok(found.kind === 'barred');
    assert.deepEqual([found.barred.result, found.barred.reply.code], ['dnssec-invalid', 451]);
    const broken = { resolve: () => Promise.reject(new TypeError('a bug')) } as never;
    await assert.rejects(daneOf(host, mx, { dane, resolver: broken }), TypeError);
  });

  it('RFC 8460 §4.5: reports show twenty records at the most', () => {
    const { strings = [] } = tlsaPolicy(Array(30).fill(usable));
    assert.equal(strings.length, 20);
    assert.match(strings[0]!, /^3 1 1 (?:00){32}$/);
  });
});
