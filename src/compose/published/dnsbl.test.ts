import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import { dnsblFindings } from './dnsbl.ts';

it('RFC 5782 §5: check --dns tells a list from what is none, or does not serve us', async () => {
  const zones = ['good.test', 'refusing.test', 'gone.test', 'all.test', 'broken.test'];
  const resolver = new FakeResolver({
    '2.0.0.127.good.test': { A: ['127.0.0.2'] },
    '2.0.0.127.refusing.test': { A: ['127.255.255.254'] },
    '2.0.0.127.all.test': { A: ['127.0.0.2'] },
    '1.0.0.127.all.test': { A: ['127.0.0.2'] },
    '2.0.0.127.broken.test': { fails: 'servfail' },
  });
  const lists = [
    ...zones.map((zone) => ({ zone, weight: 10 })),
    { zone: 'white.test', weight: -5 },
  ];
  const findings = await dnsblFindings({ dnsbl: { lists, patience: 3_000 } }, resolver);
  assert.deepEqual(
    findings.map(({ state, text }) => `${state}: ${text}`),
    [
      'ok: good.test answers',
      'warning: refusing.test answers 127.255.255.254, which is no listing: most lists refuse public resolvers; ask by one of your own',
      'warning: gone.test does not list 127.0.0.2, as every list must: is the name right?',
      'warning: all.test lists 127.0.0.1, so it may list everybody',
      'warning: broken.test cannot be asked: 2.0.0.127.broken.test A: SERVFAIL',
      'ok: white.test answers',
    ],
  );
});
