// Our own MTA-STS policy, as the configuration has it: RFC 8461 §3.2.

import { domainKey } from '../mail/fields/address.ts';
import { formatStsPolicy } from '../trust/mta-sts.ts';
import type { Config } from './config.ts';

export function ownStsPolicy({ hostname, mtaSts }: Pick<Config, 'hostname' | 'mtaSts'>): string {
  const { mode, maxAge, mx } = mtaSts;
  const hosts = mx.length > 0 ? mx : [hostname];
  return formatStsPolicy({
    mode,
    maxAgeSeconds: Math.floor(maxAge / 1000),
    mx: hosts.map((host) =>
      host.startsWith('.') ? `*.${domainKey(host.slice(1))}` : domainKey(host),
    ),
  });
}
