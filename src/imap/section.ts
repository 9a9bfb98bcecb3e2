// What BODY[section] and BINARY[section] mean: RFC 9051 §6.4.5. The answer is a range of the message,
// so that only that much has to be read of a large one; what must be done to the octets of the range
// (choosing header fields, decoding) comes after. `undefined`: the message has no such section.

import { forEachField } from '../mail/header/header.ts';
import type { MimePart } from '../mail/mime/mime-part.ts';
import type { Partial, Section } from './command.ts';

export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Which fields of a header. */
export interface FieldSelection {
  /** In lower case. */
  readonly names: ReadonlySet<string>;
  /** HEADER.FIELDS; false: HEADER.FIELDS.NOT. */
  readonly matching: boolean;
  /** Whether anything stands behind the header. */
  readonly hasBody: boolean;
}

export interface LocatedSection extends Extent {
  /** The octets of the range are a header, of which these fields are meant. */
  readonly select: FieldSelection | undefined;
}

/** What is known of a message without looking at its parts. */
export type MessageExtent = Pick<MimePart, 'headerStart' | 'bodyStart' | 'bodyEnd'>;

/** Whether locateSection has to know the parts; else where the header ends is enough. */
export const needsParts = ({ part }: Section): boolean => part.length > 0;

export function locateSection(root: MimePart, section: Section): LocatedSection | undefined {
  if (!needsParts(section)) return locateInMessage(root, section);
  const part = findPart(root, section.part);
  if (part === undefined) return undefined;
  switch (section.text) {
    case undefined:
      return whole(part.bodyStart, part.bodyEnd);
    case 'MIME':
      return whole(part.headerStart, part.bodyStart);
    default:
      // RFC 9051 §6.4.5.1: the others are of messages only.
      return part.message && locateInMessage(part.message, section);
  }
}

/** A section of a message itself, or of one inside it: no numbers. */
export function locateInMessage(
  { headerStart, bodyStart, bodyEnd }: MessageExtent,
  { text, fields }: Section,
): LocatedSection | undefined {
  switch (text) {
    case undefined:
      return whole(headerStart, bodyEnd);
    case 'HEADER':
      return whole(headerStart, bodyStart);
    case 'TEXT':
      return whole(bodyStart, bodyEnd);
    case 'MIME':
      return undefined; // RFC 9051 §6.4.5.1: only with a part number
    case 'HEADER.FIELDS':
    case 'HEADER.FIELDS.NOT': {
      const names = new Set(fields.map((name) => name.toLowerCase()));
      const select = { names, matching: text === 'HEADER.FIELDS', hasBody: bodyEnd > bodyStart };
      return { start: headerStart, end: bodyStart, select };
    }
  }
}

const whole = (start: number, end: number): LocatedSection => ({ start, end, select: undefined });

/**
 * RFC 9051 §6.4.5.1: the parts of a multipart are numbered from 1; the body of a message that is no
 * multipart is its part 1; numbers behind a message/rfc822 are those of the message inside.
 */
export function findPart(root: MimePart, numbers: readonly number[]): MimePart | undefined {
  let part: MimePart | undefined;
  for (const number of numbers) {
    const message = part === undefined ? root : part.message;
    part = message === undefined ? childOf(part!, number) : bodyPart(message, number);
    if (part === undefined) return undefined;
  }
  return part;
}

const bodyPart = (message: MimePart, number: number): MimePart | undefined => {
  if (message.contentType.type === 'multipart') return childOf(message, number);
  return number === 1 ? message : undefined;
};

function childOf(part: MimePart, number: number): MimePart | undefined {
  if (part.contentType.type !== 'multipart') return undefined;
  if (part.children.length > 0) return part.children[number - 1];
  return number === 1 ? bareText(part) : undefined;
}

/** See body-structure.ts: a multipart without boundaries shows as one part without a header. */
const bareText = (part: MimePart): MimePart => ({
  ...part,
  headerStart: part.bodyStart,
  contentType: { type: 'text', subtype: 'plain', params: new Map(), rawParams: [] },
  encoding: '7bit',
});

/** Less of it: RFC 9051 §6.4.5. Beyond the end there is nothing. */
export function partOf({ start, end }: Extent, partial: Partial | undefined): Extent {
  if (partial === undefined) return { start, end };
  const from = Math.min(start + partial.offset, end);
  return { start: from, end: Math.min(from + partial.length, end) };
}

/** The range to read: with a selection all of the header, since `partial` counts behind it. */
export const rangeToRead = (located: LocatedSection, partial: Partial | undefined): Extent =>
  located.select === undefined ? partOf(located, partial) : located;

/** `read` holds the octets of rangeToRead. */
export function finishSection(
  read: Uint8Array,
  { select }: LocatedSection,
  partial: Partial | undefined,
): Uint8Array {
  return select === undefined ? read : slice(selectFields(read, select), partial);
}

function slice(octets: Uint8Array, partial: Partial | undefined): Uint8Array {
  const { start, end } = partOf({ start: 0, end: octets.length }, partial);
  return octets.subarray(start, end);
}

const LF = 0x0a;
const CR = 0x0d;
const emptyLine = Buffer.from('\r\n');

/**
 * The fields in their order, octet by octet, and an empty line. RFC 9051 §6.4.5.1: it is missing only
 * where the message has neither one nor a body.
 */
export function selectFields(
  header: Uint8Array,
  { names, matching, hasBody }: FieldSelection,
): Uint8Array {
  const pieces: Uint8Array[] = [];
  let end = 0;
  forEachField(header, (lowerName, start, fieldEnd) => {
    if (names.has(lowerName) === matching) pieces.push(header.subarray(start, fieldEnd));
    end = fieldEnd;
  });
  const rest = header[end] === CR ? end + 1 : end;
  if (header[rest] === LF) pieces.push(header.subarray(end, rest + 1));
  else if (hasBody) pieces.push(emptyLine);
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

export interface LocatedBinary extends Extent {
  readonly encoding: string;
  /** What is decoded is lines of text. */
  readonly isText: boolean;
}

/** BINARY[part]: where the body is and how it is encoded. RFC 3516 §4.2. */
export function locateBinary(
  root: MimePart,
  numbers: readonly number[],
): LocatedBinary | undefined {
  if (numbers.length === 0) {
    return { start: root.headerStart, end: root.bodyEnd, encoding: 'binary', isText: false };
  }
  const part = findPart(root, numbers);
  if (part === undefined) return undefined;
  // RFC 2045 §6.4: a multipart is never encoded itself, whatever it says.
  const encoding = part.contentType.type === 'multipart' ? 'binary' : part.encoding;
  return { start: part.bodyStart, end: part.bodyEnd, encoding, isText: isLines(part) };
}

/** Its decoded octets are lines; in UTF-16 and the like an octet of a newline is none. */
const isLines = ({ contentType: { type, params } }: MimePart): boolean =>
  type === 'text' && !/^(?:utf|ucs)-?(?:16|32|2|4)/i.test(params.get('charset') ?? '');
