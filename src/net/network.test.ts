import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createNetworks, isAddress, isLoopback, parseNetwork } from './network.ts';

describe('isLoopback', () => {
  // What it says decides where AUTH is offered in the clear.
  for (const host of ['localhost', '::1', '127.0.0.1', '127.8.8.8'])
    it(`${host} is`, () => assert.equal(isLoopback(host), true));
  for (const host of [
    '',
    '0.0.0.0',
    '::',
    '192.0.2.1',
    '127.evil.test',
    'mx.example.org',
    '2001:db8::1',
  ])
    it(`'${host}' is not`, () => assert.equal(isLoopback(host), false));

  it('an address is one without a zone', () => {
    const texts = ['192.0.2.1', '::1', 'fe80::1%eth0', 'localhost', ''];
    assert.deepEqual(texts.map(isAddress), [true, true, false, false, false]);
  });
});

describe('networks', () => {
  const inside: [networks: string[], address: string, expected: boolean][] = [
    [['127.0.0.1/32', '::1/128'], '127.0.0.1', true],
    [['127.0.0.1/32', '::1/128'], '::1', true],
    [['127.0.0.1/32'], '127.0.0.2', false],
    [['192.0.2.0/24'], '192.0.2.255', true],
    [['192.0.2.0/24'], '::ffff:192.0.2.7', true],
    [['192.0.2.7'], '192.0.2.7', true],
    [['2001:db8::/32'], '2001:db8:1::1', true],
    [['2001:db8::/32'], '2001:db9::1', false],
    [['0.0.0.0/0'], '2001:db8::1', false],
    [['::/0'], '192.0.2.1', true],
    // Those of IPv4 within IPv6 are IPv4; no other network of IPv6 has clients of IPv4 in it.
    [['::ffff:192.0.2.0/120'], '192.0.2.7', true],
    [['::ffff:192.0.2.0/120'], '::ffff:192.0.2.7', true],
    [['::ffff:192.0.2.0/120'], '192.0.3.7', false],
    [['::ffff:0:0/96'], '192.0.2.7', true],
    [['::/64'], '192.0.2.7', false],
    [['::ffff:0:0/95'], '::ffff:192.0.2.7', false],
    [['::/64'], '::1', true],
    [[], '127.0.0.1', false],
    [['0.0.0.0/0'], '/run/socket', false],
  ];
  for (const [networks, address, expected] of inside)
    it(`${address} ${expected ? 'is' : 'is not'} in [${networks}]`, () => {
      assert.equal(createNetworks(networks).has(address), expected);
    });

  for (const text of [
    '',
    '/',
    '1.2.3.4/',
    '1.2.3.4/33',
    '::/129',
    '1.2.3',
    'a/8',
    'fe80::1%eth0/64',
    '1.2.3.4/8/8',
  ])
    it(`RFC 4632: '${text}' is no network`, () => {
      assert.equal(parseNetwork(text), undefined);
      assert.throws(() => createNetworks([text]), /^TypeError: not a network: /);
    });
});
