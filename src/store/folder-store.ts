// Mail at rest, for every protocol that delivers it, reads it or changes it. An account has a mailbox,
// a mailbox has folders (RFC 9051 and RFC 8621 call these mailboxes), folders have messages. A folder
// is named by its number, which is never used again and survives a rename; a message by its UID there,
// and in all of the account by the number of its email, which its copies share. Every change is one
// transaction: all of it or nothing, durable once resolved. What is derived from a message (envelope,
// structure, search index) is computed once, on first need or when there is nothing else to do, and
// can be thrown away and computed again.

import type { MessageDigest } from '../mail/digest/digest.ts';
import type { SortKeys } from '../mail/digest/sort-keys.ts';
import type { Content, StoredContent } from './content.ts';
import type { Rights, RightsChange } from './folders/rights.ts';
import type { MailboxCount, MailPage, MailQuestion } from './mail-question.ts';

export interface FolderFacts {
  /** Never used again. RFC 8474 §4.1: MAILBOXID is made of it. */
  readonly id: number;
  /** The account it belongs to: its primary address. */
  readonly account: string;
  /** With '/' between the levels; 'INBOX' is spelt like that. */
  readonly path: string;
  readonly uidValidity: number;
  readonly uidNext: number;
  /** RFC 3501 §2.3.2: no session has been told of messages with this UID and above. */
  readonly recentFrom: number;
  /** HIGHESTMODSEQ. RFC 7162 §3.1.2.1. */
  readonly modseq: number;
  /** Of its messages, one for each transaction; a modseq may leave numbers out. */
  readonly changes: number;
  readonly messages: number;
  readonly unseen: number;
  /** Messages with \Deleted. RFC 9051 §6.3.11, STATUS DELETED. */
  readonly deleted: number;
  /** Octets of all messages. RFC 8438. */
  readonly bytes: number;
  /** RFC 6154 attribute without the backslash, or undefined. */
  readonly specialUse: string | undefined;
}

/**
 * Messages of a folder as columns side by side, in UID order: 100,000 of them are some megabytes and
 * no object for each.
 */
export interface MailColumns {
  readonly length: number;
  readonly uid: Uint32Array;
  /** The message itself, shared by its copies. RFC 8474 §5.1: EMAILID is emailId() of it. */
  readonly email: Float64Array;
  readonly modseq: Float64Array;
  /** Bits of flags.ts: Seen 1, Answered 2, Flagged 4, Deleted 8, Draft 16. */
  readonly flags: Uint8Array;
  /** Index into keywordSets; 0 is the empty set. */
  readonly keywords: Uint32Array;
  /** Each a list of keywords separated by spaces; the first is ''. */
  readonly keywordSets: readonly string[];
  /** Octets. */
  readonly size: Float64Array;
  /** Internal date, milliseconds since the epoch. */
  readonly received: Float64Array;
  /** Milliseconds since the epoch. RFC 8514. */
  readonly saved: Float64Array;
}

/** What POP3 and whoever empties a folder need of it: columns again, in UID order. */
export interface FolderIndex {
  readonly uid: Uint32Array;
  readonly email: Float64Array;
  /** Octets. */
  readonly size: Float64Array;
}

/** A message as listings show it. */
export interface ListedMessage {
  readonly folder: number;
  readonly uid: number;
  readonly modseq: number;
  readonly flags: readonly string[];
  /** Internal date, milliseconds since the epoch. */
  readonly received: number;
  readonly saved: number;
  /** Octets. RFC 9051 §2.3.4. */
  readonly size: number;
  /** emailId() of its email. */
  readonly id: string;
  /** From and Subject, unfolded and decoded. */
  readonly from: string;
  readonly subject: string;
}

export interface FolderChanges {
  /** As of the same moment as the changes. */
  readonly folder: FolderFacts;
  /** Messages with a modseq above `since`, new ones among them. */
  readonly changed: MailColumns;
  /** UIDs expunged with a modseq above `since`, ascending. */
  readonly vanished: Uint32Array;
  /** False when expunges that far back are no longer remembered: `vanished` may lack some. */
  readonly complete: boolean;
}

/**
 * What changed in an account since a state, by the ids that RFC 8474 gives it: RFC 8620 §5.2. What came
 * and changed is in `created` alone; what came and went is in none of them.
 */
export interface AccountChanges {
  /** The state after these changes. */
  readonly state: string;
  /** The state is one on the way to the present. Whoever reaches it may be told of the end of what he was not told of. */
  readonly hasMore: boolean;
  readonly created: readonly string[];
  readonly updated: readonly string[];
  readonly destroyed: readonly string[];
  /** False when nobody knows any more: it is empty, and whoever asked begins anew with `state`. */
  readonly complete: boolean;
}

export interface FolderListChanges extends AccountChanges {
  /** Nothing of the updated folders changed but their messages. RFC 8621 §2.2. */
  readonly messagesOnly: boolean;
}

export type MailboxEvent =
  /** Messages of the folder came, changed or went. */
  | { readonly kind: 'messages'; readonly folder: number; readonly account: string }
  /** Folders were made, renamed or deleted; subscriptions, rights or annotations changed. */
  | { readonly kind: 'folders'; readonly account: string }
  /** Another process changed something: look at everything again. */
  | { readonly kind: 'unknown' };

