// For tests: a zone in few words, as one of the public suites of SPF writes it.

import { addressOctets, reverseName } from '../base/ip-address.ts';
import type { FakeRecords } from '../dns/fake-resolver.ts';

// MX hosts may be given as addresses.
const exchangeOf = (address: string) =>
  address.includes(':') || /^[\d.]+$/.test(address)
    ? `mx-${address.replace(/[.:]/g, '-')}.test`
    : address;

/** `kind: name what`, one record a line. */
export function zoneOf(records: string): Record<string, FakeRecords> {
  const zone = new Map<string, Record<string, unknown[]>>();
  const add = (name: string, type: string, value: unknown) => {
    const of = zone.get(name) ?? {};
    zone.set(name, { ...of, [type]: [...(of[type] ?? []), value] });
  };
  for (const line of records.split('\n')) {
    const [, kind = '', name = '', value = ''] = /^ +(\w+): +(\S+) *(.*)$/.exec(line) ?? [];
    const values = value.trim().toLowerCase().split(/[ ,]+/);
    if (kind === 'spf' || kind === 'exp') add(name.toLowerCase(), 'TXT', value);
    if (kind === 'a' || kind === 'aaaa')
      for (const one of values) add(name, kind.toUpperCase(), one);
    if (kind === 'ptr')
      for (const one of values)
        add(reverseName(addressOctets(name)!), 'PTR', one.replace(/\.$/, ''));
    if (kind !== 'mx') continue;
    for (const one of values) {
      add(name, 'MX', { preference: 10, exchange: exchangeOf(one) });
      if (exchangeOf(one) !== one) add(exchangeOf(one), one.includes(':') ? 'AAAA' : 'A', one);
    }
  }
  // Names that begin with `_dns_error` fail.
  const failing = Object.fromEntries(
    ['_dns_error.org', '_dns_error.test.org'].map((name) => [name, { fails: 'servfail' as const }]),
  );
  return { ...Object.fromEntries(zone), ...failing };
}
