// What of this server the DNS has to speak of: its name, its public addresses, the ports that mail programs look for.

import { networkInterfaces } from 'node:os';
import type { Config } from '../../config/config.ts';
import { ownStsPolicy } from '../../config/own-sts-policy.ts';
import { createNetworks } from '../../net/network.ts';
import { formatStsRecord } from '../../trust/mta-sts.ts';
import { ownTlsa } from './own-certificate.ts';
import type { DnsFacts } from './records.ts';

export function publicFacts(config: Config): Omit<DnsFacts, 'domain' | 'keys'> {
  const { sourceAddress } = config.delivery;
  return {
    hostname: config.hostname,
    addresses: sourceAddress === undefined ? publicAddresses() : [sourceAddress],
    submission: portOf(config, 'starttls'),
    submissions: portOf(config, 'implicit'),
    imaps: implicitPort(config, 'imap'),
    pop3s: implicitPort(config, 'pop3'),
    tlsa: ownTlsa(config),
    sts: servesHttps(config) ? formatStsRecord(ownStsPolicy(config)) : undefined,
    setUp: servesHttps(config),
  };
}

/** RFC 8461 §3.3: policies are asked for by HTTPS, and not on another port; set-up is, too. */
const servesHttps = ({ listeners }: Config): boolean =>
  listeners.some(
    ({ service, tls, port }) => service === 'http' && tls === 'implicit' && port === 443,
  );

const implicitPort = ({ listeners }: Config, of: 'imap' | 'pop3'): number | undefined =>
  listeners.find(({ service, tls }) => service === of && tls === 'implicit')?.port;

const portOf = ({ listeners }: Config, tls: string): number | undefined =>
  listeners.find((listener) => listener.service === 'submission' && listener.tls === tls)?.port;

// RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291: addresses that nobody outside can reach.
const privateNetworks = createNetworks([
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
  '::1',
]);

function publicAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => address)
    .filter((address) => !privateNetworks.has(address));
}
