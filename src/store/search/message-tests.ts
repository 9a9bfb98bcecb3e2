// Whether a message has what somebody looks for, by the message itself. RFC 9051 §6.4.4.

import { type AddressField, searchedText } from '../../mail/digest/searched-text.ts';
import { decodeEncodedWords } from '../../mail/fields/encoded-word.ts';
import { EnvelopeFields } from '../../mail/fields/envelope.ts';
import { parseHeader } from '../../mail/header/header.ts';
import type { ContentTerm } from '../folder-store.ts';
import { bodyTextOf, headerFields, headerText } from './message-text.ts';
import { fold } from './search-words.ts';

export function fieldHas(header: Uint8Array | undefined, name: string, needle: string): boolean {
  if (header === undefined) return false;
  if (isAddressField(name) && needle !== '')
    return fold(searchedText(new EnvelopeFields(header), name)).includes(needle);
  return parseHeader(header).some(
    ({ lowerName, value }) =>
      lowerName === name && fold(decodeEncodedWords(value)).includes(needle),
  );
}

const isAddressField = (name: string): name is AddressField =>
  ['from', 'to', 'cc', 'bcc', 'reply-to'].includes(name);

export function textHas(
  message: Uint8Array | undefined,
  where: 'body' | 'text',
  needle: string,
): boolean {
  if (message === undefined) return false;
  if (where === 'text' && headerText(message, headerFields(message)).includes(needle)) return true;
  return bodyTextOf(message).includes(needle);
}

export function isSent(
  header: Uint8Array | undefined,
  { is, day }: Extract<ContentTerm, { readonly kind: 'sent' }>,
): boolean {
  const sent = header && new EnvelopeFields(header).envelope().sent?.day;
  if (sent === undefined) return false;
  return is === 'on' ? sent === day : is === 'before' ? sent < day : sent >= day;
}

/** Fields whose decoded text is in a column. */
export const fieldColumns: ReadonlyMap<string, string> = new Map([
  ...([
    ['subject', 'subject'],
    ['from', 'sender'],
    ['to', 'recipient'],
    ['cc', 'cc'],
  ] as const),
  ...([
    ['bcc', 'bcc'],
    ['message-id', 'message_id'],
    ['in-reply-to', 'in_reply_to'],
  ] as const),
  ...([['references', 'refs']] as const),
]);
