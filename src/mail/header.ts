// Header fields: RFC 5322 §2.2 as it should be and §4 as it also comes. Everything that reads is total
// and linear: any octets give an answer. A line ends with LF, with or without a CR before it; a bare
// CR never ends one. The header ends with the first empty line, or before the first line that can be
// neither a field nor the continuation of one, as Postfix and sendmail have it.

import { isUtf8 } from 'node:buffer';
import { assert } from '../base/assert.ts';

export interface HeaderField {
  /** As written. */
  readonly name: string;
  readonly lowerName: string;
  /**
   * Unfolded and trimmed: never holds CR or LF. UTF-8 where it is that (RFC 6532), else Latin-1.
   * Encoded words are left as they are: see encoded-word.ts.
   */
  readonly value: string;
  /** Where the raw field begins. */
  readonly offset: number;
  /** Octets of the raw field, the last line end included. */
  readonly length: number;
}

export interface HeaderScan {
  /** Where the body begins. */
  readonly end: number;
  /** False when the octets, or the first MiB of them, ended before the header did. */
  readonly complete: boolean;
  /** The first Message-ID without white space, at most 998 characters; undefined if empty. */
  readonly messageId: string | undefined;
  /** How many Received fields there are: the loop count of RFC 5321 §6.3. */
  readonly received: number;
  readonly hasDate: boolean;
  readonly hasMessageId: boolean;
  readonly hasFrom: boolean;
}

const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const TAB = 0x09;
const COLON = 0x3a;

/** Limit: what scanHeader looks at, and parseHeader unless told otherwise. */
export const headerBytesMax = 2 ** 20;
/** Limit: real messages have at most some hundreds of fields. */
export const headerFieldsMax = 10_000;
/** Limit: the colon of a field is on its first line, which has 998 octets. RFC 5322 §2.1.1. */
const nameBytesMax = 998;

/** Where the body begins: behind the empty line, or at the first line that is no header line. */
export function findHeaderEnd(bytes: Uint8Array): number {
  let at = fieldsStart(bytes);
  while (at < bytes.length) {
    if (colonOf(bytes, at) < 0) return skipEmptyLine(bytes, at);
    at = fieldEnd(bytes, at);
  }
  return at;
}

export interface HeaderOptions {
  readonly fieldsMax?: number;
  readonly bytesMax?: number;
  /** In lower case: leave out fields of other names. */
  readonly names?: ReadonlySet<string>;
}

/** The fields in order. Those beyond the limits are left out, a field cut by `bytesMax` too. */
export function parseHeader(
  bytes: Uint8Array,
  options: HeaderOptions = {},
): readonly HeaderField[] {
  const { fieldsMax = headerFieldsMax, bytesMax = headerBytesMax, names } = options;
  const buffer = asBuffer(bytes);
  const fields: HeaderField[] = [];
  let at = fieldsStart(buffer);
  while (at < buffer.length && fields.length < fieldsMax) {
    const colon = colonOf(buffer, at);
    if (colon < 0) break;
    const end = fieldEnd(buffer, at);
    if (end > bytesMax) break;
    // RFC 5322 §4.5: white space is allowed between the name and the colon.
    const name = buffer.toString('latin1', at, colon).trimEnd();
    const lowerName = name.toLowerCase();
    if (names === undefined || names.has(lowerName)) {
      const value = unfold(decode(buffer, colon + 1, end));
      fields.push({ name, lowerName, value, offset: at, length: end - at });
    }
    at = end;
  }
  return fields;
}

/**
 * Where each field begins and ends (its last line end included), and its name in lower case: for
 * whoever wants the octets as they are.
 */
export function forEachField(
  bytes: Uint8Array,
  visit: (lowerName: string, start: number, end: number) => void,
): void {
  const buffer = asBuffer(bytes);
  let at = fieldsStart(buffer);
  while (at < buffer.length) {
    const colon = colonOf(buffer, at);
    if (colon < 0) break;
    const end = fieldEnd(buffer, at);
    visit(buffer.toString('latin1', at, nameEnd(buffer, at, colon)).toLowerCase(), at, end);
    at = end;
  }
}

