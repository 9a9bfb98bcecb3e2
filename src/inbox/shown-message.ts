// A message as a page shows it: its fields decoded, its text and HTML, and what parts it is made of. Made of the
// same digest that IMAP reads (mail/digest/digest.ts), so that there is one truth about where a part begins. Total: whatever
// was sent can be shown, broken or not.

import { decodeCharset } from '../mail/charset/charset.ts';
import type { BodyPart } from '../mail/digest/digest.ts';
import { type LeafPart, leafParts } from '../mail/digest/leaf-parts.ts';
import { messageFacts } from '../mail/digest/message-facts.ts';
import { decodeEncodedWords } from '../mail/fields/encoded-word.ts';
import type { MailboxOrGroup } from '../mail/fields/structured.ts';
import { mailboxesOf, writtenAddress } from '../mail/fields/structured.ts';
import { headerValue, parseHeader } from '../mail/header/header.ts';
import { decodeTransferEncoding } from '../mail/mime/transfer-decoding.ts';
import { htmlText } from '../mail/text/html-text.ts';

export interface ShownAddress {
  /** The display name, '' without one. */
  readonly name: string;
  readonly address: string;
}

export interface ShownField {
  /** As written. */
  readonly name: string;
  /** Unfolded, encoded words decoded. */
  readonly value: string;
}

export interface ShownMessage {
  /** '' without one. */
  readonly subject: string;
  /** Without brackets; '' without one. */
  readonly messageId: string;
  /** Of the Date field, milliseconds since the epoch, where it can be understood. */
  readonly sent: number | undefined;
  /** Of Return-Path, without brackets; '' is the null sender, or none. */
  readonly returnPath: string;
  readonly from: readonly ShownAddress[];
  readonly sender: readonly ShownAddress[];
  readonly replyTo: readonly ShownAddress[];
  readonly to: readonly ShownAddress[];
  readonly cc: readonly ShownAddress[];
  readonly bcc: readonly ShownAddress[];
  readonly fields: readonly ShownField[];
  /** The plain text, or that of the HTML where there is no other; '' without any. */
  readonly text: string;
  /** As it was sent: mind where it is shown. Undefined without any. */
  readonly html: string | undefined;
  readonly parts: readonly ShownPart[];
}

export interface ShownPart extends Pick<LeafPart, 'path' | 'kind'> {
  /** `text/plain`, in lower case. */
  readonly type: string;
  readonly charset: string | undefined;
  /** What the sender calls the file; not a path that anything should be written to. RFC 2183 §2.3. */
  readonly name: string | undefined;
  /** Content-ID without its brackets, for `cid:` in HTML. */
  readonly cid: string | undefined;
  readonly disposition: string | undefined;
  /** As it was sent: `base64` and the like. */
  readonly encoding: string;
  /** Its octets without their transfer encoding. */
  content(): Uint8Array;
}

/** Limit: octets of text, and of HTML, that are shown of a message. */
export const shownBytesMax = 4 * 2 ** 20;

export function shownMessage(message: Uint8Array): ShownMessage {
  const { digest } = messageFacts(message);
  const { envelope, body } = digest;
  const parts = leafParts(body).map((leaf) => shownPart(message, leaf));
  const fields = parseHeader(message.subarray(body.headerStart, body.bodyStart));
  const html = textOf(parts, 'text/html');
  const plain = parts.filter(({ kind, type }) => kind === 'text' && type !== 'text/html');
  return {
    subject: decodeEncodedWords(envelope.subject ?? ''),
    messageId: withoutBrackets(envelope.messageId ?? ''),
    sent: envelope.sent?.ms,
    returnPath: withoutBrackets(headerValue(fields, 'return-path') ?? ''),
    from: shownAddresses(envelope.from),
    sender: shownAddresses(envelope.sender),
    replyTo: shownAddresses(envelope.replyTo),
    to: shownAddresses(envelope.to),
    cc: shownAddresses(envelope.cc),
    bcc: shownAddresses(envelope.bcc),
    fields: fields.map(({ name, value }) => ({ name, value: decodeEncodedWords(value) })),
    text: plain.length > 0 ? plain.map(decoded).join('\n') : htmlText(html ?? ''),
    html,
    parts,
  };
}

/** Whom a message that is sent once more is from: RFC 5322 §3.6.2. Undefined where it does not say. */
export function authorOf(message: Uint8Array): string | undefined {
  const { sender, from } = messageFacts(message).digest.envelope;
  return shownAddresses([...sender, ...from])[0]?.address;
}

export const shownAddresses = (list: readonly MailboxOrGroup[]): readonly ShownAddress[] =>
  mailboxesOf(list).map((mailbox) => ({
    name: decodeEncodedWords(mailbox.name ?? ''),
    address: writtenAddress(mailbox),
  }));

/** Of a Message-ID, a Content-ID or a path: `<a@b>` is `a@b`. */
export const withoutBrackets = (text: string): string => text.trim().replace(/^<(.*)>$/s, '$1');

function shownPart(message: Uint8Array, { path, kind, part }: LeafPart): ShownPart {
  const { type, subtype, charset, name, id, disposition, encoding } = part;
  return {
    ...{ path, kind, charset, name, encoding },
    type: `${type}/${subtype}`,
    cid: id === undefined ? undefined : withoutBrackets(id),
    disposition: disposition?.value.toLowerCase(),
    content: () => contentOf(message, part),
  };
}

function contentOf(message: Uint8Array, { bodyStart, bodyEnd, encoding }: BodyPart): Uint8Array {
  const body = message.subarray(bodyStart, bodyEnd);
  return decodeTransferEncoding(body, encoding) ?? body;
}

/** All of it that is to be read, one part behind the other; undefined where there is none. */
function textOf(parts: readonly ShownPart[], wanted: string): string | undefined {
  const found = parts.filter(({ kind, type }) => kind === 'text' && type === wanted);
  return found.length === 0 ? undefined : found.map(decoded).join('\n');
}

const decoded = (part: ShownPart): string =>
  decodeCharset(part.content().subarray(0, shownBytesMax), part.charset ?? '');
