// What can be asked of the engine, as plain data: requests travel to a worker thread and back. The
// facades (queue-store.ts, folder-store.ts, account-store.ts) turn the stores' types into these
// rows; the tables (queue-tables.ts, …) bind and read them.

import type {
  CopyResult,
  Expunged,
  ListedMessage,
  MailboxEvent,
  Quota,
  StoreResult,
} from '../folder-store.ts';
import type { Rights, RightsChange } from '../folders/rights.ts';
import type { Way } from '../queue-store.ts';
import type { RecordPage, StoredRecord } from '../record-store.ts';
import type { SpamCounts, SpamLesson, SpamLimits } from '../spam-store.ts';

/**
 * Content on its way. `bytes` is set apart from its request by the transport, so that a batch
 * carries one buffer; it is there again when the engine sees it. Null for a file.
 */
export interface ContentRow {
  bytes: Uint8Array | null;
  readonly size: number;
  readonly file: string | null;
}

/** key, id, received, sender, params, origin, message_id, prefix. */
export type MessageColumns = readonly [
  key: number,
  id: string,
  received: number,
  sender: string,
  params: string,
  origin: string,
  messageId: string | null,
  prefix: string,
];

export interface MessageRow<Content = ContentRow> {
  readonly columns: MessageColumns;
  /** address, params, delivery, destination and original of each recipient, one after the other. */
  readonly recipients: readonly (string | null)[];
  readonly content: Content;
  readonly held: boolean;
  readonly records?: readonly StoredRecord[];
}

/** Values of one recipient in MessageRow.recipients. */
export const recipientValues = 5;

export interface AppendRow {
  readonly account: string;
  readonly folder: string;
  /** A row, or the key of the queue's message whose content is shared. */
  readonly content: ContentRow | number;
  readonly prefix: string;
  readonly flags: readonly string[];
  readonly received: number;
}

/** A message that comes from the journal, with those of its recipients that are still in the queue. */
export interface AdoptedRow {
  readonly message: MessageRow;
  readonly indexes: readonly number[];
  /** Held under the journal's own fence, which is negative; null: due then, after a restart. */
  readonly lease: { readonly fence: number; readonly expires: number } | null;
  readonly due: number;
}

/** See RoomAsked; undefined needs nothing. */
export interface RoomRow {
  readonly quota: Quota;
  readonly needs: readonly ({ readonly account: string; readonly bytes: number } | undefined)[];
  readonly replies: readonly (readonly number[])[];
}

export interface EnqueuedRow {
  readonly fence: number;
  readonly full: readonly number[];
  /** Positions of those queued, and of those of them that have room. */
  readonly queued: readonly number[];
  readonly roomy: readonly number[];
}

export type OutcomeRow =
  | readonly [index: number, fence: number]
  /** Without a reply nothing was attempted. */
  | readonly [
      index: number,
      fence: number,
      due: number,
      reply: string | null,
      warned: boolean | null,
    ];

export interface SettlementRow {
  readonly key: number;
  readonly outcomes: readonly OutcomeRow[];
  readonly effects: readonly EffectRow[];
  readonly now: number;
}

export type EffectRow =
  | { readonly kind: 'append'; readonly message: AppendRow; readonly create: boolean }
  /** With a key for content: that of the queue's message whose content is shared. */
  | { readonly kind: 'enqueue'; readonly message: MessageRow<ContentRow | number> }
  | ({ readonly kind: 'remember' } & RememberedRow);

export interface RememberedRow {
  readonly account: string;
  readonly key: string;
  readonly until: number;
}

export interface LeasedRecipientRow extends Way {
  readonly index: number;
  readonly address: string;
  readonly params: string;
  readonly original: string | null;
  readonly attempts: number;
  readonly warned: boolean;
  readonly account: string | null;
}

export interface StoredMessageRow {
  readonly columns: MessageColumns;
  readonly content: ContentRow;
}

export interface LeaseRow {
  readonly message: StoredMessageRow;
  readonly destination: string;
  readonly fence: number;
  readonly recipients: readonly LeasedRecipientRow[];
}

export interface EntryRecipientRow extends LeasedRecipientRow {
  readonly due: number | null;
  readonly held: boolean;
  readonly reply: string | null;
}

export interface EntryRow {
  readonly columns: MessageColumns;
  readonly size: number;
  readonly recipients: readonly EntryRecipientRow[];
}

