// Header fields: RFC 5322 §2.2 as it should be and §4 as it also comes. Everything that reads is total
// and linear: any octets give an answer. Which lines are fields and where the header ends is said in
// header-walk.ts alone.

import { isUtf8 } from 'node:buffer';
import { assert } from '../../base/assert.ts';
import { lineBytesMax } from '../line-meter.ts';
import { HeaderWalk } from './header-walk.ts';

export interface HeaderField {
  /** As written. */
  readonly name: string;
  readonly lowerName: string;
  /**
   * Unfolded and trimmed: never holds CR or LF. UTF-8 where it is that (RFC 6532), else Latin-1.
   * Encoded words are left as they are: see encoded-word.ts.
   */
  readonly value: string;
  /** Where the raw field begins: its name, behind a byte order mark. */
  readonly offset: number;
  /** Octets of the raw field, the last line end included. */
  readonly length: number;
}

export interface HeaderScan {
  /** Where the body begins. */
  readonly end: number;
  /** False when the octets, or the first MiB of them, ended before it was certain where it does. */
  readonly complete: boolean;
  /** The first Message-ID without white space, at most 998 characters; undefined if empty. */
  readonly messageId: string | undefined;
  /** How many Received fields there are: the loop count of RFC 5321 §6.3. */
  readonly received: number;
  readonly hasDate: boolean;
  readonly hasMessageId: boolean;
  readonly hasFrom: boolean;
  /** There is an Authentication-Results field. RFC 8601. */
  readonly hasResults: boolean;
  /** There is a Require-Recipient-Valid-Since field. RFC 7293. */
  readonly hasValidSince: boolean;
}

const SP = 0x20;

/** Limit: what scanHeader looks at, and parseHeader unless told otherwise. */
export const headerBytesMax = 2 ** 20;
/** Limit: real messages have at most some hundreds of fields. */
export const headerFieldsMax = 10_000;
/** Where the body begins: behind the empty line, or where the header ends without one. */
export function findHeaderEnd(bytes: Uint8Array): number {
  const walk = new HeaderWalk(bytes);
  while (walk.next());
  return walk.bodyStart;
}

/** The same of the first octets of a message; undefined when they are too few to say. */
export function headerEndWithin(bytes: Uint8Array): number | undefined {
  const walk = new HeaderWalk(bytes);
  while (walk.next());
  return walk.complete ? walk.bodyStart : undefined;
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
  const walk = new HeaderWalk(buffer);
  while (fields.length < fieldsMax && walk.next() && walk.end <= bytesMax) {
    // RFC 5322 §4.5: white space is allowed between the name and the colon.
    const { start, colon, end, nameLength } = walk;
    if (names !== undefined && !isAsLong(nameLength, names)) continue;
    const name = buffer.toString('latin1', start, start + nameLength);
    const lowerName = name.toLowerCase();
    if (names !== undefined && !names.has(lowerName)) continue;
    const value = unfold(decode(buffer, colon + 1, end));
    fields.push({ name, lowerName, value, offset: start, length: end - start });
  }
  return fields;
}

/** Whether it could be one of them, before a text is made of it. */
function isAsLong(nameLength: number, names: ReadonlySet<string>): boolean {
  for (const name of names) if (name.length === nameLength) return true;
  return false;
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
  const walk = new HeaderWalk(buffer);
  while (walk.next()) {
    const { start, end } = walk;
    const name = buffer.toString('latin1', start, start + walk.nameLength);
    visit(name.toLowerCase(), start, end);
  }
}

/** The value of the first field of that name. */
export function headerValue(fields: readonly HeaderField[], lowerName: string): string | undefined {
  for (const field of fields) if (field.lowerName === lowerName) return field.value;
  return undefined;
}

/**
 * What the message path needs to know of a header, in one pass that allocates next to nothing.
 * `whole`: the octets are all of the message, not only its beginning.
 */
export function scanHeader(bytes: Uint8Array, whole = false): HeaderScan {
  const head = bytes.length > headerBytesMax ? bytes.subarray(0, headerBytesMax) : bytes;
  let received = 0;
  let hasDate = false;
  let hasFrom = false;
  let hasMessageId = false;
  let hasResults = false;
  let hasValidSince = false;
  let messageId: string | undefined;
  const walk = new HeaderWalk(head);
  while (walk.next()) {
    switch (walk.nameLength) {
      case 4:
        hasDate ||= walk.isNamed('date');
        hasFrom ||= walk.isNamed('from');
        break;
      case 8:
        if (walk.isNamed('received')) received += 1;
        break;
      case 10:
        if (!hasMessageId && walk.isNamed('message-id')) {
          hasMessageId = true;
          messageId = withoutSpace(head, walk.colon + 1, walk.end);
        }
        break;
      case 22:
        hasResults ||= walk.isNamed('authentication-results');
        break;
      case 29:
        hasValidSince ||= walk.isNamed('require-recipient-valid-since');
        break;
    }
  }
  const complete = walk.complete || (whole && head === bytes);
  const has = { hasDate, hasMessageId, hasFrom, hasResults, hasValidSince };
  return { ...has, end: walk.bodyStart, complete, messageId, received };
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
  let start = 0;
  let octets = 0;
  for (let at = 0; at < line.length; ) {
    const point = line.codePointAt(at)!;
    const size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (octets + size > lineBytesMax) {
      lines.push(line.slice(start, at));
      start = at;
      octets = 1;
    }
    octets += size;
    at += size === 4 ? 2 : 1;
  }
  lines.push(line.slice(start));
  return lines.map((text, i) => (i === 0 ? text : ` ${text}`));
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
