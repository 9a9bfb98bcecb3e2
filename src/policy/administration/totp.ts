// One-time passwords by the clock (RFC 6238 over RFC 4226), as authenticator programs make them: SHA-1, six
// digits, thirty seconds, which is what all of them can do.

import { createHmac, timingSafeEqual } from 'node:crypto';

const stepMs = 30_000;
const digits = 6;
/** Limit: clocks may differ by this many steps either way. RFC 6238 §5.2. */
const stepsApart = 1;

/**
 * The step whose password this is, or undefined: of those near `now`, only steps after `lastStep`, since a
 * password is good once (RFC 6238 §5.2).
 */
export function totpStep(
  secret: Uint8Array,
  code: string,
  { now, lastStep }: { readonly now: number; readonly lastStep: number },
): number | undefined {
  const given = code.replace(/\s/g, '');
  if (!/^\d{6}$/.test(given)) return undefined;
  const present = Math.floor(now / stepMs);
  let found: number | undefined;
  for (let step = present - stepsApart; step <= present + stepsApart; step += 1)
    if (timingSafeEqual(Buffer.from(totpAt(secret, step)), Buffer.from(given)) && step > lastStep)
      found ??= step;
  return found;
}

/** RFC 4226 §5.3. */
export function totpAt(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const at = mac[mac.length - 1]! & 0xf;
  const number = mac.readUInt32BE(at) & 0x7fff_ffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Base32 without padding (RFC 4648 §6), as authenticator programs want secrets. */
export function base32(bytes: Uint8Array): string {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => alphabet[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('');
}

/** What an authenticator program takes, typed or as a QR code (the Key URI format of Google Authenticator). */
export function totpUri(secret: Uint8Array, name: string, issuer: string): string {
  const label = encodeURIComponent(`${issuer}:${name}`);
  return `otpauth://totp/${label}?secret=${base32(secret)}&issuer=${encodeURIComponent(issuer)}`;
}