/** The value of the first field of that name. */
export function headerValue(fields: readonly HeaderField[], lowerName: string): string | undefined {
  for (const field of fields) if (field.lowerName === lowerName) return field.value;
  return undefined;
}

/** What the message path needs to know of a header, in one pass that allocates next to nothing. */
export function scanHeader(bytes: Uint8Array): HeaderScan {
  const head = bytes.length > headerBytesMax ? bytes.subarray(0, headerBytesMax) : bytes;
  let received = 0;
  let hasDate = false;
  let hasFrom = false;
  let hasMessageId = false;
  let messageId: string | undefined;
  let complete = false;
  let at = fieldsStart(head);
  while (at < head.length) {
    const colon = colonOf(head, at);
    if (colon < 0) {
      complete = !mayGoOn(head, at);
      if (complete) at = skipEmptyLine(head, at);
      break;
    }
    const end = fieldEnd(head, at);
    switch (nameEnd(head, at, colon) - at) {
      case 4:
        hasDate ||= isName(head, at, 'date');
        hasFrom ||= isName(head, at, 'from');
        break;
      case 8:
        if (isName(head, at, 'received')) received += 1;
        break;
      case 10:
        if (!hasMessageId && isName(head, at, 'message-id')) {
          hasMessageId = true;
          messageId = withoutSpace(head, colon + 1, end);
        }
        break;
    }
    at = end;
  }
  return { end: at, complete, messageId, received, hasDate, hasMessageId, hasFrom };
}

/**
 * One field, folded at white space and ended with CRLF. Control characters in the value become
 * spaces, so that nothing in it can begin another field.
 * RFC 5322 §2.1.1: lines should have at most 78 characters and must have at most 998 octets; a
 * word longer than that is broken.
 */
export function foldHeader(name: string, value: string): string {
  assert(/^[!-9;-~]{1,76}$/.test(name), 'a field name is printable ASCII without a colon');
  const text = value.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, ' ').trim();
  let line = `${name}:`;
  if (text === '') return `${line}\r\n`;
  let folded = '';
  let empty = true; // the line holds no word yet: folding there would leave it blank
  for (const [piece] of ` ${text}`.matchAll(/[ \t]+[^ \t]+/g)) {
    const word = piece.length > 78 ? piece.replace(/^[ \t]{64,}/, ' ') : piece;
    if (!empty && line.length + word.length > 78) {
      folded += `${line}\r\n`;
      line = '';
    }
    line += word;
    empty = false;
    if (line.length > 300) {
      const lines = breakLine(line);
      line = lines.pop()!;
      for (const full of lines) folded += `${full}\r\n`;
    }
  }
  return `${folded}${line}\r\n`;
}

