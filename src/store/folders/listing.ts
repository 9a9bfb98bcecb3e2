// What a message is listed with: who it is from and what about.

import { decodeEncodedWords } from '../../mail/fields/encoded-word.ts';
import { headerValue, parseHeader } from '../../mail/header/header.ts';
import type { ListedMessage } from '../folder-store.ts';
import { emailId } from '../object-id.ts';
import { integer, type Row, text } from '../row.ts';
import { flagNames } from './flags.ts';

// Limit: how much of a message is looked at for From and Subject, and how much of them is kept.
export const listedBytesMax = 32 * 2 ** 10;
const listingTextMax = 300;

export interface Listing {
  readonly from: string;
  readonly subject: string;
}

/** Of the first octets of a message. */
export function listingOf(head: Uint8Array): Listing {
  const fields = parseHeader(head, { bytesMax: listedBytesMax, fieldsMax: 500 });
  const from = listingText(headerValue(fields, 'from'));
  return { from, subject: listingText(headerValue(fields, 'subject')) };
}

const listingText = (value: string | undefined): string =>
  value === undefined ? '' : decodeEncodedWords(value).slice(0, listingTextMax).trim();

/** All of it that is in a row of `mail`. */
export const listedRow = (row: Row): Omit<ListedMessage, keyof Listing> => ({
  folder: integer(row.folder),
  uid: integer(row.uid),
  modseq: integer(row.modseq),
  flags: flagNames({ bits: integer(row.flags), keywords: text(row.keywords) }),
  received: integer(row.received),
  saved: integer(row.saved),
  size: integer(row.size),
  id: emailId(integer(row.email)),
});
