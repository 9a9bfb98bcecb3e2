// How we show that a name is ours, three ways: a file by HTTP (RFC 8555 §8.3), a certificate in a TLS handshake (RFC 8737), a
// record in the DNS (RFC 8555 §8.4). What is shown is here as a value; who shows it is the owner's affair.

import { createHash } from 'node:crypto';
import { issueCertificate } from '../net/certificate.ts';
import { sha256 } from './jws.ts';

export const challengeTypes = ['http-01', 'tls-alpn-01', 'dns-01'] as const;
export type ChallengeType = (typeof challengeTypes)[number];

/** What an authority asks to be shown. */
export interface Proof {
  /** Of a wildcard, without its `*.`. */
  readonly name: string;
  readonly token: string;
  readonly keyAuthorization: string;
}

/** Shows proofs, each until it is withdrawn. */
export interface Solver {
  readonly type: ChallengeType;
  /** Resolves when the authority may look. */
  present(proof: Proof): Promise<void>;
  withdraw(proof: Proof): Promise<void>;
}

/** What a name's TXT record is called, and says. RFC 8555 §8.4. */
export const dnsRecord = ({ name, keyAuthorization }: Proof) => ({
  name: `_acme-challenge.${name}`,
  value: sha256(keyAuthorization),
});

/** RFC 8737 §3: for this name alone, with the digest in an extension that only the authority looks at. */
export function alpnCertificate({ name, keyAuthorization }: Proof) {
  const now = Date.now();
  const { certificate, privateKeyPem } = issueCertificate({
    commonName: name,
    names: [name],
    notBefore: new Date(now - 3_600_000),
    notAfter: new Date(now + 7 * 86_400_000),
    acmeIdentifier: createHash('sha256').update(keyAuthorization).digest(),
  });
  return { certificate, privateKey: privateKeyPem };
}
