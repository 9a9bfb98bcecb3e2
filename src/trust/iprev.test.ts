import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeResolver } from '../dns/fake-resolver.ts';
import { checkIprev } from './iprev.ts';

it('RFC 8601 §3: a name counts where it leads back; else the first is what the address claims', async () => {
  const resolver = new FakeResolver({
    '1.2.0.192.in-addr.arpa': { PTR: ['elsewhere.test', 'a.test'] },
    '2.2.0.192.in-addr.arpa': { PTR: ['elsewhere.test'] },
    'a.test': { A: ['192.0.2.1'] },
    'elsewhere.test': { A: ['192.0.2.9'] },
  });
  assert.deepEqual(await checkIprev('192.0.2.1', resolver), { result: 'pass', name: 'a.test' });
  const claims = { result: 'fail', claimed: 'elsewhere.test' };
  assert.deepEqual(await checkIprev('192.0.2.2', resolver), claims);
  assert.deepEqual(await checkIprev('192.0.2.3', resolver), { result: 'fail' });
});
