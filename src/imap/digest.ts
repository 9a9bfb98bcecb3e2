// What IMAP shows and searches of a message, computed in one go and kept beside it: envelope,
// structure, preview, sort keys, text. Total: any octets have a digest. Bounded by the limits of what
// it is made of; linear in the size of the message.

import type { TextPart } from '../mail/body-text.ts';
import { bodyText } from '../mail/body-text.ts';
import { casemap } from '../mail/casemap.ts';
import { readDate } from '../mail/date.ts';
import { decodeEncodedWords } from '../mail/encoded-word.ts';
import { parseMessageIds } from '../mail/message-ids.ts';
import { parseMime } from '../mail/mime.ts';
import type { MimePart } from '../mail/mime-part.ts';
import { previewOf } from '../mail/preview.ts';
import type { MailboxOrGroup, NamedMailbox } from '../mail/structured.ts';
import { mailboxesOf } from '../mail/structured.ts';
import { baseSubject } from './base-subject.ts';
import { formatBody } from './body-structure.ts';
import { EnvelopeFields } from './envelope.ts';
import { utf8Octets } from './wire-string.ts';

/** Text that goes out is octets as latin1: write it as 'latin1'. */
export interface MessageDigest {
  /** As it goes on the wire. RFC 9051 §7.5.2. */
  readonly envelope: string;
  readonly bodyStructure: string;
  readonly body: string;
  /** UTF-8 octets, not yet quoted. RFC 8970. */
  readonly preview: string;

  /** Fields as a search reads them: decoded, '' where there are none. */
  readonly headerTexts: HeaderTexts;
  /** Days since 1970-01-01 of the Date field as written, disregarding time and zone. */
  readonly sentDay: number | undefined;
  /** RFC 5256 §2.2; undefined: use the internal date. */
  readonly sentMs: number | undefined;
  /** As they are compared: see casemap.ts. RFC 5256 §2.1, §3. */
  readonly baseSubject: string;
  readonly isReply: boolean;
  readonly sortFrom: string;
  readonly sortTo: string;
  readonly sortCc: string;
  /** RFC 5957 §3. */
  readonly displayFrom: string;
  readonly displayTo: string;
  /** Without angle brackets and quotes; '' for none. */
  readonly messageId: string;
  /** RFC 5256 §3: of References, or the first of In-Reply-To; the last ones, if there are many. */
  readonly references: readonly string[];
  /** Decoded text of the body, attachments left out. */
  readonly text: string;
}

export interface HeaderTexts {
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  readonly bcc: string;
  readonly messageId: string;
  readonly inReplyTo: string;
  readonly references: string;
}

/** Limit: a thread with more generations is put together from what its other messages know. */
const referencesMax = 100;
/** Limit: characters of one address or subject that are compared. */
const sortTextMax = 500;

/** `root`, if the caller has it already, is parseMime of the message. */
export function digestOf(message: Uint8Array, root: MimePart = parseMime(message)): MessageDigest {
  const header = message.subarray(root.headerStart, root.bodyStart);
  const fields = new EnvelopeFields(header);
  const texts = bodyText(message, root);
  return {
    envelope: fields.format(),
    ...formatBody(message, root),
    preview: utf8Octets(previewOf(texts)),
    ...headerFacts(fields),
    text: joinTexts(texts),
  };
}

function headerFacts(fields: EnvelopeFields) {
  const headerTexts: HeaderTexts = {
    subject: decodeEncodedWords(fields.value('subject')),
    from: searchedText(fields, 'from'),
    to: searchedText(fields, 'to'),
    cc: searchedText(fields, 'cc'),
    bcc: searchedText(fields, 'bcc'),
    messageId: fields.value('message-id'),
    inReplyTo: fields.value('in-reply-to'),
    references: fields.value('references'),
  };
  const { base, isReply } = baseSubject(headerTexts.subject);
  const from = firstAddress(fields.addresses('from'));
  const to = firstAddress(fields.addresses('to'));
  return {
    headerTexts,
    ...sentDate(fields.value('date')),
    baseSubject: compared(base),
    isReply,
    sortFrom: compared(from.mailbox),
    sortTo: compared(to.mailbox),
    sortCc: compared(firstAddress(fields.addresses('cc')).mailbox),
    displayFrom: compared(from.display),
    displayTo: compared(to.display),
    messageId: parseMessageIds(headerTexts.messageId, 1)[0] ?? '',
    references: referencesOf(headerTexts),
  };
}

export type AddressField = 'from' | 'to' | 'cc' | 'bcc';

/**
 * RFC 9051 §6.4.4: FROM and its kin look into the envelope: names and addresses as they are meant,
 * without comments, quotes and the spaces of RFC 5322 §4.4. The field as it is written comes first: that
 * is what HEADER looks at.
 */
export function searchedText(fields: EnvelopeFields, name: AddressField): string {
  const text = decodeEncodedWords(fields.values(name));
  const list = mailboxesOf(fields.addresses(name));
  const names = list.map((mailbox) => decodeEncodedWords(mailbox.name ?? ''));
  return [text, ...missing(text, list.map(addressOf)), ...missing(text, names)].join('\n');
}

// Limit: how often a text is looked through to its end for something that is not there.
const missesMax = 100;

/** Those of `parts`, which come in their order, that are not in the text as they are. */
function missing(text: string, parts: readonly string[]): readonly string[] {
  const found: string[] = [];
  let from = 0;
  for (const part of parts) {
    const at = found.length < missesMax ? text.indexOf(part, from) : -1;
    if (at < 0) found.push(part);
    else from = at;
  }
  return found;
}

const compared = (text: string): string => casemap(text.slice(0, sortTextMax));

/** RFC 5256 §2.2: a time that cannot be read is 00:00:00, a zone that cannot be read is UTC. */
function sentDate(value: string) {
  const date = readDate(value);
  if (date === undefined) return { sentDay: undefined, sentMs: undefined };
  return { sentDay: date.day, sentMs: date.ms ?? date.day * 86_400_000 };
}

/** RFC 5256 §3: In-Reply-To counts only where References has no identifier. */
function referencesOf({ references, inReplyTo }: HeaderTexts): readonly string[] {
  const ids = references === '' ? [] : parseMessageIds(references);
  if (ids.length === 0) return inReplyTo === '' ? [] : parseMessageIds(inReplyTo, 1);
  return ids.length > referencesMax ? ids.slice(-referencesMax) : ids;
}

const nobody = { mailbox: '', display: '' };

function firstAddress(list: readonly MailboxOrGroup[]): typeof nobody {
  const [first] = list;
  if (first === undefined) return nobody;
  // RFC 5256 §3: addr-mailbox of the first address; of a group, which has one too, that is its name.
  if (first.kind === 'group') return { mailbox: first.name, display: displayed(first.name, '') };
  return { mailbox: first.local, display: displayed(first.name, addressOf(first)) };
}

const displayed = (name: string | undefined, otherwise: string): string =>
  decodeEncodedWords(name ?? '').trim() || otherwise;

const addressOf = ({ local, domain }: NamedMailbox): string =>
  domain === '' ? local : `${local}@${domain}`;

function joinTexts(texts: readonly TextPart[]): string {
  return texts.length === 1 ? texts[0]!.text : texts.map(({ text }) => text).join('\n');
}
