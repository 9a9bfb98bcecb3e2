import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isPublicAddress } from './public-address.ts';

it('RFC 6890: tells addresses of the Internet from all others', () => {
  for (const address of ['8.8.8.8', '172.32.0.1', '2a00:1450::1', '2606:4700::1111'])
    assert.equal(isPublicAddress(address), true, address);
  for (const address of [
    ...['127.0.0.1', '10.1.2.3', '172.31.255.255', '192.168.1.1', '169.254.169.254', '0.0.0.0'],
    ...['100.64.0.1', '224.0.0.1', '255.255.255.255', '::1', '::', 'fe80::1', 'fd00::1', 'ff02::1'],
    ...['::ffff:127.0.0.1', '::ffff:8.8.8.8', '64:ff9b::7f00:1', '2002:7f00:1::', '2001::1'],
    ...['fe80::1%eth0', 'localhost', ''],
  ])
    assert.equal(isPublicAddress(address), false, address);
});
