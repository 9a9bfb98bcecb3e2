// The octets of a body without its Content-Transfer-Encoding. RFC 2045 §6.

import { decodeBase64 } from './base64.ts';
import { isIdentityEncoding } from './mime-part.ts';
import { decodeQuotedPrintable } from './quoted-printable.ts';

/** Undefined for an encoding nobody knows. */
export function decodeTransferEncoding(body: Uint8Array, encoding: string): Uint8Array | undefined {
  if (isIdentityEncoding(encoding)) return body;
  if (encoding === 'base64') return decodeBase64(body);
  if (encoding === 'quoted-printable') return decodeQuotedPrintable(body);
  return undefined;
}
