// Header fields as a search reads them: decoded, and addresses as they are meant too. RFC 9051 §6.4.4,
// RFC 8621 §4.4.1.

import { decodeEncodedWords } from '../fields/encoded-word.ts';
import type { EnvelopeFields } from '../fields/envelope.ts';
import { mailboxesOf, type NamedMailbox } from '../fields/structured.ts';

/** '' where there is no such field. */
export interface HeaderTexts {
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  readonly bcc: string;
  readonly replyTo: string;
  readonly messageId: string;
  readonly inReplyTo: string;
  readonly references: string;
}

export const headerTexts = (fields: EnvelopeFields): HeaderTexts => ({
  subject: decodeEncodedWords(fields.value('subject') ?? ''),
  from: searchedText(fields, 'from'),
  to: searchedText(fields, 'to'),
  cc: searchedText(fields, 'cc'),
  bcc: searchedText(fields, 'bcc'),
  replyTo: searchedText(fields, 'reply-to'),
  messageId: fields.value('message-id') ?? '',
  inReplyTo: fields.value('in-reply-to') ?? '',
  references: fields.value('references') ?? '',
});

export type AddressField = 'from' | 'to' | 'cc' | 'bcc' | 'reply-to';

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

export const addressOf = ({ local, domain }: NamedMailbox): string =>
  domain === '' ? local : `${local}@${domain}`;

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
