// For tests: a certificate that is valid today, by nobody's authority, and TLS with it.

import { issueCertificate } from './certificate.ts';
import { loadServerTls, type TlsSource } from './tls.ts';

const dayMs = 24 * 60 * 60_000;

export function testCertificate(commonName: string, names: readonly string[] = [commonName]) {
  const { certificate, privateKeyPem } = issueCertificate({
    ...{ commonName, names },
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
  });
  return { certificate, privateKey: privateKeyPem };
}

/** Of certificates that lie in no file. Clients are asked for one where there are authorities for them. */
export const loadTestTls = (source: TlsSource, clientAuthorities?: string) =>
  loadServerTls(source, { directory: '/nowhere', hostname: 'mx.test', clientAuthorities });

/** Of a server at 127.0.0.1, which asks for no certificate of the client's. */
export const testServerTls = (commonName: string) =>
  loadTestTls(testCertificate(commonName, ['127.0.0.1']));
