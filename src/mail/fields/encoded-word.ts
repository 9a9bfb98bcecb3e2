// Encoded words: text other than ASCII in header fields. RFC 2047. Reading is total and linear and
// shows broken words as well as they can be; what it gives never holds a control character that
// was not in the field itself. Writing gives UTF-8 words that fit unstructured text and phrases.

import { isUtf8 } from 'node:buffer';
import { decodeAs, decodeCharset, printable } from '../charset/charset.ts';
import { type CharsetName, charsetName } from '../charset/charset-name.ts';
import { joinUtf7 } from '../charset/utf7.ts';

// RFC 2047 §2: encoded-word = "=?" charset "?" encoding "?" encoded-text "?="
// RFC 2231 §5: charset may be followed by "*" language.
const wordStart = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?/gi;

/** The value with every encoded word shown as text. */
export function decodeEncodedWords(value: string): string {
  if (!value.includes('=?')) return shown(value);
  const words = new WordReader();
  const closes = new Closes(value);
  let end = 0;
  let start = nextStart(value, 0);
  while (start !== null) {
    const { 0: prefix, 1: label, 2: encoding, index } = start;
    const from = index + prefix.length;
    start = nextStart(value, from);
    const next = start?.index ?? value.length;
    const to = closes.after(from);
    const encoded = to <= next ? value.slice(from, to) : openEnd(value.slice(from, next));
    if (encoded === undefined || index < end) continue;
    words.between(value.slice(end, index));
    words.word(label!, encoding!, encoded);
    end = to <= next ? to + 2 : from + encoded.length;
    if (to > next && value[end] === '?') end += 1;
  }
  return words.end(value.slice(end));
}

function nextStart(value: string, from: number): RegExpExecArray | null {
  wordStart.lastIndex = from;
  return wordStart.exec(value);
}

/** Finds each `?=` once: linear, however many words are never closed. */
class Closes {
  readonly #value: string;
  #next = 0;

  constructor(value: string) {
    this.#value = value;
  }

  /** Infinity where there is none. */
  after(from: number): number {
    if (this.#next < from) {
      const found = this.#value.indexOf('?=', from);
      this.#next = found < 0 ? Number.POSITIVE_INFINITY : found;
    }
    return this.#next;
  }
}

/** Field: a word that was cut off with the field, or has lost its end. It has no white space. */
function openEnd(rest: string): string | undefined {
  const encoded = rest.trimEnd().replace(/\?$/, '');
  return /^[!->@-~]+$/.test(encoded) ? encoded : undefined;
}

/** Words, and the text between them, put together. */
class WordReader {
  #text = '';
  #charset: CharsetName | undefined;
  #pieces: Buffer[] = [];
  /** Digits of base64 that are no whole group yet. */
  #cut = '';

  between(text: string): void {
    // RFC 2047 §6.2: white space between adjacent encoded words is not shown.
    if (this.#charset !== undefined && text.trim() === '') return;
    this.#flush();
    this.#charset = undefined;
    this.#text += shown(text);
  }

  word(label: string, encoding: string, encoded: string): void {
    const charset = charsetName(label);
    // Field: many programs split a character between two words, which RFC 2047 §5 forbids. Charsets
    // that shift are read across words, too: a whole word ends as it begins, in ASCII.
    if (charset.name !== this.#charset?.name) this.#flush();
    this.#charset = charset;
    if (/[^\x00-\xff]/.test(encoded)) this.#rawText(encoded, encoding);
    else if (encoding === 'b' || encoding === 'B') this.#base64(encoded);
    else this.#quoted(encoded);
  }

  end(text: string): string {
    this.#flush();
    return this.#text + shown(text);
  }

  /** Field: characters that the field had in UTF-8 stand for themselves, whatever the charset is. */
  #rawText(encoded: string, encoding: string): void {
    for (const [i, run] of encoded.split(/([^\x00-\x7f]+)/).entries()) {
      if (i % 2 === 0) {
        if (encoding === 'b' || encoding === 'B') this.#base64(run);
        else this.#quoted(run);
        continue;
      }
      this.#flush();
      this.#text += run;
    }
  }

  #quoted(encoded: string): void {
    this.#endBase64();
    this.#pieces.push(decodeQ(encoded, this.#charset!));
  }

