// A message as a part of another, which tells of it. RFC 2046 §5.2.1 allows message/rfc822 no encoding but 7bit, 8bit
// and binary: what is no text of lines goes along by its header only.

import { scanHeader } from '../header/header.ts';

/** Limit: octets of a header that is sent alone. */
const headerBytesMax = 16 * 2 ** 10;

/** Fit for 7bit or 8bit as it is: lines of at most 998 octets that end in CRLF, without NUL. */
export function isEnclosable(bytes: Buffer): boolean {
  if (bytes.includes(0)) return false;
  let at = 0;
  while (at < bytes.length) {
    const newline = bytes.indexOf(0x0a, at);
    const end = newline < 0 ? bytes.length : newline - 1;
    if (newline >= 0 && bytes[end] !== 0x0d) return false;
    const bare = bytes.indexOf(0x0d, at);
    if (end - at > 998 || (bare >= 0 && bare < end)) return false;
    at = newline < 0 ? bytes.length : newline + 1;
  }
  return true;
}

/** The header of a message, from its beginning: lines ended with CRLF, whatever they were, and none longer than allowed. */
export function enclosedHeader(start: Buffer): Buffer {
  const header = start.subarray(0, Math.min(scanHeader(start).end, headerBytesMax));
  const lines = header
    .toString('latin1')
    .replace(/\0|\r(?!\n)/g, '?')
    .replace(/(?:\r?\n)+$/, '')
    .split(/\r?\n/);
  return Buffer.from(`${lines.map((line) => line.slice(0, 998)).join('\r\n')}\r\n`, 'latin1');
}
