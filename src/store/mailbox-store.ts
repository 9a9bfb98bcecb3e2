// Mailboxes at rest: accounts have folders, folders have messages with UIDs. Made so that POP3
// (RFC 1939) and IMAP (RFC 9051) can be put on top; content is shared, never copied.

import type { Content, StoredContent } from './content.ts';

export interface NewMailboxMessage {
  /** The account's primary address. */
  readonly account: string;
  /** Folder path with `/`; 'INBOX' always exists. */
  readonly folder: string;
  /**
   * What to store. `queued` shares the content of a message in the queue; it only works inside the
   * settlement of that message.
   */
  readonly content: StoredContent | { readonly kind: 'queued'; readonly id: string };
  /** Header fields in front of the content for this mailbox alone: Return-Path, Delivered-To, trace. */
  readonly prefix: string;
  readonly flags: readonly string[];
  /** Internal date. RFC 9051 §2.3.3. */
  readonly received: number;
}

export interface MailboxMessage {
  readonly account: string;
  readonly folder: string;
  readonly uid: number;
  readonly modseq: number;
  readonly flags: readonly string[];
  readonly received: number;
  readonly saved: number;
  /** Octets of prefix and content together. RFC 9051 §2.3.4. */
  readonly size: number;
  /** Stable for ever and unique in the account: RFC 8474 EMAILID, POP3 UIDL, `mail show`. */
  readonly id: string;
  /** From and Subject, unfolded and decoded, for listings. */
  readonly from: string;
  readonly subject: string;
}

export interface Folder {
  readonly path: string;
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly modseq: number;
  readonly messages: number;
  readonly unseen: number;
  /** RFC 6154 attribute without the backslash: 'Sent', 'Junk' …, or undefined. */
  readonly specialUse: string | undefined;
}

/**
 * The messages of a folder at one moment, in UID order, as columns side by side: a mailbox of 100,000
 * messages is some megabytes and no object for each.
 */
export interface FolderIndex {
  readonly length: number;
  uidAt(index: number): number;
  /** MailboxMessage.id. */
  idAt(index: number): string;
  sizeAt(index: number): number;
}

/** RFC 9051 §7.1 TRYCREATE: the folder a message was to be stored in does not exist. */
export class NoSuchFolderError extends Error {
  override readonly name = 'NoSuchFolderError';

  static of(account: string, folder: string): NoSuchFolderError {
    return new NoSuchFolderError(`${account} has no folder ${folder}`);
  }
}

export interface MailboxStore {
  /** Creates what is missing of the account's standard folders. */
  ensure(account: string): Promise<void>;
  /**
   * Durable once resolved. The mailbox and its standard folders are made when they are missing.
   * @throws NoSuchFolderError for other folders; inside a settlement such a message goes to INBOX.
   * @throws StorageError when the disk is full or fails.
   */
  append(message: NewMailboxMessage): Promise<MailboxMessage>;
  /** Everybody who has a mailbox, with or without an account, in order. */
  owners(): Promise<readonly string[]>;
  folders(account: string): Promise<readonly Folder[]>;
  /** By UID; `after` is the last UID of the page before. */
  list(
    account: string,
    folder: string,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly MailboxMessage[]>;
  /** The whole message, prefix first. `id` is MailboxMessage.id. */
  open(
    account: string,
    id: string,
  ): Promise<{ message: MailboxMessage; content: Content } | undefined>;
  /** What the folder holds, without reading any of it; empty when there is no such folder. */
  index(account: string, folder: string): Promise<FolderIndex>;
  /**
   * Several whole messages at once, in the order asked for; undefined for what is gone. Small ones
   * are read: the caller bounds how much that is by their sizes. Large ones are read by read().
   */
  openMany(
    account: string,
    folder: string,
    uids: readonly number[],
  ): Promise<readonly (Content | undefined)[]>;
  store(
    account: string,
    folder: string,
    uids: readonly number[],
    change: { readonly kind: 'add' | 'remove' | 'replace'; readonly flags: readonly string[] },
  ): Promise<readonly MailboxMessage[]>;
  expunge(account: string, folder: string, uids: readonly number[]): Promise<readonly number[]>;
  /** Octets and messages, for quota. */
  usage(account: string): Promise<{ readonly bytes: number; readonly messages: number }>;
  /** Everything the account has. */
  removeAll(account: string): Promise<void>;
}