  /** Field: base64 of the whole text, cut wherever the line was full. Others forget the padding. */
  #base64(encoded: string): void {
    const digits = this.#cut + encoded.replace(/[^A-Za-z0-9+/=]+/g, '');
    const rest = digits.length % 4;
    const isCut = rest > 0 && !digits.includes('=') && endsWithin(digits, rest);
    this.#cut = isCut ? digits.slice(-rest) : '';
    this.#pieces.push(decodeB(isCut ? digits.slice(0, -rest) : digits));
  }

  #endBase64(): void {
    if (this.#cut !== '') this.#pieces.push(decodeB(this.#cut));
    this.#cut = '';
  }

  #flush(): void {
    this.#endBase64();
    if (this.#pieces.length === 0) return;
    const pieces = this.#pieces;
    this.#pieces = [];
    const charset = this.#charset!;
    const joined = charset.name === 'utf-7' ? joinUtf7 : Buffer.concat;
    const octets = pieces.length === 1 ? pieces[0]! : joined(pieces);
    this.#text += printable(decodeAs(octets, charset));
  }
}

/** Text outside of words: Latin-1, if it was no UTF-8 (header.ts), or what the Field: says. */
function shown(text: string): string {
  if (!/[\x00-\x08\x0a-\x1f\x7f-\x9f]/.test(text)) return text;
  if (/[^\x00-\xff]/.test(text)) return printable(text);
  // Field: ISO-2022-JP as it is, from before RFC 2047, and Windows-1252.
  const label = text.includes('\x1b$') ? 'iso-2022-jp' : 'windows-1252';
  return printable(decodeCharset(Buffer.from(text, 'latin1'), label));
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

/** RFC 2047 §4.2. */
function decodeQ(encoded: string, charset: CharsetName): Buffer {
  const octets = unescaped(Buffer.from(encoded, 'latin1'));
  // Field: octets above 7F in the word. They are as they stood in the field, or UTF-8 has been read.
  if (charset.by !== 'utf-8' || !/[^\x00-\x7f]/.test(encoded) || isUtf8(octets)) return octets;
  return unescaped(Buffer.from(encoded, 'utf8'));
}

/** An "=" without two digits behind it stands for itself. Changes its argument. */
function unescaped(octets: Buffer): Buffer {
  let length = 0;
  for (let i = 0; i < octets.length; i += 1) {
    const octet = octets[i]!;
    const escaped = octet === 0x3d ? hexPair(octets[i + 1], octets[i + 2]) : -1;
    octets[length] = escaped >= 0 ? escaped : octet === 0x5f ? 0x20 : octet;
    if (escaped >= 0) i += 2;
    length += 1;
  }
  return octets.subarray(0, length);
}

/**
 * RFC 2047 §4.1. `digits`: of base64, with padding.
 * Field: several encoded texts, each with its padding, behind one another.
 */
function decodeB(digits: string): Buffer {
  if (!/=[^=]/.test(digits)) return Buffer.from(digits, 'base64');
  return Buffer.concat(digits.split(/=+/).map((piece) => Buffer.from(piece, 'base64')));
}

const base64Digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Whether the last `rest` digits, without padding, end in the middle of an octet that is not zero. */
const endsWithin = (digits: string, rest: number): boolean =>
  rest === 1 || (base64Digits.indexOf(digits.at(-1)!) & (rest === 2 ? 0x0f : 0x03)) !== 0;

function hexPair(high: number | undefined, low: number | undefined): number {
  const value = hexDigit(high) * 16 + hexDigit(low);
  return value >= 0 ? value : -1;
}

function hexDigit(octet = 0): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1000;
}
