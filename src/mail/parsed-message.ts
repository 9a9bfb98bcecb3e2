// A message taken apart for programs: decoded header fields, addresses, text, attachments, and the tree of
// its parts (RFC 5322, 2045 to 2047, 2231). Total: whatever was sent has an answer, broken or not.

import { InputError } from '../base/input-error.ts';
import { decodeCharset } from './charset/charset.ts';
import { parseDate } from './fields/date.ts';
import { decodeEncodedWords } from './fields/encoded-word.ts';
import { mailboxesOf, parseAddressList, writtenAddress } from './fields/structured.ts';
import type { HeaderField } from './header/header.ts';
import { headerValue, parseHeader } from './header/header.ts';
import { parseMime } from './mime/mime.ts';
import { fileNameOf, type MimePart } from './mime/mime-part.ts';
import { decodeTransferEncoding } from './mime/transfer-decoding.ts';
import { htmlText } from './text/html-text.ts';

export interface HeaderLine {
  /** As written. */
  readonly name: string;
  /** Unfolded, encoded words (RFC 2047) as text. */
  readonly value: string;
}

export interface MessageAddress {
  /** The display name, '' without one. */
  readonly name: string;
  /** `ann@example.org`, `"ann of x"@example.org`: as an envelope has it. */
  readonly address: string;
}

/** What a header says. */
export interface MessageHeader {
  /** Decoded; '' without one. */
  readonly subject: string;
  /** All fields, in order. */
  readonly headers: readonly HeaderLine[];
  /** The first field of this name, in any case, decoded. */
  header(name: string): string | undefined;
  /** The mailboxes of all fields of this name: `addresses('to')`. */
  addresses(name: string): readonly MessageAddress[];
  /** Of the Date field, where it can be read. */
  readonly date: Date | undefined;
}

export interface MessagePart extends MessageHeader {
  /** `text/plain`, in lower case; what RFC 2045 §5.2 has where nothing is said. */
  readonly contentType: string;
  /** The parameters of Content-Type, by names in lower case. */
  readonly params: ReadonlyMap<string, string>;
  readonly disposition: string | undefined;
  /** RFC 2183 §2.3: what the sender calls it; not a path that anything should be written to. */
  readonly filename: string | undefined;
  /** Content-ID without its brackets, for `cid:` in HTML. */
  readonly contentId: string | undefined;
  /** Of a multipart, or of a message inside. */
  readonly parts: readonly MessagePart[];
  /** The body's octets without their transfer encoding. */
  content(): Buffer;
  /** The body as text, by its charset. */
  text(): string;
}

export interface ParsedMessage extends MessagePart {
  /** What a person reads: the plain text, or that of the HTML where there is no other; '' without any. */
  readonly plainText: string;
  /** The first HTML text, as it was sent: mind where it is shown. */
  readonly html: string | undefined;
  /** Everything that is not shown as text, in order; with what HTML shows by `cid:`. */
  readonly attachments: readonly MessagePart[];
}

/**
 * `message` is header and body, with CRLF or LF line ends; a text is read as UTF-8.
 * @throws InputError for anything else
 */
export function parseMessage(message: Uint8Array | string): ParsedMessage {
  const octets = asOctets(message);
  const root = partOf(octets, parseMime(octets));
  const shown: Shown = { plain: [], html: [], attachments: [] };
  sortOut(root, shown);
  const [html] = shown.html;
  return Object.assign(root, {
    plainText: shown.plain.length > 0 ? shown.plain.join('\n') : htmlText(html ?? ''),
    html,
    attachments: shown.attachments,
  });
}

function asOctets(message: Uint8Array | string): Buffer {
  if (typeof message === 'string') return Buffer.from(message);
  if (message instanceof Uint8Array)
    return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  throw new InputError('INVALID_OPTION', 'message', 'must be a text or octets');
}

/** The fields that `octets` begin with. */
export function readHeader(octets: Uint8Array): MessageHeader {
  let parsed: readonly HeaderField[] | undefined;
  const fields = () => (parsed ??= parseHeader(octets));
  const value = (name: string): string | undefined => {
    const found = headerValue(fields(), name.toLowerCase());
    return found === undefined ? undefined : decodeEncodedWords(found);
  };
  return {
    get subject() {
      return value('subject') ?? '';
    },
    get headers() {
      return fields().map((field) => ({
        name: field.name,
        value: decodeEncodedWords(field.value),
      }));
    },
    header: value,
    addresses: (name) => addressesOf(fields(), name.toLowerCase()),
    get date() {
      const ms = parseDate(headerValue(fields(), 'date') ?? '');
      return ms === undefined ? undefined : new Date(ms);
    },
  };
}

function addressesOf(fields: readonly HeaderField[], name: string): readonly MessageAddress[] {
  return fields
    .filter(({ lowerName }) => lowerName === name)
    .flatMap(({ value }) => mailboxesOf(parseAddressList(value)))
    .map((mailbox) => ({
      name: decodeEncodedWords(mailbox.name ?? ''),
      address: writtenAddress(mailbox),
    }));
}

function partOf(octets: Buffer, part: MimePart): MessagePart {
  const { contentType, disposition, encoding, headerStart, bodyStart, bodyEnd } = part;
  const body = octets.subarray(bodyStart, bodyEnd);
  const content = (): Buffer => Buffer.from(decodeTransferEncoding(body, encoding) ?? body);
  const inside = part.message === undefined ? part.children : [part.message];
  const properties = {
    contentType: `${contentType.type}/${contentType.subtype}`,
    params: contentType.params,
    disposition: disposition?.value.toLowerCase(),
    filename: fileNameOf(part),
    contentId: part.id?.trim().replace(/^<(.*)>$/, '$1'),
    parts: inside.map((child) => partOf(octets, child)),
    content,
    text: () => decodeCharset(content(), contentType.params.get('charset') ?? ''),
  };
  const header = readHeader(octets.subarray(headerStart, bodyStart));
  // The getters of the header, not what they give: most are never asked for.
  return Object.defineProperties(
    properties,
    Object.getOwnPropertyDescriptors(header),
  ) as typeof properties & MessageHeader;
}

interface Shown {
  readonly plain: string[];
  readonly html: string[];
  readonly attachments: MessagePart[];
}

/** Recursion is as deep as MimeLimits.depthMax. */
function sortOut(part: MessagePart, into: Shown): void {
  const { contentType, disposition, filename, parts } = part;
  if (contentType.startsWith('multipart/') && parts.length > 0) {
    for (const child of parts) sortOut(child, into);
    return;
  }
  const isBody = disposition !== 'attachment' && filename === undefined;
  // A multipart in which no part was found shows as text.
  if (isBody && /^(?:text\/plain|multipart\/)/.test(contentType)) into.plain.push(part.text());
  else if (isBody && contentType === 'text/html') into.html.push(part.text());
  else into.attachments.push(part);
}
