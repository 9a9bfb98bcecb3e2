// Encoded words: text other than ASCII in header fields. RFC 2047. Reading is total and linear and
// shows broken words as well as they can be; what it gives never holds a control character that
// was not in the field itself. Writing gives UTF-8 words that fit unstructured text and phrases.

import { decodeCharset } from './charset.ts';

// RFC 2047 §2: encoded-word = "=?" charset "?" encoding "?" encoded-text "?="
// RFC 2231 §5: charset may be followed by "*" language.
// Field: white space inside encoded-text, which the grammar forbids.
const encodedWord = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?]*)\?=/gi;

/** The value with every encoded word shown as text. */
export function decodeEncodedWords(value: string): string {
  if (!value.includes('=?')) return value;
  let text = '';
  let end = 0;
  let charset = '';
  let pieces: Buffer[] = [];
  const flush = (): void => {
    if (pieces.length === 0) return;
    text += decodeCharset(Buffer.concat(pieces), charset).replace(/[\x00-\x1f\x7f]/g, ' ');
    pieces = [];
  };
  for (const match of value.matchAll(encodedWord)) {
    const [word, wordCharset, encoding, encoded] = match;
    const between = value.slice(end, match.index);
    // RFC 2047 §6.2: white space between adjacent encoded words is not shown.
    const adjacent = pieces.length > 0 && between.trim() === '';
    // Field: many programs split a character between two words, which RFC 2047 §5 forbids.
    if (!adjacent || wordCharset!.toLowerCase() !== charset) flush();
    if (!adjacent) text += between;
    charset = wordCharset!.toLowerCase();
    pieces.push(encoding === 'q' || encoding === 'Q' ? decodeQ(encoded!) : decodeB(encoded!));
    end = match.index + word.length;
  }
  flush();
  return text + value.slice(end);
}

/** The text in ASCII: as it is where that is possible, else as UTF-8 encoded words. */
export function encodeHeaderText(value: string): string {
  const text = value.replace(/[\x00-\x1f\x7f]/g, ' ');
  if (!needsEncoding(text)) return text;
  const words = text.split(' ');
  const first = words.findIndex(needsEncoding);
  const last = words.findLastIndex(needsEncoding);
  const span = words.slice(first, last + 1).join(' ');
  return [...words.slice(0, first), encodeWords(span), ...words.slice(last + 1)].join(' ');
}

/**
 * A display name as RFC 5322 §3.2.5 has phrases: atoms, a quoted string, or encoded words.
 * Encoded words in `name` are read first.
 */
export function encodePhrase(name: string): string {
  const text = decodeEncodedWords(name).replace(/[\x00-\x1f\x7f]/g, ' ');
  if (needsEncoding(text)) return encodeWords(text);
  if (/^[!#$%&'*+/=?^_`{|}~\w-]+(?: [!#$%&'*+/=?^_`{|}~\w-]+)*$/.test(text)) return text;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

const needsEncoding = (text: string): boolean => /[^\x20-\x7e]|=\?/.test(text);

// RFC 2047 §2: an encoded word has at most 75 characters; `=?utf-8?Q?` and `?=` take twelve.
const encodedTextMax = 75 - 12;

function encodeWords(text: string): string {
  const quoted = [...text].map((character) => {
    if (character === ' ') return '_';
    // RFC 2047 §5 (3): what may stand for itself even in a phrase.
    if (/[A-Za-z0-9!*+/-]/.test(character)) return character;
    return [...Buffer.from(character)].map(escapeQ).join('');
  });
  const length = quoted.reduce((sum, piece) => sum + piece.length, 0);
  if (length > (Buffer.byteLength(text) * 4) / 3 + 8) return encodeB(text);
  // RFC 2047 §5: a character is never split between two words.
  return fill(quoted, encodedTextMax, (piece) => piece.length)
    .map((pieces) => `=?utf-8?Q?${pieces.join('')}?=`)
    .join(' ');
}

function encodeB(text: string): string {
  const octetsMax = Math.floor(encodedTextMax / 4) * 3;
  return fill([...text], octetsMax, (character) => Buffer.byteLength(character))
    .map((pieces) => `=?utf-8?B?${Buffer.from(pieces.join('')).toString('base64')}?=`)
    .join(' ');
}

/** Groups of pieces, each as large as fits. */
function fill(pieces: readonly string[], max: number, sizeOf: (piece: string) => number) {
  const groups: string[][] = [];
  let room = 0;
  for (const piece of pieces) {
    const size = sizeOf(piece);
    if (size > room || groups.length === 0) {
      groups.push([]);
      room = max;
    }
    groups.at(-1)!.push(piece);
    room -= size;
  }
  return groups;
}

const escapeQ = (octet: number): string => `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;

/** RFC 2047 §4.2; an "=" without two digits behind it stands for itself. */
function decodeQ(encoded: string): Buffer {
  const octets = Buffer.from(encoded.replaceAll('_', ' '), 'utf8');
  let length = 0;
  for (let i = 0; i < octets.length; i += 1) {
    const escaped = octets[i] === 0x3d ? hexPair(octets[i + 1], octets[i + 2]) : -1;
    octets[length] = escaped < 0 ? octets[i]! : escaped;
    if (escaped >= 0) i += 2;
    length += 1;
  }
  return octets.subarray(0, length);
}

/** RFC 2047 §4.1. Buffer skips what is not of the alphabet. */
const decodeB = (encoded: string): Buffer => Buffer.from(encoded, 'base64');

function hexPair(high: number | undefined, low: number | undefined): number {
  const value = hexDigit(high) * 16 + hexDigit(low);
  return value >= 0 ? value : -1;
}

function hexDigit(octet = 0): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1000;
}
