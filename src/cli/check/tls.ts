// `check` and certificates: whether they can be used, and by whom they are believed.

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstLineOf } from '../../base/error-text.ts';
import type { Finding } from '../../compose/published/finding.ts';
import { failure, ok, warning } from '../../compose/published/finding.ts';
import type { Config } from '../../config/config.ts';
import type { CertificateFiles } from '../../config/settings/tls.ts';
import { checkCertificate } from '../../net/certificate-check.ts';
import { loadServerTls } from '../../net/tls.ts';

export async function tlsFindings(config: Config): Promise<Finding[]> {
  const { tls, dataDirectory, hostname, clientCertificates } = config;
  if (tls === undefined) return [warning('tls', 'none, so nobody can encrypt or log in')];
  if (tls === 'self-signed')
    return [ok('tls', 'self-signed; other servers take it, mail programs will ask')];
  const { files } = tls;
  if (files.length === 0) return []; // an authority gives them: check-acme.ts
  try {
    await loadServerTls(files, {
      directory: join(dataDirectory, 'tls'),
      hostname,
      clientAuthorities: clientCertificates?.authorities,
    });
  } catch (error) {
    return [failure('tls', firstLineOf(error))];
  }
  // Whoever asks for the host name gets the one that is for it; it need not be the first.
  const isNamed =
    tls.acme !== undefined ||
    files.slice(1).some(({ certificate }) => read(certificate).checkHost(hostname));
  const before = tls.acme === undefined ? 1 : 0;
  return files.flatMap((one, i) =>
    i < before
      ? findingsOf(one, 'tls', isNamed ? undefined : hostname)
      : findingsOf(one, `tls.additional[${i - before}]`, undefined),
  );
}

const read = (file: string) => new X509Certificate(readFileSync(file));

/** `hostname`, where this one has to be for it. */
function findingsOf(
  { certificate }: CertificateFiles,
  at: string,
  hostname: string | undefined,
): Finding[] {
  const path = `${at}.certificate`;
  const found = checkCertificate(readFileSync(certificate, 'latin1'), hostname);
  const until = ok(path, `${certificate} is good until ${read(certificate).validTo}`);
  return [
    ...(found.some(({ severity }) => severity === 'failure') ? [] : [until]),
    ...found.map(({ severity, message }): Finding => {
      const text = `${certificate} ${message}`;
      return { state: severity, path, text };
    }),
  ];
}
