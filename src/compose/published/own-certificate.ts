// The certificate that a client gets who asks for the server's name, and the TLSA record that vouches for it: RFC 7672
// §3.1.1, §8.1. What cannot be read is not here: `check` speaks of it elsewhere (cli/check/tls.ts).

import type { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { tlsaText } from '../../dns/dane.ts';
import { certificatesIn } from '../../net/certificate-check.ts';
import { daneEeRecord } from '../../net/tlsa.ts';

type OwnFacts = Pick<Config, 'tls' | 'hostname' | 'dataDirectory'> & {
  /** Chains that an authority gave us, in PEM. */
  readonly obtained?: readonly string[];
};

/** With those that vouch for it, as they are sent along. */
export function ownChain({
  tls,
  hostname,
  dataDirectory,
  obtained = [],
}: OwnFacts): readonly X509Certificate[] {
  if (tls === undefined) return [];
  const files =
    tls === 'self-signed'
      ? [join(dataDirectory, 'tls', 'self-signed.pem')]
      : tls.files.map(({ certificate }) => certificate);
  const chains = [...obtained.map(certificatesIn), ...files.map(read)];
  return chains.find(([own]) => own?.checkHost(hostname) !== undefined) ?? chains[0] ?? [];
}

function read(file: string): readonly X509Certificate[] {
  try {
    return certificatesIn(readFileSync(file, 'latin1'));
  } catch {
    return [];
  }
}

/** `3 1 1 …`: of the key, so that it outlives a renewal with the same one. */
export function ownTlsa(facts: OwnFacts): string | undefined {
  const [own] = ownChain(facts);
  return own && tlsaText(daneEeRecord(own));
}
