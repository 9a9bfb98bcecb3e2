// The structure of a message: RFC 2045 and 2046, with offsets exact to the octet, for IMAP's
// BODYSTRUCTURE and section fetches. Parsing is total and linear: depth, parts and what is read of
// each header are bounded, and beyond the bounds octets count as content of the innermost part that
// is known. It works in one pass (mime-scanner.ts), also over a stream.

import type { MimeLimits, MimePart } from './mime-part.ts';
import { mimeLimits } from './mime-part.ts';
import { MimeScanner } from './mime-scanner.ts';

export function parseMime(bytes: Uint8Array, limits: Partial<MimeLimits> = {}): MimePart {
  const scanner = new MimeScanner({ ...mimeLimits, ...limits });
  scanner.push(bytes);
  return scanner.end().part;
}
