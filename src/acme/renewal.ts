// When a certificate is to be renewed: at the time its authority advises (ARI, RFC 9773), or with a third of its life left,
// which is right for 90 days and for 6. Pure but for the certificate that is read.

import { X509Certificate } from 'node:crypto';
import type { RenewalWindow } from './messages.ts';

/** Of its life, when nobody advises; and when whatever was advised counts no more. */
const shareLeft = 1 / 3;
const shareLeftMin = 1 / 10;

/** Limit: an authority that wants to see us all the time does so once a day. */
const restMs = 24 * 60 * 60_000;
const shareRest = 1 / 10;

/** When to renew without advice. */
export function usualRenewal(certificate: X509Certificate): number {
  const { ends, life } = lifeOf(certificate);
  return Math.round(ends - life * shareLeft);
}

/**
 * A moment in the advised window, so that not all come at once. `obtained` is when we got it, `fraction` chance.
 * RFC 9773 §4.2: a uniformly random time within the window.
 */
export function advisedRenewal(
  certificate: X509Certificate,
  { start, end }: RenewalWindow,
  { obtained, fraction }: { readonly obtained: number; readonly fraction: number },
): number {
  const { ends, life } = lifeOf(certificate);
  const chosen = Math.min(start + (end - start) * fraction, ends - life * shareLeftMin);
  return Math.round(Math.max(chosen, obtained + Math.min(restMs, life * shareRest)));
}

function lifeOf({ validFromDate, validToDate }: X509Certificate) {
  const ends = validToDate.getTime();
  return { ends, life: ends - validFromDate.getTime() };
}

/**
 * RFC 9773 §4.1: the authority's key and the serial number. Undefined for a certificate that does not say
 * which key has signed it.
 */
export function certificateId({
  raw,
  serialNumber: hex,
}: Pick<X509Certificate, 'raw' | 'serialNumber'>): string | undefined {
  const key = authorityKey(raw);
  if (key === undefined) return undefined;
  const serial = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  // As in DER: a first octet with its highest bit set would be negative.
  const octets = serial[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), serial]) : serial;
  return `${key.toString('base64url')}.${octets.toString('base64url')}`;
}

// RFC 5280 §4.2.1.1: id-ce-authorityKeyIdentifier, 2.5.29.35, in DER
const authorityKeyIdentifier = Buffer.from('0603551d23', 'hex');

/** OCTET STRING { SEQUENCE { [0] keyIdentifier … } } behind the extension's name. */
function authorityKey(der: Buffer): Buffer | undefined {
  const at = der.indexOf(authorityKeyIdentifier);
  if (at === -1) return undefined;
  let inside = der.subarray(at + authorityKeyIdentifier.length);
  for (const tag of [0x04, 0x30, 0x80]) {
    // Short forms only: a key's name has 20 octets.
    const length = inside[1] ?? 0x80;
    if (inside[0] !== tag || length >= 0x80 || inside.length < 2 + length) return undefined;
    inside = inside.subarray(2, 2 + length);
  }
  return inside;
}

export const readCertificate = (pem: string): X509Certificate => new X509Certificate(pem);