export interface FlagChange {
  readonly kind: 'add' | 'remove' | 'replace';
  /** System flags with their backslash, keywords without. */
  readonly flags: readonly string[];
}

export interface StoreResult {
  /** HIGHESTMODSEQ afterwards. */
  readonly modseq: number;
  /** The messages as they are now, those that did not change included; without those in `modified`. */
  readonly messages: MailColumns;
  /** RFC 7162 §3.1.3: UIDs left alone, since they changed after `unchangedSince`. */
  readonly modified: readonly number[];
}

export interface NewMail {
  readonly content: StoredContent;
  readonly flags: readonly string[];
  /** Internal date, milliseconds since the epoch. */
  readonly received: number;
}

/** What is delivered to an account, by itself or in the settlement of the queue. */
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

export interface CopyOptions {
  readonly quota?: Quota | undefined;
  /** Flags that the copies do not have. */
  readonly without?: readonly string[] | undefined;
}

/** RFC 4315 §3: COPYUID and APPENDUID. */
export interface CopyResult {
  readonly uidValidity: number;
  /** UIDs in the source, ascending; those that are gone are left out. */
  readonly source: readonly number[];
  /** UIDs in the target, in the same order. */
  readonly target: readonly number[];
}

/** What SORT and THREAD look at. RFC 5256. */
export interface SortFacts extends Omit<SortKeys, 'sentMs'> {
  readonly uid: number;
  /** RFC 5256 §2.2: sent date in milliseconds, or the internal date where there is none. */
  readonly sent: number;
}

/** Search keys that need the message. Everything else is in the columns. RFC 9051 §6.4.4. */
export type ContentTerm =
  /** A header field that contains the text, case-insensitive, decoded; '' asks whether it is there. */
  | { readonly kind: 'header'; readonly name: string; readonly text: string }
  | { readonly kind: 'body' | 'text'; readonly text: string }
  /** SENTBEFORE, SENTON, SENTSINCE; `day` is days since 1970-01-01 of the Date field as written. */
  | { readonly kind: 'sent'; readonly is: 'before' | 'on' | 'since'; readonly day: number };

export interface Quota {
  readonly bytes: number;
  readonly messages: number;
}

export interface Expunged {
  /** Ascending. */
  readonly uids: readonly number[];
  /** HIGHESTMODSEQ afterwards. */
  readonly modseq: number;
}

export interface FolderStore {
  /** Everybody who has a mailbox, with or without an account, in order. */
  owners(): Promise<readonly string[]>;
  /** Creates what is missing of the account's standard folders, and subscribes to it. */
  ensure(account: string): Promise<void>;
  /** Everything the account has. */
  removeAll(account: string): Promise<void>;
  /** All folders of an account, by path. */
  folders(account: string): Promise<readonly FolderFacts[]>;
  folder(id: number): Promise<FolderFacts | undefined>;
  find(account: string, path: string): Promise<FolderFacts | undefined>;

  /**
   * Missing superior folders are made too. Each new folder has the access list of the one above it
   * (RFC 4314 §4). @throws FolderExistsError, MailboxLimitError
   */
  create(account: string, path: string, specialUse: string | undefined): Promise<FolderFacts>;
  /**
   * Inferior folders move along. INBOX keeps existing: its messages move to a new folder (RFC 9051
   * §6.3.6). Subscriptions stay as they are. @throws NoSuchFolderError, FolderExistsError
   */
  rename(account: string, from: string, to: string): Promise<void>;
  /** With its messages; inferior folders stay. @throws NoSuchFolderError */
  remove(account: string, path: string): Promise<void>;

  /** Names as the user gave them, whether or not there is such a folder. RFC 9051 §6.3.7. */
  subscriptions(account: string): Promise<readonly string[]>;
  subscribe(account: string, path: string, on: boolean): Promise<void>;

