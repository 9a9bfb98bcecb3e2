import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FakeZone } from '../../dns/fake-resolver.ts';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import { checkResolver } from './resolver.ts';

async function said(zone: FakeZone, dane: { verify?: boolean; require?: string[] } = {}) {
  const settings = { dane: { verify: true, require: [], ...dane } };
  const { answers, findings } = await checkResolver(settings, new FakeResolver(zone));
  return [answers, ...findings.map(({ state, text }) => `${state}: ${text}`)];
}

describe('check --dns and the resolver', () => {
  it('one that checks DNSSEC is what it takes', async () => {
    const zone = { org: { authenticated: true } };
    assert.deepEqual(await said(zone), [true, 'ok: the resolver checks DNSSEC, and is believed']);
  });

  it('RFC 4035 §4.9.3: tells that nobody checks DNSSEC, or can be believed', async () => {
    const [, warned] = await said({ org: {} });
    assert.match(`${warned}`, /^warning: no resolver checks DNSSEC here, or none that can be/);
    const [, failed] = await said({ org: {} }, { require: ['example.net'] });
    assert.match(`${failed}`, /^failure: .*`dane\.require` waits$/);
    assert.deepEqual(await said({ org: {} }, { verify: false }), [true]);
  });

  it('tells that the DNS is silent, or broken, once and for all', async () => {
    for (const [fails, why] of [
      ['timeout', 'no answer in time'],
      ['servfail', 'SERVFAIL'],
    ] as const) {
      const [answers, failed, ...more] = await said({ org: { fails } });
      assert.deepEqual([answers, more], [false, []]);
      assert.match(
        `${failed}`,
        new RegExp(`^failure: the DNS does not answer \\(org MX: ${why}\\)`),
      );
    }
  });
});
