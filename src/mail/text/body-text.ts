// What a person reads of a message: the text of its parts, decoded, without markup, attachments left
// out. For search and previews. Total and bounded: at most so many octets are decoded of a message.

import { decodeCharset } from '../charset/charset.ts';
import { charsetName } from '../charset/charset-name.ts';
import { decodeEncodedWords } from '../fields/encoded-word.ts';
import { parseHeader } from '../header/header.ts';
import type { ContentType, MimePart } from '../mime/mime-part.ts';
import { decodeTransferEncoding } from '../mime/transfer-decoding.ts';
import { flowedText } from './flowed-text.ts';
import { htmlText } from './html-text.ts';
import { decodeUuencode, isUuencode } from './uuencode.ts';

export interface TextPart {
  /** 'other': text that is for programs, such as calendars and tables. */
  readonly kind: 'plain' | 'html' | 'other' | 'header';
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
  const { contentType } = part;
  const found =
    contentType.type === 'multipart' ? undelimited(into, part) : decodedOctets(into, part);
  const octets = found.length === into.room ? wholeCharacters(found) : found;
  into.room -= found.length;
  const kind = kindOf(contentType);
  const label = contentType.params.get('charset') ?? (kind === 'html' ? ownCharset(octets) : '');
  const text = decodeCharset(octets, label);
  if (text !== '') into.parts.push({ kind, text: shownText(text, kind, contentType) });
}

/** Nothing, of an encoding that nobody knows: RFC 2045 §6.4 makes such a part one of mere octets. */
function decodedOctets({ message, room }: Collector, part: MimePart): Uint8Array {
  const { encoding, bodyStart, bodyEnd } = part;
  // Limit: quoted-printable makes at most one octet of three, the others three of four.
  const rawMax = room * (encoding === 'quoted-printable' ? 3 : 2);
  const raw = message.subarray(bodyStart, Math.min(bodyEnd, bodyStart + rawMax));
  const decoded = isUuencode(encoding)
    ? decodeUuencode(raw)
    : decodeTransferEncoding(raw, encoding);
  if (decoded === undefined) return nothing;
  return decoded.length > room ? decoded.subarray(0, room) : decoded;
}

/**
 * A multipart in which no part begins. RFC 2046 §5.1.1: what stands before the line that ends it is for
 * those who do not know MIME. Where that line is missing too, the text is all that was left of it.
 */
function undelimited({ message, room }: Collector, part: MimePart): Uint8Array {
  const { contentType, bodyStart, bodyEnd } = part;
  const body = message.subarray(bodyStart, Math.min(bodyEnd, bodyStart + room));
  const boundary = contentType.params.get('boundary')?.trimEnd() ?? '';
  const last = `--${boundary}--`;
  const octets = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const ended = boundary !== '' && (octets.indexOf(`\n${last}`) >= 0 || startsWith(octets, last));
  return ended ? nothing : body;
}

/** Without the beginning of a character of UTF-8 at the end: cut off there, all of it would be none. */
function wholeCharacters(octets: Uint8Array): Uint8Array {
  let start = octets.length - 1;
  while (start > octets.length - 4 && (octets[start]! & 0xc0) === 0x80) start -= 1;
  const lead = octets[start] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return start + length > octets.length ? octets.subarray(0, start) : octets;
}

const startsWith = (octets: Buffer, text: string): boolean =>
  octets.subarray(0, Buffer.byteLength(text)).equals(Buffer.from(text));

const nothing = new Uint8Array(0);

/** Field: AMP and what watches show are HTML of a kind, beside the text that is for all. */
const likeHtml = new Set(['html', 'xhtml', 'x-amp-html', 'watch-html', 'enriched', 'richtext']);

function kindOf({ type, subtype }: ContentType): 'plain' | 'html' | 'other' {
  if (likeHtml.has(subtype)) return 'html';
  return type === 'multipart' || subtype === 'plain' ? 'plain' : 'other';
}

/** What an HTML document says in its beginning, if it does: the Encoding Standard looks as far. */
function ownCharset(octets: Uint8Array): string {
  const head = Buffer.from(octets.buffer, octets.byteOffset, Math.min(octets.length, 1024));
  const [, label] =
    /<meta\s[^>]{0,200}charset\s*=\s*["']?([\w:-]+)/i.exec(head.toString('latin1')) ?? [];
  // It was found in ASCII: what says UTF-16 there is wrong.
  return label === undefined || charsetName(label).asciiDiffers ? '' : label;
}

function shownText(text: string, kind: TextPart['kind'], { params }: ContentType): string {
  if (kind === 'html') return htmlText(text);
  if (kind !== 'plain' || params.get('format')?.toLowerCase() !== 'flowed') return text;
  return flowedText(text, params.get('delsp')?.toLowerCase() === 'yes');
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
