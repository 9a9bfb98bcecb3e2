// Octets of a named charset as text. Total: an unknown charset is read as UTF-8 where the octets are
// that, else as Latin-1; octets that are wrong in a known charset show as U+FFFD.

import { isUtf8 } from 'node:buffer';

// Field: names that mail programs use and the Encoding Standard does not know.
const aliases = new Map([
  ['cp932', 'shift_jis'],
  ['cp936', 'gbk'],
  ['cp949', 'euc-kr'],
  ['cp950', 'big5'],
  ['cp1250', 'windows-1250'],
  ['cp1251', 'windows-1251'],
  ['cp1252', 'windows-1252'],
  ['utf8mb4', 'utf-8'],
]);

// Bounded: holds only labels that TextDecoder knows, some hundreds at most.
const decoders = new Map<string, TextDecoder>();

export function decodeCharset(octets: Uint8Array, charset: string): string {
  const label = charset.trim().toLowerCase();
  const decoder = decoderOf(aliases.get(label) ?? label);
  if (decoder !== undefined) return decoder.decode(octets);
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  return isUtf8(buffer) ? buffer.toString('utf8') : buffer.toString('latin1');
}

function decoderOf(label: string): TextDecoder | undefined {
  const known = decoders.get(label);
  if (known !== undefined) return known;
  if (label.length > 40) return undefined;
  try {
    const decoder = new TextDecoder(label, { ignoreBOM: true });
    decoders.set(label, decoder);
    return decoder;
  } catch {
    return undefined; // RangeError: not a charset it knows
  }
}
