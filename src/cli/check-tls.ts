// `check` and certificates: whether they can be used, and by whom they are believed.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { checkCertificate } from '../net/certificate-check.ts';
import { loadServerTls } from '../net/tls.ts';
import type { Finding } from './finding.ts';
import { failure, ok, warning } from './finding.ts';
import { messageOf } from './message.ts';

export async function tlsFindings(config: Config): Promise<Finding[]> {
  const { tls, dataDirectory, hostname, clientCertificates } = config;
  if (tls === undefined) return [warning('tls', 'none, so nobody can encrypt or log in')];
  if (tls === 'self-signed')
    return [ok('tls', 'self-signed; other servers take it, mail programs will ask')];
  try {
    const { certificate } = await loadServerTls(tls, {
      directory: join(dataDirectory, 'tls'),
      hostname,
      clientAuthorities: clientCertificates?.authorities,
    });
    const found = checkCertificate(readFileSync(tls.certificate, 'latin1'), hostname);
    const until = ok('tls.certificate', `${tls.certificate} is good until ${certificate.validTo}`);
    return [
      ...(found.some(({ severity }) => severity === 'failure') ? [] : [until]),
      ...found.map(({ severity, message }): Finding => {
        const text = `${tls.certificate} ${message}`;
        return { state: severity, path: 'tls.certificate', text };
      }),
    ];
  } catch (error) {
    return [failure('tls', messageOf(error))];
  }
}
