// Which messages somebody wants to see, of an account or of everybody, and what is shown of them in a list:
// the newest first, a page at a time, and how many there are in all. Copies of one delivery are one message
// here: what was sent to three of our mailboxes is listed once, as the mailbox has it that got it first.

import type { MessageDigest } from '../mail/digest/digest.ts';

export interface MailQuestion {
  /** Whose; undefined: everybody's. */
  readonly account: string | undefined;
  /** The path of one folder; undefined: all of them. */
  readonly folder: string | undefined;
  /** All of them hold. */
  readonly terms: readonly MailTerm[];
  /** How many matches are left out before the first that is given. */
  readonly start: number;
  readonly limit: number;
}

export type MailTerm = MailTest & {
  /** Wanted is what does not match. */
  readonly not: boolean;
};

export type MailTest =
  /** A system flag with its backslash, or a keyword; in any case. */
  | { readonly kind: 'flag'; readonly flag: string }
  /** Has a tag: a keyword that does not begin with `$`. */
  | { readonly kind: 'tagged' }
  /** Octets. */
  | { readonly kind: 'size'; readonly is: 'larger' | 'smaller'; readonly bytes: number }
  /** By when it came, milliseconds since the epoch: then or later; then or before. */
  | { readonly kind: 'received'; readonly is: 'since' | 'until'; readonly ms: number }
  /** Stored after the message with this emailId(). */
  | { readonly kind: 'after'; readonly id: string }
  | { readonly kind: 'id'; readonly ids: readonly string[] }
  | { readonly kind: 'has'; readonly what: 'attachment' | 'inline' }
  /** One of these header fields contains the text, decoded and without case. */
  | { readonly kind: 'header'; readonly fields: readonly SearchedField[]; readonly text: string }
  /** Header or body contains the text, decoded and without case. */
  | { readonly kind: 'text'; readonly text: string };

export const searchedFields = [
  ...(['from', 'to', 'cc', 'bcc', 'reply-to', 'subject', 'message-id'] as const),
];
export type SearchedField = (typeof searchedFields)[number];

/** Where a message lies. */
export interface MailPlace {
  /** The account's primary address. */
  readonly account: string;
  readonly folder: number;
  readonly path: string;
  readonly uid: number;
  /** emailId() of its email. */
  readonly id: string;
}

export interface FoundMail extends MailPlace {
  readonly flags: readonly string[];
  /** Internal date, milliseconds since the epoch. */
  readonly received: number;
  /** Octets. */
  readonly size: number;
  readonly digest: MessageDigest;
  /** Everywhere it lies of what was asked about; this place first. */
  readonly places: readonly MailPlace[];
}

export interface MailCount {
  readonly messages: number;
  readonly unseen: number;
}

export interface MailPage {
  /** What matches. */
  readonly found: MailCount;
  /** Of the account, the folder or everybody, whether it matches or not. */
  readonly all: MailCount;
  /** Tags that messages have, and how many have each, in the order of the alphabet. */
  readonly tags: ReadonlyMap<string, number>;
  readonly mails: readonly FoundMail[];
}

export interface MailboxCount extends MailCount {
  readonly account: string;
  /** Internal date of the newest, milliseconds since the epoch. */
  readonly newest: number;
}
