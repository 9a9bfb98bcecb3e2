import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { clientNetwork } from '../net/client-network.ts';
import { createConnectionLimits } from './connection-limits.ts';

describe('clientNetwork', () => {
  const table = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:FFFF:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:1:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['/run/postrider/lmtp.sock', '/run/postrider/lmtp.sock'],
    ['', ''],
  ] as const;
  for (const [address, network] of table)
    it(`${address} is of ${network}`, () => assert.equal(clientNetwork(address), network));

  it('gives all of a /64 one network, and different ones different networks', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((n) => n.toString(16));
    const groups = fc.array(group, { minLength: 8, maxLength: 8 });
    const property = fc.property(groups, groups, (one, other) => {
      const same = [...one.slice(0, 4), ...other.slice(4)];
      const of = (parts: string[]) => clientNetwork(parts.join(':'));
      assert.equal(of(one), of(same));
      const equal = one.slice(0, 4).join() === other.slice(0, 4).join();
      assert.equal(of(one) === of(other), equal);
    });
    fc.assert(property);
  });
});

describe('createConnectionLimits', () => {
  it('RFC 5321 §3.8: answers 421 when there are too many in all', () => {
    const limits = createConnectionLimits({ connections: 2, connectionsPerClient: 9 });
    assert.equal(limits.admit('192.0.2.1'), undefined);
    assert.equal(limits.admit('192.0.2.2'), undefined);
    assert.equal(limits.admit('192.0.2.3')?.code, 421);
    limits.release('192.0.2.1');
    assert.equal(limits.admit('192.0.2.3'), undefined);
    assert.equal(limits.open, 2);
  });

  it('counts an IPv6 /64 as one client', () => {
    const limits = createConnectionLimits({ connections: 9, connectionsPerClient: 1 });
    assert.equal(limits.admit('2001:db8::1'), undefined);
    assert.equal(limits.admit('2001:db8::2')?.detail, '7.0');
    assert.equal(limits.admit('2001:db8:0:1::2'), undefined);
  });

  it('does not count exempt clients against the limit of one client', () => {
    const isExempt = (address: string) => address === '127.0.0.1';
    const limits = createConnectionLimits({ connections: 3, connectionsPerClient: 1, isExempt });
    for (let i = 0; i < 3; i += 1) assert.equal(limits.admit('127.0.0.1'), undefined);
    assert.equal(limits.admit('127.0.0.1')?.code, 421);
  });

  it('a release without an admission changes nothing', () => {
    const limits = createConnectionLimits({ connections: 1, connectionsPerClient: 1 });
    limits.release('192.0.2.1');
    assert.equal(limits.open, 0);
    assert.equal(limits.admit('192.0.2.1'), undefined);
  });

  it('what a client gives back it may have again, and no more', () => {
    const limits = createConnectionLimits({ connections: 9, connectionsPerClient: 2 });
    for (let i = 0; i < 2; i += 1) assert.equal(limits.admit('192.0.2.1'), undefined);
    limits.release('192.0.2.1');
    assert.equal(limits.admit('192.0.2.1'), undefined);
    assert.equal(limits.admit('192.0.2.1')?.code, 421);
    for (let i = 0; i < 3; i += 1) limits.release('192.0.2.1');
    assert.equal(limits.open, 0);
  });

  it('takes new limits without a restart', () => {
    const limits = createConnectionLimits({ connections: 1, connectionsPerClient: 1 });
    limits.admit('192.0.2.1');
    limits.update({ connections: 2, connectionsPerClient: 2 });
    assert.equal(limits.admit('192.0.2.1'), undefined);
  });
});
