// Where a header's fields begin and end, and where the header does: the one reading of it that everything
// else is made of. RFC 5322 §2.2, and what else comes. Total and linear; a line ends with LF, with or
// without a CR before it; a bare CR never ends one.
//
// The header ends with the first empty line. A line that begins with "--" ends it too: a boundary
// whose empty line was forgotten. A line that is neither field nor continuation is astray: it is
// passed over if a known field that the header does not have yet begins soon behind it, else the
// header ends before it and it is text.
// Deviation: RFC 5322 knows no such lines. Postfix and sendmail end the header there, which hides the
// rest of it from the reader; Dovecot goes on to the empty line, however far. In between lies what is
// likely: the bounds below keep a text whose empty line was forgotten from being read as header.

import { isKnownName, knownNameBytesMax, onceBits } from './field-names.ts';

/** Limit: lines looked at, the one astray included, for the field that shows that the header goes on. */
export const strayLinesMax = 8;
/** Limit: octets looked at for its beginning. */
export const strayBytesMax = 1000;
/** Limit: octets of a header within which lines may be astray. */
export const strayWithinBytes = 64 * 2 ** 10;
/** Limit: the colon of a field is on its first line, which has 998 octets. RFC 5322 §2.1.1. */
const nameBytesMax = 998;

const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const TAB = 0x09;
const DASH = 0x2d;
const COLON = 0x3a;

/** The fields one after the other. The octets begin with the header. */
export class HeaderWalk {
  readonly #bytes: Uint8Array;
  #stray: StrayLines | undefined;
  /** Lines before this are within the header, whatever they are. */
  #goesOn = 0;
  /** Where the present field begins, its colon is, and its last line ends. */
  start = 0;
  colon = 0;
  end = 0;
  /** Behind the last field: where the body begins. */
  bodyStart = 0;
  /** Whether the octets say that the header ends there, or only end themselves. */
  complete = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    // Field: mbox files and some clients put a "From " line (or ">From ") before the first field.
    const start = behindMark(bytes, 0);
    if (isMboxLine(bytes, start)) this.end = lineEnd(bytes, start);
  }

  /** False when there are no more. */
  next(): boolean {
    const bytes = this.#bytes;
    let at = this.end;
    while (at < bytes.length) {
      const start = bytes[at]! < 0x80 ? at : behindMark(bytes, at);
      const colon = colonOf(bytes, start);
      if (colon >= 0) {
        this.start = start;
        this.colon = colon;
        this.end = fieldEnd(bytes, colon);
        return true;
      }
      if (at >= this.#goesOn && !this.#passes(at)) return false;
      at = lineEnd(bytes, at);
    }
    this.bodyStart = at;
    return false;
  }

  /** Octets of the present field's name. */
  get nameLength(): number {
    const bytes = this.#bytes;
    let end = this.colon;
    while (bytes[end - 1] === SP || bytes[end - 1] === TAB) end -= 1;
    return end - this.start;
  }

  /** `name` is in lower case, made of letters and hyphens, and has nameLength octets. */
  isNamed(name: string): boolean {
    return isName(this.#bytes, this.start, name);
  }

  /** Whether the header goes on behind the line at `at`, which is no field. */
  #passes(at: number): boolean {
    const empty = emptyLineEnd(this.#bytes, at);
    if (empty > 0) {
      this.bodyStart = empty;
      this.complete = true;
      return false;
    }
    this.#stray ??= new StrayLines();
    this.#goesOn = this.#stray.verdict(this.#bytes, at);
    this.bodyStart = at;
    this.complete = this.#goesOn === headerEnds;
    return this.#goesOn >= 0;
  }
}

/** The header ends before the line that is astray. */
export const headerEnds = -1;
/** The octets end before it can be said. */
export const undecided = -2;

/** Judges the lines of one header that are astray. */
export class StrayLines {
  /** Bits of the names that the header has already, as far as it was looked through. */
  #seen = 0;
  #seenUpTo = 0;

  /**
   * Where the field begins that shows that the header goes on behind the line at `at`; or headerEnds;
   * or undecided.
   */
  verdict(header: Uint8Array, at: number): number {
    if (at > strayWithinBytes) return headerEnds;
    this.see(header, at);
    return this.look(header, at);
  }

  /** Remembers the fields of the header before `end`. */
  see(header: Uint8Array, end: number): void {
    let at = this.#seenUpTo;
    while (at < end) {
      const start = behindMark(header, at);
      const colon = colonOf(header, start);
      if (colon >= 0) this.#seen |= onceBits.get(nameOf(header, start, colon)) ?? 0;
      at = colon < 0 ? lineEnd(header, at) : fieldEnd(header, colon);
    }
    this.#seenUpTo = at;
  }

  /** The verdict, when what is before has been seen: `lines` need not hold it. */
  look(lines: Uint8Array, at: number): number {
    let line = at;
    for (let i = 0; i < strayLinesMax && line - at <= strayBytesMax; i += 1) {
      if (beginsWithDashes(lines, line) || emptyLineEnd(lines, line) > 0) return headerEnds;
      const start = behindMark(lines, line);
      const colon = colonOf(lines, start);
      if (colon >= 0 && this.#isTold(nameOf(lines, start, colon))) return line;
      const newline = lines.indexOf(LF, line);
      if (newline < 0) return lines.length - line > longLineBytes ? headerEnds : undecided;
      line = newline + 1;
    }
    return headerEnds;
  }

  /** Whether a field of that name shows that this is a header. */
  #isTold(name: string): boolean {
    return isKnownName(name) && (this.#seen & (onceBits.get(name) ?? 0)) === 0;
  }
}

/** So much of a line says what it is, and that the next one begins too late. */
const longLineBytes = nameBytesMax + 3;

/** Whether a field begins at `at`, which is the beginning of a line. */
export const isFieldStart = (bytes: Uint8Array, at: number): boolean =>
  colonOf(bytes, bytes[at]! < 0x80 ? at : behindMark(bytes, at)) >= 0;

/** Whether the line that begins at `at` is one that mbox files have before the first field. */
export function isMboxLine(bytes: Uint8Array, at: number): boolean {
  const from = bytes[at] === 0x3e ? at + 1 : at;
  return bytes[from + 4] === SP && isName(bytes, from, 'from') && colonOf(bytes, from) < 0;
}

/** Field: UTF-8's byte order mark, which some editors put before everything. */
const behindMark = (bytes: Uint8Array, at: number): number =>
  bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf ? at + 3 : at;

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
  if (i === at || beginsWithDashes(bytes, at)) return -1;
  while ((octet === SP || octet === TAB) && i < end) {
    i += 1;
    octet = bytes[i];
  }
  return octet === COLON ? i : -1;
}

const beginsWithDashes = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === DASH && bytes[at + 1] === DASH;

function nameOf(bytes: Uint8Array, start: number, colon: number): string {
  // Limit: a known name and the white space behind it.
  if (colon - start > 2 * knownNameBytesMax) return '';
  return latin1(bytes, start, colon).trimEnd().toLowerCase();
}

/** `name` is in lower case and made of letters and hyphens, which bit 5 does not change. */
function isName(bytes: Uint8Array, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i += 1) {
    if ((bytes[at + i]! | 0x20) !== name.charCodeAt(i)) return false;
  }
  return true;
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

/** Behind the empty line that begins at `at`; 0 if it is none. */
export function emptyLineEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] === LF) return at + 1;
  return bytes[at] === CR && bytes[at + 1] === LF ? at + 2 : 0;
}

const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);
