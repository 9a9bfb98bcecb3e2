// For tests: a certificate that is valid today, by nobody's authority, and TLS with it.

import { issueCertificate } from './certificate.ts';
import { createServerTls } from './tls.ts';

const dayMs = 24 * 60 * 60_000;

export function testCertificate(commonName: string, names: readonly string[] = [commonName]) {
  const { certificate, privateKeyPem } = issueCertificate({
    ...{ commonName, names },
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
  });
  return { certificate, privateKey: privateKeyPem };
}

/** Of a server at 127.0.0.1, which asks for no certificate of the client's. */
export const testServerTls = (commonName: string) =>
  createServerTls({
    ...testCertificate(commonName, ['127.0.0.1']),
    requestClientCertificate: false,
  });
