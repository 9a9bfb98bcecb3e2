// The FolderStore on PostgreSQL. See ../../folder-store.ts for what it promises: changes go to the desk, where
// what arrives together is one transaction; what is only read is asked of the database.

import type { MessageDigest } from '../../../mail/digest/digest.ts';
import type { Content } from '../../content.ts';
import { NoSuchFolderError } from '../../folder-errors.ts';
import type {
  AccountChanges,
  ContentTerm,
  CopyOptions,
  CopyResult,
  Expunged,
  FlagChange,
  FolderChanges,
  FolderFacts,
  FolderIndex,
  FolderListChanges,
  FolderStore,
  ListedMessage,
  MailboxEvent,
  MailColumns,
  NewMail,
  NewMailboxMessage,
  Quota,
  SortFacts,
  StoreResult,
} from '../../folder-store.ts';
import { factsOf } from '../../folders/folder-facts.ts';
import type { Rights, RightsChange } from '../../folders/rights.ts';
import { mailPageOf } from '../../lists/mail-pages.ts';
import type { MailboxCount, MailPage, MailQuestion } from '../../mail-question.ts';
import { emailOf } from '../../object-id.ts';
import { integer } from '../../row.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Database } from '../database.ts';
import type { ContentSearch } from '../search/content-search.ts';
import type { Derived } from '../search/derived.ts';
import type { MailLists } from '../search/mail-lists.ts';
import type { MessageSource } from '../search/message-source.ts';
import type { AccountFeed } from './account-feed.ts';
import { append, arrivingOf, deliver } from './arriving.ts';
import {
  annotate,
  createFolder,
  removeFolder,
  renameFolder,
  setAcl,
  subscribe,
} from './folder-changes.ts';
import type { FolderDesk } from './folder-desk.ts';
import type { MailboxDeliveries } from './mailbox-deliveries.ts';
import type { MailboxEvents } from './mailbox-events.ts';
import { changeFlags, columnsOf, removeMessages } from './messages.ts';
import {
  copiesOf,
  countsOf,
  type FolderColumns,
  facts,
  listed,
  readSince,
  usageOf,
} from './reading.ts';
import { aclOf, annotationsOf, ownersOf, subscriptionsOf } from './sharing.ts';
import { storablePath } from './texts.ts';
import { copy, move, replace } from './transfers.ts';

export interface PostgresFolderStoreParts {
  readonly database: Database;
  readonly contents: ContentTable;
  readonly desk: FolderDesk;
  readonly deliveries: MailboxDeliveries;
  readonly events: MailboxEvents;
  readonly columns: FolderColumns;
  readonly feed: AccountFeed;
  readonly source: MessageSource;
  readonly derived: Derived;
  readonly contentSearch: ContentSearch;
  readonly lists: MailLists;
}

export class PostgresFolderStore implements FolderStore {
  readonly #parts: PostgresFolderStoreParts;

  constructor(parts: PostgresFolderStoreParts) {
    this.#parts = parts;
  }

