// What a client that never said UTF8 gets of a header with UTF-8 in it: the same in ASCII, as far as
// ASCII can say it. RFC 6856 §2.1 wants this or a refusal, and a refusal would stop clients that know
// nothing of the extension at the first such message.
// Addresses that have no ASCII form give way to one that nobody can answer (RFC 6858 §2.1).

import { isAscii } from 'node:buffer';
import { asciiField } from '../mail/conversion/ascii-header.ts';
import { encodePhrase } from '../mail/fields/encoded-word.ts';
import type { HeaderField } from '../mail/header/header.ts';
import { foldHeader, parseHeader } from '../mail/header/header.ts';
import { translatedBytesMax } from './limits.ts';

/** `header` is everything up to the body, the empty line included. */
export function asciiHeader(header: Uint8Array): Buffer {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const field of parseHeader(header, { bytesMax: translatedBytesMax })) {
    // An mbox line, or whatever else is no field.
    if (field.offset > at) pieces.push(masked(header.subarray(at, field.offset)));
    at = field.offset + field.length;
    const raw = header.subarray(field.offset, at);
    pieces.push(isAscii(raw) ? raw : Buffer.from(replacement(field, raw), 'latin1'));
  }
  pieces.push(masked(header.subarray(at)));
  return Buffer.concat(pieces);
}

const addressFields = /^(?:resent-)?(?:from|sender|reply-to|to|cc|bcc)$/;

function replacement(field: HeaderField, raw: Uint8Array): string {
  const text = asciiField(field);
  if (text !== undefined && isPlain(text)) return text;
  if (addressFields.test(field.lowerName)) {
    const removed = `${encodePhrase(field.value)} <invalid@internationalized-address.invalid>`;
    if (isPlain(removed)) return foldHeader(field.name, removed);
  }
  return masked(raw).toString('latin1');
}

const isPlain = (text: string): boolean => /^[\x00-\x7f]*$/.test(text);

/** Octets that are not ASCII become question marks. */
function masked(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes).map((octet) => (octet < 0x80 ? octet : 0x3f)) as Buffer;
}
