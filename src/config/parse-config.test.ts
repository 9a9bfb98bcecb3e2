import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ConfigInput } from './config.ts';
import { ConfigError, parseConfig } from './parse-config.ts';

it('parseConfig: gives what a server takes, or every problem', () => {
  const config = parseConfig({ hostname: 'mx.test', dataDirectory: 'mail' }, '/var/lib');
  assert.equal(config.dataDirectory, '/var/lib/mail');
  const wrong = { hostname: 'a b', listeners: [{ service: 'smtp' }] } as unknown as ConfigInput;
  assert.throws(
    () => parseConfig(wrong),
    (error) => {
      assert.ok(error instanceof ConfigError && error instanceof TypeError);
      assert.equal(error.code, 'INVALID_CONFIG');
      assert.deepEqual(
        error.problems.map(({ path }) => path),
        ['hostname', 'listeners[0].port'],
      );
      return true;
    },
  );
});

it('takes what settings were called in 0.1', () => {
  assert.equal(parseConfig({ dns: { trustAd: true } }).dns.validating, true);
  assert.equal(parseConfig({ dns: { trustAd: false } }).dns.validating, undefined);
  assert.equal(parseConfig({ dns: { trustAd: true, validating: false } }).dns.validating, false);
});