/** Lines of at most 998 octets, the later ones beginning with a space. */
function breakLine(line: string): string[] {
  const lines: string[] = [];
  let rest = line;
  while (Buffer.byteLength(rest) > 998) {
    let cut = Math.min(rest.length, 998);
    // At most three octets a UTF-16 unit: this ends soon, and near the limit for ASCII.
    while (Buffer.byteLength(rest.slice(0, cut)) > 998) cut = Math.floor(cut * 0.7);
    if (isHighSurrogate(rest.charCodeAt(cut - 1))) cut -= 1;
    lines.push(rest.slice(0, cut));
    rest = ` ${rest.slice(cut)}`;
  }
  lines.push(rest);
  return lines;
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

/** Whether a field begins at `at`, which is the beginning of a line. */
export const isFieldStart = (bytes: Uint8Array, at: number): boolean => colonOf(bytes, at) >= 0;

/** Whether the line that begins at `at` is one that mbox files have before the first field. */
export function isMboxLine(bytes: Uint8Array, at: number): boolean {
  const from = bytes[at] === 0x3e ? at + 1 : at;
  return bytes[from + 4] === SP && isName(bytes, from, 'from') && colonOf(bytes, from) < 0;
}

/** Field: mbox files and some clients put a "From " line (or ">From ") before the first field. */
function fieldsStart(bytes: Uint8Array): number {
  return isMboxLine(bytes, 0) ? lineEnd(bytes, 0) : 0;
}

/**
 * Where the colon of a field is whose name begins at `at`; -1 if no field begins there.
 * RFC 5322 §3.6.8: field-name = 1*ftext ; ftext = %d33-57 / %d59-126
 * RFC 5322 §4.5: obsolete fields may have white space before the colon.
 */
function colonOf(bytes: Uint8Array, at: number): number {
  const end = at + nameBytesMax;
  let i = at;
  let octet = bytes[i];
  while (octet !== undefined && octet > SP && octet < 0x7f && octet !== COLON && i < end) {
    i += 1;
    octet = bytes[i];
  }
  if (i === at) return -1;
  while ((octet === SP || octet === TAB) && i < end) {
    i += 1;
    octet = bytes[i];
  }
  return octet === COLON ? i : -1;
}

/** Whether the octets ended in what might still become a field or the empty line. */
function mayGoOn(bytes: Uint8Array, at: number): boolean {
  let i = at;
  if (bytes[i] === CR) return i + 1 === bytes.length;
  while (i < bytes.length && bytes[i]! >= SP && bytes[i]! < 0x7f) i += 1;
  return i > at && i === bytes.length && i - at <= nameBytesMax;
}

function nameEnd(bytes: Uint8Array, at: number, colon: number): number {
  let end = colon;
  while (end > at && (bytes[end - 1] === SP || bytes[end - 1] === TAB)) end -= 1;
  return end;
}

/** Behind the field's last line: lines that begin with white space continue it. RFC 5322 §2.2.3. */
function fieldEnd(bytes: Uint8Array, at: number): number {
  let end = lineEnd(bytes, at);
  while (bytes[end] === SP || bytes[end] === TAB) end = lineEnd(bytes, end);
  return end;
}

function lineEnd(bytes: Uint8Array, at: number): number {
  const newline = bytes.indexOf(LF, at);
  return newline < 0 ? bytes.length : newline + 1;
}

function skipEmptyLine(bytes: Uint8Array, at: number): number {
  if (bytes[at] === LF) return at + 1;
  if (bytes[at] === CR && bytes[at + 1] === LF) return at + 2;
  return at;
}

/** `name` is in lower case and made of letters and hyphens, which bit 5 does not change. */
function isName(bytes: Uint8Array, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i += 1) {
    if ((bytes[at + i]! | 0x20) !== name.charCodeAt(i)) return false;
  }
  return true;
}

function withoutSpace(bytes: Uint8Array, from: number, to: number): string | undefined {
  let start = from;
  let end = to;
  while (start < end && bytes[start]! <= SP) start += 1;
  while (end > start && bytes[end - 1]! <= SP) end -= 1;
  if (start === end) return undefined;
  // Limit: a Message-ID is on one line of 998 octets; folded nonsense is not worth more.
  const text = decode(asBuffer(bytes), start, Math.min(end, start + 998));
  return text.replace(/[\x00-\x20\x7f]+/g, '');
}

/** RFC 5322 §2.2.3: unfolding removes each CRLF that is followed by white space. */
function unfold(raw: string): string {
  const text = raw.includes('\n') ? raw.replace(/\r?\n/g, '') : raw;
  // A bare CR left over must not look like a line end to anybody.
  return (text.includes('\r') ? text.replaceAll('\r', ' ') : text).trim();
}

/** UTF-8 if it is that (RFC 6532 §3.1), otherwise one character an octet. */
function decode(buffer: Buffer, from: number, to: number): string {
  for (let i = from; i < to; i += 1) {
    if (buffer[i]! < 0x80) continue;
    const raw = buffer.subarray(from, to);
    return isUtf8(raw) ? raw.toString('utf8') : raw.toString('latin1');
  }
  return buffer.toString('latin1', from, to);
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
