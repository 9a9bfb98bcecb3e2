// What a person reads of a message: the text of its parts, decoded, without markup, attachments left
// out. For search and previews. Total and bounded: at most so many octets are decoded of a message.

import { isAscii } from 'node:buffer';
import { decodeCharset } from './charset.ts';
import { decodeEncodedWords } from './encoded-word.ts';
import { parseHeader } from './header.ts';
import { htmlText } from './html-text.ts';
import type { MimePart } from './mime-part.ts';
import { decodeTransferEncoding } from './transfer-decoding.ts';

export interface TextPart {
  readonly kind: 'plain' | 'html' | 'header';
  /** Without markup; decoded header fields of a message inside are of kind 'header'. */
  readonly text: string;
}

/** Limit: octets of text decoded of one message. */
export const textBytesMax = 2 ** 20;

export function bodyText(
  message: Uint8Array,
  root: MimePart,
  bytesMax = textBytesMax,
): readonly TextPart[] {
  const collector: Collector = { message, parts: [], room: bytesMax };
  // Field: a message of nothing but text that says it is an attachment.
  if (isText(root)) collectText(collector, root);
  else collect(collector, root);
  return collector.parts;
}

interface Collector {
  readonly message: Uint8Array;
  readonly parts: TextPart[];
  room: number;
}

/** Recursion is as deep as MimeLimits.depthMax. */
function collect(into: Collector, part: MimePart): void {
  if (into.room <= 0) return;
  for (const child of part.children) collect(into, child);
  if (part.message !== undefined) {
    collectHeader(into, part.message);
    collect(into, part.message);
  } else if (isShownText(part)) {
    collectText(into, part);
  }
}

const isShownText = (part: MimePart): boolean =>
  isText(part) && part.disposition?.value.toLowerCase() !== 'attachment';

/** A multipart without any boundary shows as text: see body-structure.ts of IMAP. */
const isText = ({ contentType: { type }, children }: MimePart): boolean =>
  type === 'text' || (type === 'multipart' && children.length === 0);

function collectText(into: Collector, part: MimePart): void {
  const { contentType, encoding, bodyStart, bodyEnd } = part;
  // Limit: quoted-printable makes at most one octet of three, base64 three of four.
  const rawMax = into.room * (encoding === 'quoted-printable' ? 3 : 2);
  const raw = into.message.subarray(bodyStart, Math.min(bodyEnd, bodyStart + rawMax));
  const decoded = decodeTransferEncoding(raw, encoding) ?? raw;
  const octets = decoded.length > into.room ? decoded.subarray(0, into.room) : decoded;
  into.room -= octets.length;
  const text = decodeText(octets, contentType.params.get('charset') ?? 'us-ascii');
  if (contentType.subtype === 'html') into.parts.push({ kind: 'html', text: htmlText(text) });
  else into.parts.push({ kind: 'plain', text });
}

/** Charsets of which ASCII octets are ASCII. */
const asciiLike = /^(?:us-ascii|ascii|utf-?8|iso-8859-\d+|windows-\d+|koi8-[ru])$/i;

function decodeText(octets: Uint8Array, charset: string): string {
  if (!asciiLike.test(charset)) return decodeCharset(octets, charset);
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  if (isAscii(buffer)) return buffer.toString('latin1');
  // Field: 8-bit text that says it is US-ASCII, or nothing: most of it is UTF-8 today.
  return decodeCharset(octets, /ascii/i.test(charset) ? 'unknown' : charset);
}

const shownFields = new Set(['subject', 'from', 'to', 'cc']);

function collectHeader(into: Collector, { headerStart, bodyStart }: MimePart): void {
  const header = into.message.subarray(headerStart, Math.min(bodyStart, headerStart + into.room));
  const text = parseHeader(header, { names: shownFields })
    .map(({ value }) => decodeEncodedWords(value))
    .join('\n');
  into.room -= text.length;
  if (text !== '') into.parts.push({ kind: 'header', text });
}
