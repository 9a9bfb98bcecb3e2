import assert from 'node:assert/strict';
import { it } from 'node:test';
import { resolveConfig } from '../config/resolve.ts';
import { destinationRates } from './destination-rates.ts';

it('rates of what leaves are by the domain, or by the host of a route, which may be an address', () => {
  const perDestination = {
    'example.net': '1/1m',
    '.example.net': '2/1m',
    'relay.example.org': '3/1m',
    '192.0.2.1': '4/1m',
    '2001:db8::1': '5/1m',
  };
  const resolved = resolveConfig({ rateLimits: { perDestination } }, '/');
  assert.ok(resolved.kind === 'ok', JSON.stringify(resolved));
  const rates = resolved.config.rateLimits.perDestination;
  const rateOf = destinationRates(() => rates);
  const found = (destination: string) => rateOf(destination)?.count;
  for (const [destination, count] of [
    ['mx:example.net', 1],
    ['mx:sub.example.net', 2],
    ['mx:other.test', undefined],
    ['host:relay.example.org:25#0', 3],
    ['host:192.0.2.1:2525#1', 4],
    ['host:2001:db8::1:25#0', 5],
    ['host:192.0.2.10:25#0', undefined],
    ['local', undefined],
  ] as const)
    assert.equal(found(destination), count, destination);
});
