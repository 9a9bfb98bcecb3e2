// The names a certificate speaks for, as plain strings: DNS names and e-mail addresses of its
// subjectAltName (RFC 5280 §4.2.1.6) and the common name of its subject. Names with quotes, commas or
// control characters are left out: no name we could use has them, and they have been used to smuggle
// others in (CVE-2021-44532).

import type { X509Certificate } from 'node:crypto';
// Field: where the first to ask for Node's TLS is a certificate (`toLegacyObject`), Node 26 loads it half, and then no
// TLS server or client of the process can be made.
import 'node:tls';
import { addressKey } from '../mail/fields/address.ts';

/** Limit: more than enough for a shared host; the rest is ignored. */
const namesMax = 100;

export function certificateNames(certificate: X509Certificate): readonly string[] {
  const names = new Set<string>();
  // Node quotes an entry that holds anything special, so that a plain split cannot be misled.
  for (const entry of (certificate.subjectAltName ?? '').split(', ')) {
    const name = /^(?:DNS|email):([\x21\x23-\x2b\x2d-\x7e\u0080-\u{10ffff}]{1,320})$/u.exec(
      entry,
    )?.[1];
    if (name !== undefined && names.size < namesMax) names.add(name);
  }
  const { CN } = certificate.toLegacyObject().subject ?? {};
  const commonName = Array.isArray(CN) ? CN[0] : CN;
  if (commonName !== undefined && /^[^\p{Cc}",]{1,320}$/u.test(commonName)) names.add(commonName);
  return [...names];
}

/** Equal for names that mean the same: host names and addresses, without regard to case. */
export const certificateNameKey = (name: string): string => addressKey(name);
