// What is wrong with a certificate that can be read: it is over, or not begun, or of somebody else,
// or nobody can follow it to an authority. Certificates live by the wall clock.

import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { certificateNames } from './certificate-names.ts';

export interface CertificateFinding {
  readonly severity: 'failure' | 'warning';
  readonly message: string;
}

/**
 * Limit: those who renew automatically do so a month before; then something has gone wrong. One that
 * lives for a week only is renewed in its last third.
 */
const warnBeforeMs = 14 * 24 * 60 * 60_000;

/** How long it is still good, if that is worth a word. */
export function checkLifetime(
  certificate: X509Certificate,
  now = Date.now(),
): CertificateFinding | undefined {
  const begins = certificate.validFromDate.getTime();
  const ends = certificate.validToDate.getTime();
  const day = new Date(ends).toISOString().slice(0, 10);
  if (ends <= now) return { severity: 'failure', message: `expired on ${day}: clients refuse it` };
  if (begins > now)
    return {
      severity: 'failure',
      message: `is not valid before ${new Date(begins).toISOString()}: look at this machine's clock`,
    };
  if (ends - now < Math.min(warnBeforeMs, (ends - begins) / 3))
    return { severity: 'warning', message: `expires on ${day}: see why it was not renewed` };
  return undefined;
}

/** `pem`: the certificate, then the intermediate ones. `hostname` is what it has to be for, if anything. */
export function checkCertificate(
  pem: string,
  hostname: string | undefined,
  now = Date.now(),
): readonly CertificateFinding[] {
  const [first, ...others] = certificatesIn(pem);
  if (first === undefined) return [];
  const findings: CertificateFinding[] = [];
  const lifetime = checkLifetime(first, now);
  if (lifetime !== undefined) findings.push(lifetime);
  // RFC 6125 §6.4, with wildcards. The common name counts no more: few clients look at it.
  if (hostname !== undefined && first.checkHost(hostname, { subject: 'never' }) === undefined)
    findings.push({
      severity: 'failure',
      message: `is for ${certificateNames(first).slice(0, 5).join(', ') || 'nobody'}, not for ${hostname}: get one for the \`hostname\`, or set that to what this one is for`,
    });
  const chain = checkChain(first, others);
  if (chain !== undefined) findings.push(chain);
  return findings;
}

/** Everything in the file. What cannot be read is not here: loadServerTls() has spoken of it. */
export function certificatesIn(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

// RFC 8446 §4.4.2: each certifies the one before it; the authority itself may be left out.
function checkChain(
  first: X509Certificate,
  others: readonly X509Certificate[],
): CertificateFinding | undefined {
  let last = first;
  for (const next of others) {
    if (!last.checkIssued(next)) break;
    last = next;
  }
  // checkIssued() says no to one that may not certify others, even where it is its own issuer.
  if (last.subject === last.issuer && last.verify(last.publicKey)) {
    if (last !== first) return undefined;
    return {
      severity: 'warning',
      message: 'is signed by itself: other servers take it, mail programs ask',
    };
  }
  const known = rootCertificates.some((root) => last.checkIssued(new X509Certificate(root)));
  if (known) return undefined;
  return {
    severity: 'warning',
    message: `ends with what ${oneLine(last.issuer)} has issued, and that is no authority that everybody knows: the file needs the intermediate certificates, too (certbot calls it fullchain.pem)`,
  };
}

const oneLine = (name: string): string => name.split('\n').join(', ');
