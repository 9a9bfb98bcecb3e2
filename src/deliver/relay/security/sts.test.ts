import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reply } from '../../../smtp/reply.ts';
import type { HopHost } from '../host-walk.ts';
import { underSts } from './sts.ts';

const lines = ['version: STSv1'];
const enforce = { mode: 'enforce', mx: ['mx.example.net'], lines } as const;
const testing = { ...enforce, mode: 'testing' } as const;
const reported = [{ type: 'sts', strings: lines, mxHosts: enforce.mx }];

const host = (security: HopHost['security'], initialName = 'mx.example.net') =>
  ({ name: initialName, initialName, addresses: ['192.0.2.1'], security }) as unknown as HopHost;
const opportunistic = host({ kind: 'opportunistic' } as never);

describe('a host under the MTA-STS policy of its domain', () => {
  it('RFC 8461 §4.2: has to show a certificate for the name in the MX record', () => {
    const { security, tlsPolicies } = underSts(opportunistic, enforce);
    assert.deepEqual(security, { kind: 'names', names: ['mx.example.net'] });
    assert.deepEqual(tlsPolicies, reported);
  });

  it('RFC 8461 §5: gets no mail where the policy does not name it; in testing that is noted alone', () => {
    const other = host({ kind: 'opportunistic' } as never, 'other.example.net');
    const { barred, security } = underSts(other, enforce);
    assert.deepEqual(
      [barred?.reply.code, barred?.result, security],
      [...[451, 'validation-failure', undefined]],
    );
    for (const [one, allowed] of [
      [other, false],
      [opportunistic, true],
    ] as const)
      assert.deepEqual(underSts(one, testing), {
        ...{ ...one, tlsPolicies: reported, tested: { allowed } },
      });
  });

  it('RFC 8461 §2: is as it was where TLSA records or the operator decide, and without a policy', () => {
    const barred = {
      ...{ ...opportunistic, security: undefined },
      barred: { reply: reply(451, '4.3', 'Later') },
    } as unknown as HopHost;
    for (const one of [host({ kind: 'tlsa' } as never), host({ kind: 'none' }), barred])
      assert.equal(underSts(one, enforce), one);
    for (const one of [opportunistic, barred]) assert.equal(underSts(one, undefined), one);
  });

  it('adds its policy to those that are reported already', () => {
    const before = { type: 'tlsa', strings: [] } as const;
    const { tlsPolicies } = underSts({ ...opportunistic, tlsPolicies: [before] }, enforce);
    assert.deepEqual(tlsPolicies, [before, ...reported]);
  });
});