export interface QueuePageRow {
  readonly entries: readonly EntryRow[];
  /** There are more behind the last. */
  readonly more: boolean;
}

export interface RouteRow extends Way {
  readonly key: number;
  readonly index: number;
  readonly address: string;
}

/** Messages one after the other; see PackedMail. */
export interface PackedMailsRow {
  readonly pack: Uint8Array;
  readonly mails: readonly (PackedMail | null)[];
}

/** `length` octets of the pack; with a file they are the prefix, and the file follows. */
export type PackedMail = readonly [length: number, file: string | null, fileSize: number];

export interface AccountRow {
  readonly address: string;
  readonly addresses: readonly string[];
  readonly created: number;
}

export interface CredentialRow {
  readonly name: string;
  readonly argon2: string;
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
  readonly created: number;
}

export interface FlagChangeRow {
  readonly kind: 'add' | 'remove' | 'replace';
  readonly flags: readonly string[];
}

export interface ClaimRow {
  readonly now: number;
  readonly limit: number;
  readonly perDestination: number;
  readonly skip: ReadonlySet<string>;
  readonly leaseMs: number;
}

export interface QueueRequests {
  /** The fence of the leases; 0 when none were asked for. */
  enqueue(message: MessageRow, leaseUntil: number | null): number;
  enqueueWithRoom(message: MessageRow, leaseUntil: number | null, room: RoomRow): EnqueuedRow;
  takeRoom(key: number, index: number, need: RoomRow['needs'][number], quota: Quota): boolean;
  roomTaken(account: string): Quota;
  /** False when it is here already: then nothing changes. */
  adopt(row: AdoptedRow): boolean;
  claim(options: ClaimRow): readonly LeaseRow[];
  settle(settlement: SettlementRow): boolean;
  remembered(account: string, key: string, now: number): boolean;
  release(
    leases: readonly { key: number; fence: number; indexes: readonly number[] }[],
    now: number,
  ): void;
  nextDue(skip: ReadonlySet<string>): number | undefined;
  entry(key: number): EntryRow | undefined;
  message(key: number): StoredMessageRow | undefined;
  newest(): string | undefined;
  recipientCount(): number;
  retry(key: number, now: number): number;
  /** The next messages behind `after`: how many recipients, and where to go on. */
  retryPage(after: number, now: number): { recipients: number; next: number | undefined };
  hold(key: number): number;
  unhold(key: number, now: number): number;
  take(key: number, now: number, leaseMs: number): readonly LeaseRow[];
  routes(after: readonly [key: number, index: number], limit: number): readonly RouteRow[];
  /** Of a message, those that nobody attempts at present. */
  routesOf(key: number): readonly RouteRow[];
  reroute(rows: readonly RouteRow[]): number;
}

export interface NewMailRow {
  readonly content: ContentRow;
  readonly flags: readonly string[];
  readonly received: number;
}

/** Noticed before anything was changed: it fails nothing else in its batch. */
export interface RefusedRow {
  readonly refused: 'no-folder' | 'exists' | 'over-quota' | 'limit';
  readonly message: string;
}

/** Messages and where they go; see FolderStore. */
export interface TransferRow {
  readonly from: number;
  readonly uids: readonly number[];
  readonly to: number;
  /** What the owner of `to` may have. */
  readonly quota: Quota | undefined;
  /** Flags that the copies do not have. */
  readonly without: readonly string[];
  readonly now: number;
}

export interface ArrivalRow {
  readonly uidValidity: number;
  /** Of the first; the others follow. */
  readonly uid: number;
}

export interface MessageRequests {
  deliver(message: AppendRow, now: number): ListedMessage;
  appendMails(
    folder: number,
    mails: readonly NewMailRow[],
    quota: Quota | undefined,
    now: number,
  ): ArrivalRow | RefusedRow;
  copyMails(row: TransferRow): CopyResult | RefusedRow;
  moveMails(row: TransferRow): CopyResult | RefusedRow;
  replaceMail(row: TransferRow, mail: NewMailRow): ArrivalRow | RefusedRow;
  storeFlags(
    folder: number,
    uids: readonly number[],
    changes: readonly FlagChangeRow[],
    unchangedSince: number | undefined,
  ): StoreResult | RefusedRow;
  expungeMarked(folder: number, uids: readonly number[] | undefined): Expunged;
  removeMails(folder: number, uids: readonly number[]): Expunged;
}