  /** Everything at one moment. Undefined when the folder is gone. Reads no content. */
  snapshot(
    folder: number,
  ): Promise<{ readonly folder: FolderFacts; readonly messages: MailColumns } | undefined>;
  /** Undefined when the folder is gone. */
  changes(folder: number, since: number): Promise<FolderChanges | undefined>;
  /** Undefined when the folder is gone. Reads no content. */
  index(folder: number): Promise<FolderIndex | undefined>;
  /** By UID; `after` is the last UID of the page before. */
  list(
    folder: number,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly ListedMessage[]>;
  /** The account's copies of the message with that id, by folder and UID; none when it has none. */
  copies(account: string, id: string): Promise<readonly ListedMessage[]>;
  /** Of an account, or of everybody, newest first. May read messages first, as search() does. */
  mails(question: MailQuestion): Promise<MailPage>;
  /** Everybody who has a message, with how many; by address. */
  counts(): Promise<readonly MailboxCount[]>;
  /** Messages with that UID and above. */
  countFrom(folder: number, uid: number): Promise<number>;
  /**
   * A session was told of the messages below `below`; the mark never goes back. Flushed soon: what a
   * power failure takes is recent once more. Nobody is told, for nothing has changed for anyone else.
   */
  leaveRecent(folder: number, below: number): Promise<void>;
  /**
   * The state of all that the account has. It is another one after every change of its messages and
   * folders, their subscriptions, rights and annotations among it; \Recent is no such change.
   */
  accountState(account: string): Promise<string>;
  /**
   * Emails, wherever they lie: a copy is none of its own, and an email is destroyed when the last copy
   * goes. `since` is a state of accountState() or of an earlier answer; at most `limit` ids.
   */
  changedEmails(account: string, since: string, limit: number): Promise<AccountChanges>;
  changedFolders(account: string, since: string, limit: number): Promise<FolderListChanges>;
  /** Called after a change is visible to readers, at most once a turn for a folder. */
  watch(listener: (event: MailboxEvent) => void): () => void;

  /**
   * As a settlement of the queue delivers. The mailbox and its standard folders are made when they are
   * missing. @throws NoSuchFolderError for other folders; inside a settlement such a message goes to
   * INBOX. StorageError when the disk is full or fails.
   */
  deliver(message: NewMailboxMessage): Promise<ListedMessage>;
  /**
   * All messages or none. RFC 3502. With `quota`, here and below: what the owner of the target folder
   * may have in all. @throws NoSuchFolderError, OverQuotaError, MailboxLimitError (keywords);
   * StorageError when the disk is full or fails.
   */
  append(
    folder: number,
    messages: readonly NewMail[],
    quota?: Quota,
  ): Promise<{ readonly uidValidity: number; readonly uids: readonly number[] }>;
  /** Content is shared. @throws NoSuchFolderError, OverQuotaError */
  copy(
    from: number,
    uids: readonly number[],
    to: number,
    options?: CopyOptions,
  ): Promise<CopyResult>;
  /**
   * RFC 6851: as copy, and the sources are expunged in the same transaction. Within an account no
   * quota stands in the way.
   */
  move(
    from: number,
    uids: readonly number[],
    to: number,
    options?: CopyOptions,
  ): Promise<CopyResult>;
  /**
   * RFC 8508: `message` into `to` and `uid` out of `from`, in one transaction. Where `uid` is gone
   * the message is stored all the same.
   */
  replace(
    from: number,
    uid: number,
    to: number,
    message: NewMail,
    quota?: Quota,
  ): Promise<{ readonly uidValidity: number; readonly uid: number }>;
  /**
   * UIDs that are gone are left out of the result. Several changes are made one after the other, of
   * all messages or of none. @throws MailboxLimitError when a message would have too many keywords
   */
  store(
    folder: number,
    uids: readonly number[],
    change: FlagChange | readonly FlagChange[],
    unchangedSince?: number,
  ): Promise<StoreResult>;
  /** Removes messages that have \Deleted, of `uids` or of all. */
  expunge(folder: number, uids?: readonly number[]): Promise<Expunged>;
  /** Removes messages whether or not they have \Deleted: POP3's DELE, `mail delete`. */
  removeMessages(folder: number, uids: readonly number[]): Promise<Expunged>;

  /** In the order asked for; undefined for what is gone. Computed and kept where it was not yet. */
  digests(folder: number, uids: readonly number[]): Promise<readonly (MessageDigest | undefined)[]>;
  /**
   * The header with its empty line, of each message or of the body part at `section` (numbers as in
   * BODY[1.2.HEADER]); undefined for what is gone. Large headers are cut at 1 MiB.
   */
  headers(folder: number, uids: readonly number[]): Promise<readonly (Uint8Array | undefined)[]>;
  /**
   * Whole messages, in the order asked for; undefined for what is gone. Small ones are read: the
   * caller bounds how much that is by their sizes. Large ones are read by read().
   */
  open(folder: number, uids: readonly number[]): Promise<readonly (Content | undefined)[]>;
  /** UIDs that match, ascending. */
  search(folder: number, term: ContentTerm): Promise<Uint32Array>;
  /** Of all messages or of `uids`, in UID order. */
  sortFacts(folder: number, uids?: readonly number[]): Promise<readonly SortFacts[]>;

  /** What the account has; all its folders together. */
  usage(account: string): Promise<Quota>;

  /** RFC 4314: rights by identifier (an address, 'anyone', with '-' in front: negative). */
  acl(folder: number): Promise<ReadonlyMap<string, string>>;
  /**
   * In one step, whoever else changes the same entry; one without rights is removed.
   * @throws NoSuchFolderError, MailboxLimitError
   */
  setAcl(folder: number, identifier: string, rights: Rights, modify?: RightsChange): Promise<void>;
  /** Folders of others on which one of the identifiers has rights. */
  sharedWith(identifiers: readonly string[]): Promise<readonly FolderFacts[]>;

  /** RFC 5464. `folder` undefined: of the account itself. Entry names are in lower case. */
  annotations(
    account: string,
    folder: number | undefined,
  ): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Undefined removes the entry. @throws MailboxLimitError */
  annotate(
    account: string,
    folder: number | undefined,
    entries: ReadonlyMap<string, Uint8Array | undefined>,
  ): Promise<void>;
}