  owners(): Promise<readonly string[]> {
    return ownersOf(this.#parts.database);
  }

  async ensure(account: string): Promise<void> {
    await this.#parts.deliveries.ensure(account);
  }

  removeAll(account: string): Promise<void> {
    const { database, deliveries } = this.#parts;
    return database.transaction((transaction) => deliveries.removeMailbox(transaction, account));
  }

  async folders(account: string): Promise<readonly FolderFacts[]> {
    return this.#facts('WHERE mailbox.address = $1 ORDER BY folder.path', account);
  }

  async folder(id: number): Promise<FolderFacts | undefined> {
    return (await this.#facts('WHERE folder.id = $1', id))[0];
  }

  async find(account: string, path: string): Promise<FolderFacts | undefined> {
    const where = 'WHERE mailbox.address = $1 AND folder.path = $2';
    return (await this.#facts(where, account, storablePath(path)))[0];
  }

  async create(
    account: string,
    path: string,
    specialUse: string | undefined,
  ): Promise<FolderFacts> {
    const id = await this.#parts.desk.change(account, { make: [account] }, (change) =>
      createFolder(change, account, path, specialUse ?? null),
    );
    const made = await this.folder(id);
    if (made === undefined) throw new NoSuchFolderError(`${path} is gone already`);
    return made;
  }

  rename(account: string, from: string, to: string): Promise<void> {
    return this.#parts.desk.change(account, { make: [account] }, (change) =>
      renameFolder(change, account, from, to),
    );
  }

  remove(account: string, path: string): Promise<void> {
    const { desk, contents } = this.#parts;
    return desk.change(account, { accounts: [account] }, (change) =>
      removeFolder(change, account, path, contents),
    );
  }

  subscriptions(account: string): Promise<readonly string[]> {
    return subscriptionsOf(this.#parts.database, account);
  }

  subscribe(account: string, path: string, on: boolean): Promise<void> {
    const needs = on ? { make: [account] } : { accounts: [account] };
    return this.#parts.desk.change(account, needs, (change) =>
      subscribe(change, account, path, on),
    );
  }

  snapshot(
    folder: number,
  ): Promise<{ readonly folder: FolderFacts; readonly messages: MailColumns } | undefined> {
    return this.#parts.columns.read(this.#parts.database, folder);
  }

  async changes(id: number, since: number): Promise<FolderChanges | undefined> {
    const read = await readSince(this.#parts.database, id, since);
    if (read === undefined) return undefined;
    const { forgotten, ...found } = read;
    return { ...found, complete: since >= forgotten };
  }

  async index(folder: number): Promise<FolderIndex | undefined> {
    const read = await this.snapshot(folder);
    if (read === undefined) return undefined;
    const { uid, email, size } = read.messages;
    return { uid, email, size };
  }

  list(
    folder: number,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly ListedMessage[]> {
    return listed(this.#parts.database, folder, page);
  }

  async copies(account: string, id: string): Promise<readonly ListedMessage[]> {
    const email = emailOf(id);
    return email === undefined ? [] : copiesOf(this.#parts.database, account, email);
  }

  async mails(question: MailQuestion): Promise<MailPage> {
    return mailPageOf(await this.#parts.lists.page(question));
  }

  counts(): Promise<readonly MailboxCount[]> {
    return countsOf(this.#parts.database);
  }

  async countFrom(folder: number, uid: number): Promise<number> {
    const [row] = await this.#parts.database.rows(
      'SELECT count(*) AS count FROM mail WHERE folder = $1 AND uid >= $2',
      [folder, uid],
    );
    return integer(row?.count);
  }

  async leaveRecent(folder: number, below: number): Promise<void> {
    await this.#parts.database.run(
      'UPDATE folder SET recent_from = $2 WHERE id = $1 AND recent_from < $2',
      [folder, below],
    );
  }

  accountState(account: string): Promise<string> {
    return this.#parts.feed.state(account);
  }

  changedEmails(account: string, since: string, limit: number): Promise<AccountChanges> {
    return this.#parts.feed.emails(account, since, limit);
  }

  changedFolders(account: string, since: string, limit: number): Promise<FolderListChanges> {
    return this.#parts.feed.folders(account, since, limit);
  }

  watch(listener: (event: MailboxEvent) => void): () => void {
    return this.#parts.events.watch(listener);
  }

  deliver(message: NewMailboxMessage): Promise<ListedMessage> {
    return deliver(this.#parts.desk, message);
  }

  append(
    folder: number,
    messages: readonly NewMail[],
    quota?: Quota,
  ): Promise<{ readonly uidValidity: number; readonly uids: readonly number[] }> {
    return append(this.#parts.desk, folder, messages, quota);
  }

  copy(
    from: number,
    uids: readonly number[],
    to: number,
    options: CopyOptions = {},
  ): Promise<CopyResult> {
    return copy(this.#parts, { from, uids, to, ...options });
  }

  move(
    from: number,
    uids: readonly number[],
    to: number,
    options: CopyOptions = {},
  ): Promise<CopyResult> {
    return move(this.#parts, { from, uids, to, ...options });
  }

  async replace(
    from: number,
    uid: number,
    to: number,
    message: NewMail,
    quota?: Quota,
  ): Promise<{ readonly uidValidity: number; readonly uid: number }> {
    return replace(this.#parts, { from, uids: [uid], to, quota }, arrivingOf(message));
  }

  store(
    folder: number,
    uids: readonly number[],
    change: FlagChange | readonly FlagChange[],
    unchangedSince?: number,
  ): Promise<StoreResult> {
    const changes = [change].flat();
    return this.#parts.desk.change(folder, { folders: [folder] }, async (it) => {
      const { present, ...stored } = await changeFlags(it, folder, uids, {
        ...{ changes, unchangedSince },
      });
      return { ...stored, messages: await columnsOf(it, folder, present) };
    });
  }

  expunge(folder: number, uids?: readonly number[]): Promise<Expunged> {
    return this.#remove(folder, uids, true);
  }

  removeMessages(folder: number, uids: readonly number[]): Promise<Expunged> {
    return this.#remove(folder, uids, false);
  }

  digests(
    folder: number,
    uids: readonly number[],
  ): Promise<readonly (MessageDigest | undefined)[]> {
    return this.#parts.derived.digests(folder, uids);
  }

  async headers(
    folder: number,
    uids: readonly number[],
  ): Promise<readonly (Uint8Array | undefined)[]> {
    const rows = await this.#parts.database.rows(
      'SELECT uid, email FROM mail WHERE folder = $1 AND uid = ANY($2::bigint[])',
      [folder, uids],
    );
    const emailOfUid = new Map(rows.map((row) => [integer(row.uid), integer(row.email)]));
    const headers = await this.#parts.source.headers([...new Set(emailOfUid.values())]);
    return uids.map((uid) => headers.get(emailOfUid.get(uid) ?? -1));
  }

  async open(folder: number, uids: readonly number[]): Promise<readonly (Content | undefined)[]> {
    const contents = await this.#parts.source.ofFolder(folder, uids);
    return uids.map((uid) => contents.get(uid));
  }

  search(folder: number, term: ContentTerm): Promise<Uint32Array> {
    return this.#parts.contentSearch.search(folder, term);
  }

  sortFacts(folder: number, uids?: readonly number[]): Promise<readonly SortFacts[]> {
    return this.#parts.derived.sortFacts(folder, uids);
  }

  usage(account: string): Promise<Quota> {
    return usageOf(this.#parts.database, account);
  }

  acl(folder: number): Promise<ReadonlyMap<string, string>> {
    return aclOf(this.#parts.database, folder);
  }

  setAcl(folder: number, identifier: string, by: Rights, modify: RightsChange = ''): Promise<void> {
    return this.#parts.desk.change(folder, { folders: [folder] }, (change) =>
      setAcl(change, folder, { identifier, modify, by }),
    );
  }

  async sharedWith(identifiers: readonly string[]): Promise<readonly FolderFacts[]> {
    return this.#facts(
      `WHERE folder.id IN (SELECT acl.folder FROM acl WHERE acl.identifier = ANY($1::text[]))
         AND mailbox.address <> ALL($1::text[]) ORDER BY mailbox.address, folder.path`,
      identifiers,
    );
  }

  annotations(
    account: string,
    folder: number | undefined,
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    return annotationsOf(this.#parts.database, account, folder);
  }

  annotate(
    account: string,
    folder: number | undefined,
    entries: ReadonlyMap<string, Uint8Array | undefined>,
  ): Promise<void> {
    const needs = { make: [account], folders: folder === undefined ? [] : [folder] };
    return this.#parts.desk.change(account, needs, (change) =>
      annotate(change, account, folder, entries),
    );
  }

  #remove(folder: number, uids: readonly number[] | undefined, marked: boolean): Promise<Expunged> {
    const { desk, contents } = this.#parts;
    return desk.change(folder, { folders: [folder] }, (change) =>
      removeMessages(change, folder, uids, { marked, contents }),
    );
  }

  async #facts(
    where: string,
    ...values: readonly (string | number | readonly string[])[]
  ): Promise<readonly FolderFacts[]> {
    return (await this.#parts.database.rows(`${facts} ${where}`, values)).map(factsOf);
  }
}
