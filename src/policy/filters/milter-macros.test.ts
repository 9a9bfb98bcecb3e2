import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { IprevVerdict } from '../../trust/iprev.ts';
import type { ClientFacts } from '../envelope.ts';
import { stranger } from '../test-arrival.ts';
import { macrosOf } from './milter-macros.ts';

const valuesOf = (client: ClientFacts, reverse?: IprevVerdict) => {
  const macros = macrosOf({ hostname: 'mx.example.net', version: 'Postrider', client, reverse });
  return (...names: readonly string[]) => names.map((name) => macros(name));
};

describe('macros, as Postfix gives them', () => {
  for (const [what, reverse, expected] of [
    [
      'leads back',
      { result: 'pass', name: 'a.test' },
      ['a.test', 'a.test', 'OK', 'a.test [192.0.2.1]'],
    ],
    [
      'leads elsewhere',
      { result: 'fail', claimed: 'a.test' },
      ['unknown', 'a.test', 'FORGED', 'a.test [192.0.2.1] (may be forged)'],
    ],
    [
      'cannot be followed now',
      { result: 'temperror', claimed: 'a.test' },
      ['unknown', 'a.test', 'TEMP', 'a.test [192.0.2.1] (may be forged)'],
    ],
    ['is none', { result: 'fail' }, ['unknown', 'unknown', 'FAIL', 'unknown [192.0.2.1]']],
    [
      'is no name of a host',
      { result: 'fail', claimed: 'a.test] (b\n' },
      ['unknown', 'unknown', 'FAIL', 'unknown [192.0.2.1]'],
    ],
    ['nobody asked for', undefined, ['unknown', 'unknown', 'FAIL', 'unknown [192.0.2.1]']],
  ] as const)
    it(`of a client whose name in the DNS ${what}`, () => {
      const values = valuesOf(stranger, reverse);
      assert.deepEqual(values('{client_name}', '{client_ptr}', 'client_resolve', '_'), expected);
    });

  it('an IPv6 address is marked in {client_addr}, and nowhere else', () => {
    const values = valuesOf({ ...stranger, remote: { address: '2001:db8::1', port: 9 } });
    assert.deepEqual(values('{client_addr}', '_'), ['IPv6:2001:db8::1', 'unknown [2001:db8::1]']);
    assert.deepEqual(valuesOf(stranger)('{client_addr}'), ['192.0.2.1']);
  });

  it('the name in a certificate is told of where that is good', () => {
    const tls = { peerNames: ['bank.test'], verified: false } as unknown as ClientFacts['tls'];
    assert.deepEqual(valuesOf({ ...stranger, tls })('{cert_subject}', '{verify}'), [
      undefined,
      'FAIL',
    ]);
    const good = { ...tls!, verified: true };
    assert.deepEqual(valuesOf({ ...stranger, tls: good })('{cert_subject}', '{verify}'), [
      'bank.test',
      'OK',
    ]);
  });
});
