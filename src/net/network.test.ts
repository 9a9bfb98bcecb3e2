import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createNetworks, parseNetwork } from './network.ts';

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
      assert.throws(() => createNetworks([text]));
    });
});
