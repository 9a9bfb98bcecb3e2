import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sharingNetwork } from './client-network.ts';

describe('sharingNetwork', () => {
  const table: [string, string][] = [
    ['192.0.2.1', '192.0.2.0/24'],
    ['::ffff:192.0.2.9', '192.0.2.0/24'],
    ['2001:db8:1:2::3', '2001:db8:1::/48'],
    ['2001:db8:1:ffff:1:2:3:4', '2001:db8:1::/48'],
    ['::1', '0:0:0::/48'],
    ['/run/lmtp.sock', '/run/lmtp.sock'],
  ];
  for (const [address, expected] of table)
    it(`${address}: ${expected}`, () => assert.equal(sharingNetwork(address), expected));
});