export interface FolderRequests {
  ensure(account: string, now: number): void;
  removeMailbox(account: string): void;
  /** The number of the new folder. */
  createFolder(
    account: string,
    path: string,
    specialUse: string | null,
    now: number,
  ): number | RefusedRow;
  renameFolder(account: string, from: string, to: string, now: number): RefusedRow | undefined;
  removeFolder(account: string, path: string): RefusedRow | undefined;
  subscribe(account: string, path: string, on: boolean, now: number): RefusedRow | undefined;
  leaveRecent(folder: number, below: number): void;
  setAcl(
    ...change: readonly [folder: number, identifier: string, by: Rights, modify: RightsChange]
  ): RefusedRow | undefined;
  annotate(
    account: string,
    folder: number | undefined,
    entries: ReadonlyMap<string, Uint8Array | undefined>,
    now: number,
  ): RefusedRow | undefined;
}

export interface AccountRequests {
  addAccount(address: string, credential: CredentialRow | undefined, now: number): boolean;
  accounts(): { readonly version: number; readonly accounts: readonly AccountRow[] };
  accountsVersion(): number;
  removeAccount(address: string): boolean;
  addAddress(account: string, address: string): boolean;
  removeAddress(account: string, address: string): boolean;
  credentials(account: string): readonly CredentialRow[];
  putCredential(account: string, credential: CredentialRow): boolean;
  removeCredential(account: string, name: string): boolean;
  secret(name: string, otherwise: Uint8Array): Uint8Array;
}

export interface RecordRequests {
  getRecord(kind: string, key: string, now: number): StoredRecord | undefined;
  putRecords(records: readonly StoredRecord[], now: number): void;
  replaceRecord(record: StoredRecord, before: string | undefined, now: number): boolean;
  removeRecords(kind: string, keys: readonly string[]): void;
  listRecords(kind: string, page: RecordPage, now: number): readonly StoredRecord[];
  countRecords(kind: string): number;
}

export interface SpamRequests {
  learnSpam(lesson: SpamLesson, limits: SpamLimits): boolean;
  spamLearnt(account: string): SpamCounts;
  spamCounts(account: string, words: readonly string[]): ReadonlyMap<string, SpamCounts>;
}

export interface RepairRequests {
  /** The file of a content, if it has one. */
  contentFile(content: number): { readonly key: string; readonly size: number } | undefined;
  /** How many messages in folders were replaced by word of their loss. */
  replaceContent(content: number, now: number): number;
}

export interface StoreRequests {
  /** Makes everything committed so far durable. */
  flush(): void;
  /** Keys of all files that rows refer to, with what refers to them. */
  files(): readonly { readonly key: string; readonly size: number }[];
  /** Of all that is queued; what has to be searched for is the reader's. */
  queuePage(after: number, limit: number): QueuePageRow;
  /** Another number after another process changed something. */
  version(): number;
}

export interface Requests
  extends QueueRequests,
    FolderRequests,
    MessageRequests,
    AccountRequests,
    RecordRequests,
    SpamRequests,
    RepairRequests,
    StoreRequests {}

export type RequestName = keyof Requests;

/**
 * How much a request asks of a commit: `read` nothing, `lazy` that it is flushed soon (losing it
 * costs a second delivery, never mail), `durable` that it is flushed before the answer.
 */
export type Durability = 'read' | 'lazy' | 'durable';

export interface Request<K extends RequestName = RequestName> {
  readonly name: K;
  readonly args: Parameters<Requests[K]>;
  readonly durability: Durability;
  /** The content rows within args that carry bytes. */
  readonly contents: readonly ContentRow[];
}

export interface Failure {
  /** `storage` will pass, `damaged` will not, `refused` is the caller's mistake, `bug` is ours. */
  readonly kind: 'storage' | 'damaged' | 'refused' | 'bug';
  readonly message: string;
}

export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | ({ readonly ok: false } & Failure);

export interface BatchResult {
  readonly answers: readonly Answer[];
  /** Files whose last reference went with this batch. */
  readonly freedFiles: readonly string[];
  /** Something was committed that is not flushed yet. */
  readonly unflushed: boolean;
  /** What changed in the mailboxes, each once. */
  readonly touched: readonly MailboxEvent[];
  /** Buffers that may be handed over instead of copied. */
  readonly transfer: readonly ArrayBuffer[];
}
