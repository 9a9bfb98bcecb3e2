// Settings about how names are looked up.

import { z } from 'zod';
import { parseServer } from '../../net/system-names.ts';
import type { Findings } from '../named-files.ts';
import type { PartOf } from './setting.ts';
import * as setting from './setting.ts';

const { count, duration, flag, shown, text } = setting;

const dns = z.strictObject({
  servers: z
    .array(text('an address', { about: '' }))
    .min(1)
    .max(16)
    .optional()
    .meta({
      about: "Name servers, `'192.0.2.53'` or `'192.0.2.53:5353'`. Without this: the system's.",
      kind: 'a list of addresses',
    }),
  timeout: duration({
    about: 'Wait for one server before the next is asked.',
    default: '5s',
    min: '100ms',
    max: '1m',
  }).prefault('5s'),
  attempts: count({ about: 'Rounds through the servers.', default: '2', min: 1, max: 10 }).prefault(
    2,
  ),
  validating: flag({
    about:
      'The servers check DNSSEC, and nobody can change what they say on the way here: without such, no DANE. Default: if all are on loopback.',
  }).optional(),
  trustAd: flag({ about: 'What `validating` was called in 0.1: `true` is the same.' }).optional(),
  cacheEntries: count({
    about: 'Answers kept.',
    default: '10000',
    min: 0,
    max: 1_000_000,
  }).prefault(10_000),
});

export const dnsSettings = {
  dns: dns.prefault({}).meta({ about: 'How names are looked up.' }),
};

type ParsedDns = z.output<typeof dns>;

export type DnsConfig = Omit<ParsedDns, 'trustAd'>;

/** In 0.1 `trustAd: false` was the default, and meant no more than that nothing was said. */
export function readDns({ trustAd, ...dns }: ParsedDns): DnsConfig {
  return trustAd === true ? { ...dns, validating: dns.validating ?? true } : dns;
}

export function checkDns({ dns }: PartOf<typeof dnsSettings>, { add }: Findings): void {
  for (const [i, server] of (dns?.servers ?? []).entries())
    if (parseServer(server) === undefined)
      add(
        ['dns', 'servers', i],
        `must be an address such as '192.0.2.53' or '[2001:db8::53]:5353', not ${shown(server)}`,
      );
}
