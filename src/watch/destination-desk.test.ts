import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openInMemory } from '../store/sqlite/test-stores.ts';
import { Destinations } from './destination-desk.ts';

it('a destination tells which policy its last TLS was under, and what kept mail away', async () => {
  await using test = await openInMemory();
  const { clock, stores } = test;
  const runner = {
    destinations: () => [],
    hold() {},
    release() {},
    forgive() {},
    facts: { active: 0, waiting: 0, unrecorded: 0, memoryBytes: 0, storeFailing: false },
  };
  const destinations = new Destinations({
    ...{ store: stores.queue, runner, records: stores.records, clock },
  });
  const security = async () => {
    await destinations.hold('mx:example.net'); // so that it is listed
    const { items } = await destinations.list({ limit: 9 });
    return items[0]?.security;
  };
  assert.equal(await security(), undefined);
  const session = { domain: 'example.net', mxHost: 'mx.example.net' } as const;
  const tlsa = { ...session, policy: { type: 'tlsa' } } as const;
  destinations.noteTls('mx:example.net', [
    { ...tlsa, result: 'certificate-not-trusted', reason: 'TLSA_MISMATCH' },
    { ...tlsa, mxHost: 'mx2.example.net', result: 'success' },
  ]);
  assert.deepEqual(await security(), {
    ...{ at: clock.now(), policy: 'dane', result: 'certificate-not-trusted' },
    ...{ host: 'mx.example.net', reason: 'TLSA_MISMATCH' },
  });
  destinations.noteTls('mx:example.net', [
    { ...session, policy: { type: 'sts' }, result: 'success' },
  ]);
  const now = await security();
  assert.deepEqual([now?.policy, now?.result], ['mta-sts', 'success']);
});
