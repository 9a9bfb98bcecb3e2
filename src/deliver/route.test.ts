import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import type { RouteRule, RouterOptions } from './route.ts';
import { createRouter } from './route.ts';

const relay = (domain: string, host: string, user?: string): RouteRule => ({
  domain,
  kind: 'host',
  host,
  port: 25,
  tls: 'opportunistic',
  login: user === undefined ? undefined : { user, password: 'secret' },
});
const dovecot: RouteRule = { domain: '.internal.example.org', kind: 'lmtp', path: '/run/lmtp' };

const options: RouterOptions = {
  domains: ['example.org', '.lists.example.org', 'bücher.example'],
  routes: [
    relay('sink.test', '127.0.0.1'),
    dovecot,
    { domain: 'direct.example.com', kind: 'mx', tls: 'verify' },
    { domain: 'void.test', kind: 'discard' },
    relay('*', 'smarthost.example.net', 'u'),
  ],
};

describe('createRouter', () => {
  const table = [
    ['ann@example.org', 'local'],
    ['ann@EXAMPLE.org', 'local'],
    ['"a@b"@example.org', 'local'],
    ['ann@xn--bcher-kva.example', 'local'],
    ['ann@BÜCHER.example', 'local'],
    ['ann@one.lists.example.org', 'local'],
    ['ann@lists.example.org', 'host:smarthost.example.net:25#4'],
    ['postmaster', 'local'],
    ['bob@sink.test', 'host:127.0.0.1:25#0'],
    ['bob@a.sink.test', 'host:smarthost.example.net:25#4'],
    ['bob@x.internal.example.org', 'lmtp:/run/lmtp'],
    ['bob@a.b.internal.example.org', 'lmtp:/run/lmtp'],
    ['bob@internal.example.org', 'host:smarthost.example.net:25#4'],
    ['bob@direct.example.com', 'mx:direct.example.com'],
    ['bob@void.test', 'discard'],
    ['bob@[192.0.2.1]', 'host:smarthost.example.net:25#4'],
  ] as const;
  const router = createRouter(options);
  for (const [address, destination] of table)
    it(`${address} goes to ${destination}`, () => {
      assert.equal(router.wayOf(address).destination, destination);
      assert.deepEqual(router.routeOfDestination(destination), router.route(address));
    });

  it('sends by MX what no route matches', () => {
    const bare = createRouter({ domains: [], routes: [] });
    assert.equal(bare.wayOf('bob@Example.NET').destination, 'mx:example.net');
    assert.deepEqual(bare.route('bob@Example.NET'), { kind: 'mx', domain: 'example.net' });
  });

  it('takes the first route that matches, not the most specific', () => {
    const { wayOf } = createRouter({
      domains: [],
      routes: [relay('.example.net', 'a'), relay('x.example.net', 'b')],
    });
    assert.equal(wayOf('bob@x.example.net').destination, 'host:a:25#0');
  });

  it('a route that names a domain of ours wins over local delivery; `*` does not', () => {
    const { wayOf } = createRouter({
      domains: ['example.org', 'example.com'],
      routes: [relay('*', 'smarthost'), { ...dovecot, domain: 'example.com' }],
    });
    assert.equal(wayOf('ann@example.org').destination, 'local');
    assert.equal(wayOf('ann@example.com').destination, 'lmtp:/run/lmtp');
  });

  it('keeps what an MX route says of TLS', () => {
    const route = router.routeOfDestination('mx:direct.example.com');
    assert.deepEqual(route, { kind: 'mx', domain: 'direct.example.com', tls: 'verify' });
  });

  it('keeps two logins at one host apart', () => {
    const { wayOf, routeOfDestination } = createRouter({
      domains: [],
      routes: [relay('a.test', 'smart', 'a'), relay('b.test', 'smart', 'b')],
    });
    assert.notEqual(wayOf('x@a.test').destination, wayOf('x@b.test').destination);
    const route = routeOfDestination(wayOf('x@b.test').destination);
    assert.equal(route?.kind === 'host' && route.login?.user, 'b');
  });

  it('finds a host again whose route moved, and says when a destination is gone', () => {
    const moved = createRouter({ domains: [], routes: [dovecot, relay('*', 'smart')] });
    const route = moved.routeOfDestination('host:smart:25#0');
    assert.equal(route?.kind === 'host' && route.host, 'smart');
    for (const gone of ['host:other:25#0', 'lmtp:/run/other', 'mx:example.net', 'nonsense', ''])
      assert.equal(moved.routeOfDestination(gone), undefined);
  });

  it('RFC 2033: mail for our domains may go to an LMTP server', () => {
    const lmtp = { kind: 'lmtp', path: '/run/dovecot/lmtp' } as const;
    const { wayOf, route, routeOfDestination } = createRouter({
      domains: ['example.org'],
      routes: [],
      localDelivery: lmtp,
    });
    assert.equal(wayOf('ann@example.org').destination, 'local');
    assert.deepEqual(route('ann@example.org'), lmtp);
    assert.deepEqual(routeOfDestination('local'), lmtp);
  });

  it('catches everything when told to', () => {
    const { wayOf } = createRouter({ ...options, catchAll: true });
    for (const [address] of table) assert.equal(wayOf(address).destination, 'local');
  });

  it('route and destination agree for any address, seen before or not', () => {
    const label = fc.constantFrom(
      'example',
      'org',
      'sink',
      'test',
      'internal',
      'x',
      'direct',
      'com',
    );
    const domain = fc
      .array(label, { minLength: 1, maxLength: 5 })
      .map((labels) => labels.join('.'));
    fc.assert(
      fc.property(domain, (name) => {
        const fresh = createRouter(options);
        const address = `bob@${name}`;
        const destination = router.wayOf(address).destination;
        assert.equal(destination, fresh.wayOf(address.toUpperCase()).destination);
        assert.equal(destination, router.wayOf(address).destination);
        assert.deepEqual(router.routeOfDestination(destination), router.route(address));
        assert.deepEqual(fresh.routeOfDestination(destination), router.route(address));
      }),
    );
  });
});
