// Octets of a named charset as text: the one place where any of this server does that. Total, and
// linear. What Node's TextDecoder reads well it reads; iconv-lite reads what it does not know or
// reads worse; charsets with shift sequences are read in shifting-charsets.ts. Octets that are wrong
// in their charset show as U+FFFD. A label is believed unless the octets speak against it: UTF-8 is
// recognised under a wrong one, because it is hardly ever anything else by chance (looksLikeUtf8).

import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';
import { type CharsetName, charsetName } from './charset-name.ts';
import { decodeHz, decodeIso2022 } from './shifting-charsets.ts';
import { decodeUtf7 } from './utf7.ts';

/** '' and what nobody knows are read as UTF-8 where the octets are that, else as Windows-1252. */
export const decodeCharset = (octets: Uint8Array, label: string): string =>
  decodeAs(octets, charsetName(label));

export function decodeAs(octets: Uint8Array, charset: CharsetName): string {
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  if (isAscii(buffer) && !charset.asciiDiffers) {
    // Field: ISO-2022-JP that says nothing of it.
    if (buffer.includes('\x1b$')) return decodeIso2022(buffer, 'iso-2022-jp', byNode);
    return buffer.toString('latin1');
  }
  if (charset.by === 'guess') return isUtf8(buffer) ? utf8(buffer) : western(buffer);
  if (charset.by === 'western') return looksLikeUtf8(buffer) ? utf8(buffer) : western(buffer);
  // Octets above 7F in a charset of seven bits show that the label is wrong.
  const text = charset.by === '7bit' && isWrongly8Bit(buffer) ? undefined : decode(buffer, charset);
  if (text !== undefined && !text.includes('\ufffd')) return text;
  return text === undefined || isWrongly8Bit(buffer) ? utf8(buffer) : text;
}

/**
 * For header fields: without controls, line ends of all kinds among them, and without byte order
 * marks. Nothing that was encoded becomes another field, or a command to a terminal. Without what turns the direction
 * of text around, too: `exe.gnp` never looks like `png.exe`, and no name swallows the address beside it. Letters have a
 * direction of their own.
 */
export function printable(text: string): string {
  if (!/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]/.test(text)) return text;
  return text
    .replace(/[\u202a-\u202e\u2066-\u2069\ufeff]/g, '')
    .replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, ' ');
}

/** Whether there is more to say of it than of a label that nobody knows. */
export const isKnownCharset = (label: string): boolean =>
  charsetName(label).by !== 'guess' || /ascii/i.test(label);

const isWrongly8Bit = (buffer: Buffer): boolean => !isAscii(buffer) && isUtf8(buffer);

/**
 * Deviation: Latin-1 and Windows-1252 are what programs say that never thought of charsets, while what they send
 * is UTF-8. To be taken for UTF-8 all of it has to be well-formed, and have a sequence that is no
 * likely text in Latin-1: one that begins with Â or Ã, one of three or more octets, or two in a row.
 * `NESTLÉ®` is well-formed UTF-8 too, and stays what it says it is.
 */
function looksLikeUtf8(buffer: Buffer): boolean {
  if (!isUtf8(buffer)) return false;
  return /[\xc2\xc3]|[\xe0-\xf4]|[\xc4-\xdf][\x80-\xbf][\xc4-\xdf]/.test(buffer.toString('latin1'));
}

function decode(buffer: Buffer, { by, name }: CharsetName): string {
  switch (by) {
    case 'utf-8':
      return utf8(buffer);
    case 'iconv':
      // What it takes for half of a surrogate pair is no text.
      return iconv.decode(buffer, name).toWellFormed();
    case '7bit':
      if (name === 'hz') return decodeHz(buffer, byNode);
      if (name === 'utf-7') return decodeUtf7(buffer).toWellFormed();
      return decodeIso2022(buffer, name, byNode);
    default:
      return byNode(buffer, name);
  }
}

// Bounded: only names of ours come here, some dozens.
const decoders = new Map<string, TextDecoder>();

/** TextDecoder cuts a byte order mark off. `name`: one that it knows, or cp949. */
function byNode(buffer: Uint8Array, name: string): string {
  if (name === 'cp949') return iconv.decode(Buffer.from(buffer), name);
  let decoder = decoders.get(name);
  if (decoder === undefined) {
    decoder = new TextDecoder(name);
    decoders.set(name, decoder);
  }
  return decoder.decode(buffer);
}

/** Faster than a TextDecoder for what is short, and the same. */
function utf8(buffer: Buffer): string {
  const text = buffer.toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

const western = (buffer: Buffer): string => byNode(buffer, 'windows-1252');
