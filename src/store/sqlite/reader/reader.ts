// What is read of the mailboxes, on a connection that never writes to their tables: in a thread of its
// own (reader-worker.ts), so that a listing of 100,000 messages holds up nobody's mail, or in the
// caller's. It sees everything that was committed before it was asked.

import type { DatabaseSync } from 'node:sqlite';
import { assert } from '../../../base/assert.ts';
import type {
  AccountChanges,
  ContentTerm,
  FolderChanges,
  FolderFacts,
  FolderIndex,
  FolderListChanges,
  ListedMessage,
  MailColumns,
  Quota,
} from '../../folder-store.ts';
import { ColumnsCache, copyColumns, mergeColumns } from '../../folders/columns-cache.ts';
import { factsOf } from '../../folders/folder-facts.ts';
import { folderPath } from '../../folders/folder-path.ts';
import { mailColumns } from '../../folders/mail-columns.ts';
import type { MailPageRow } from '../../lists/mail-pages.ts';
import type { MailboxCount, MailQuestion } from '../../mail-question.ts';
import type { BacklogTimes, QueueBacklog, QueueFilter } from '../../queue-search.ts';
import { blob, integer, text } from '../../row.ts';
import type { DigestsRow, SortFactsRow } from '../../search/derived-rows.ts';
import { prepareArrays } from '../arrays.ts';
import { AccountFeed } from '../folders/account-feed.ts';
import { columnsSql } from '../folders/columns-sql.ts';
import { Listings } from '../folders/listings.ts';
import type { WholeRow } from '../folders/packed-mails.ts';
import { packMails } from '../folders/packed-mails.ts';
import { type FolderState, MailLists } from '../lists/mail-lists.ts';
import { QueueSearch } from '../queue/queue-search.ts';
import { QueueTotals, type QueueTotalsRow } from '../queue/queue-totals.ts';
import type { PackedMailsRow, QueuePageRow } from '../requests.ts';
import { Derived, type DerivedParts } from '../search/derived.ts';
import type { Advanced } from '../search/search-index.ts';

type Columns = readonly unknown[];

export interface ReaderOperations {
  owners(): readonly string[];
  folders(account: string): readonly FolderFacts[];
  folder(id: number): FolderFacts | undefined;
  find(account: string, path: string): FolderFacts | undefined;
  subscriptions(account: string): readonly string[];
  snapshot(
    folder: number,
  ): { readonly folder: FolderFacts; readonly messages: MailColumns } | undefined;
  index(folder: number): FolderIndex | undefined;
  list(folder: number, after: number, limit: number): readonly ListedMessage[];
  copies(account: string, email: number): readonly ListedMessage[];
  mails(question: MailQuestion): MailPageRow;
  counts(): readonly MailboxCount[];
  changes(folder: number, since: number): FolderChanges | undefined;
  countFrom(folder: number, uid: number): number;
  open(folder: number, uids: readonly number[]): PackedMailsRow;
  digests(folder: number, uids: readonly number[]): DigestsRow;
  headers(folder: number, uids: readonly number[]): readonly (Uint8Array | undefined)[];
  search(folder: number, term: ContentTerm): Uint32Array;
  sortFacts(folder: number, uids: readonly number[] | undefined): SortFactsRow;
  accountState(account: string): string;
  changedEmails(account: string, since: string, limit: number): AccountChanges;
  changedFolders(account: string, since: string, limit: number): FolderListChanges;
  usage(account: string): Quota;
  acl(folder: number): ReadonlyMap<string, string>;
  sharedWith(identifiers: readonly string[]): readonly FolderFacts[];
  annotations(account: string, folder: number | undefined): ReadonlyMap<string, Uint8Array>;
  queuePage(filter: QueueFilter, after: number, limit: number): QueuePageRow;
  queueTotals(filter: QueueFilter, withinMs: number): QueueTotalsRow;
  queueBacklogs(): readonly QueueBacklog[];
  queueBacklogTimes(destinations: readonly string[]): readonly BacklogTimes[];
}

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  const columns = (sql: string) => prepareArrays(database, sql);
  const facts = `SELECT folder.*, mailbox.address
    FROM folder JOIN mailbox ON mailbox.id = folder.mailbox`;
  return {
    owners: columns('SELECT address FROM mailbox ORDER BY address'),
    folders: prepare(`${facts} WHERE mailbox.address = ? ORDER BY folder.path`),
    folder: prepare(`${facts} WHERE folder.id = ?`),
    find: prepare(`${facts} WHERE mailbox.address = ? AND folder.path = ?`),
    subscriptions: prepare(`
      SELECT subscription.path FROM subscription JOIN mailbox ON mailbox.id = subscription.mailbox
      WHERE mailbox.address = ? ORDER BY subscription.path`),
    mails: columns(columnsSql('SELECT * FROM mail WHERE folder = ? ORDER BY uid')),
    changed: columns(
      columnsSql(`
        SELECT * FROM mail INDEXED BY mail_modseq WHERE folder = ? AND modseq > ? ORDER BY uid`),
    ),
    vanished: columns(`
      SELECT json_group_array(uid) FROM (
        SELECT uid FROM expunged WHERE folder = ? AND modseq > ? ORDER BY uid)`),
    countFrom: prepare('SELECT count(*) AS count FROM mail WHERE folder = ? AND uid >= ?'),
    whole: columns(`
      SELECT email.prefix, content.size, content.file, content.bytes
      FROM mail JOIN email ON email.id = mail.email JOIN content ON content.id = email.content
      WHERE mail.folder = ? AND mail.uid = ?`),
    counts: prepare(`
      SELECT mailbox.address, sum(folder.messages) AS messages, sum(folder.unseen) AS unseen,
        max((SELECT received FROM mail WHERE mail.folder = folder.id ORDER BY uid DESC LIMIT 1))
          AS newest
      FROM folder JOIN mailbox ON mailbox.id = folder.mailbox WHERE folder.messages > 0
      GROUP BY mailbox.id ORDER BY mailbox.address`),
    usage: prepare(`
      SELECT coalesce(sum(folder.bytes), 0) AS bytes, coalesce(sum(folder.messages), 0) AS messages
      FROM folder JOIN mailbox ON mailbox.id = folder.mailbox WHERE mailbox.address = ?`),
    acl: prepare('SELECT identifier, rights FROM acl WHERE folder = ? ORDER BY identifier'),
    sharedWith: prepare(`
      ${facts} WHERE folder.id IN (
        SELECT acl.folder FROM acl WHERE acl.identifier IN (SELECT value FROM json_each(?1)))
      AND mailbox.address NOT IN (SELECT value FROM json_each(?1))
      ORDER BY mailbox.address, folder.path`),
    annotations: prepare(`
      SELECT annotation.entry, annotation.value
      FROM annotation JOIN mailbox ON mailbox.id = annotation.mailbox
      WHERE mailbox.address = ? AND annotation.folder = ? ORDER BY annotation.entry`),
  };
}

export type ReaderParts = DerivedParts;

export class Reader implements ReaderOperations {
  readonly #database: DatabaseSync;
  readonly #derived: Derived;
  readonly #listings: Listings;
  readonly #feed: AccountFeed;
  readonly #queue: QueueSearch;
  readonly #totals: QueueTotals;
  readonly #cache = new ColumnsCache();
  readonly #lists: MailLists;
  readonly #sql: ReturnType<typeof prepareStatements>;

  constructor(parts: ReaderParts) {
    const { database } = parts;
    this.#database = database;
    this.#derived = new Derived(parts);
    this.#listings = new Listings(database, parts.readHead);
    this.#feed = new AccountFeed(database);
    this.#queue = new QueueSearch(database);
    this.#totals = new QueueTotals(database);
    this.#lists = new MailLists(database, (state) => this.#columns(state, state.forgotten));
    this.#sql = prepareStatements(database);
  }

  owners(): readonly string[] {
    return (this.#sql.owners.all() as unknown as readonly Columns[]).map(([owner]) => text(owner));
  }

  folders(account: string): readonly FolderFacts[] {
    return this.#sql.folders.all(account).map(factsOf);
  }

  folder(id: number): FolderFacts | undefined {
    const row = this.#sql.folder.get(id);
    return row === undefined ? undefined : factsOf(row);
  }

  find(account: string, path: string): FolderFacts | undefined {
    const row = this.#sql.find.get(account, folderPath(path));
    return row === undefined ? undefined : factsOf(row);
  }

  subscriptions(account: string): readonly string[] {
    return this.#sql.subscriptions.all(account).map(({ path }) => text(path));
  }

  snapshot(id: number) {
    return this.#atOneMoment(() => {
      const row = this.#sql.folder.get(id);
      if (row === undefined) return undefined;
      const folder = factsOf(row);
      const messages = copyColumns(this.#columns(folder, integer(row.forgotten)));
      return { folder, messages };
    });
  }

  index(id: number): FolderIndex | undefined {
    return this.#atOneMoment(() => {
      const row = this.#sql.folder.get(id);
      if (row === undefined) return undefined;
      const { uid, email, size } = this.#columns(factsOf(row), integer(row.forgotten));
      return { uid: uid.slice(), email: email.slice(), size: size.slice() };
    });
  }

  list(folder: number, after: number, limit: number): readonly ListedMessage[] {
    return this.#listings.list(folder, after, limit);
  }

  copies(account: string, email: number): readonly ListedMessage[] {
    return this.#listings.copies(account, email);
  }

  mails(question: MailQuestion): MailPageRow {
    return this.#derived.mails(question, this.#listed(question));
  }

  counts(): readonly MailboxCount[] {
    return this.#sql.counts.all().map((row) => ({
      account: text(row.address),
      messages: integer(row.messages),
      unseen: integer(row.unseen),
      newest: integer(row.newest ?? 0),
    }));
  }

  changes(id: number, since: number): FolderChanges | undefined {
    return this.#atOneMoment(() => {
      const row = this.#sql.folder.get(id);
      if (row === undefined) return undefined;
      return {
        folder: factsOf(row),
        changed: mailColumns(this.#sql.changed.get(id, since) as unknown as Columns),
        vanished: this.#vanished(id, since),
        complete: since >= integer(row.forgotten),
      };
    });
  }

  countFrom(folder: number, uid: number): number {
    return integer(this.#sql.countFrom.get(folder, uid)?.count);
  }

  open(folder: number, uids: readonly number[]): PackedMailsRow {
    return packMails(uids.map((uid) => this.#sql.whole.get(folder, uid) as unknown as WholeRow));
  }

  digests(folder: number, uids: readonly number[]): DigestsRow {
    return this.#derived.digests(folder, uids);
  }

  headers(folder: number, uids: readonly number[]): readonly (Uint8Array | undefined)[] {
    return this.#derived.headers(folder, uids);
  }

  search(folder: number, term: ContentTerm): Uint32Array {
    return this.#derived.search(folder, term);
  }

  sortFacts(folder: number, uids: readonly number[] | undefined): SortFactsRow {
    return this.#derived.sortFacts(folder, uids);
  }

  accountState(account: string): string {
    return this.#atOneMoment(() => this.#feed.state(account));
  }

  changedEmails(account: string, since: string, limit: number): AccountChanges {
    return this.#atOneMoment(() => this.#feed.emails(account, since, limit));
  }

  changedFolders(account: string, since: string, limit: number): FolderListChanges {
    return this.#atOneMoment(() => this.#feed.folders(account, since, limit));
  }

  queuePage(filter: QueueFilter, after: number, limit: number): QueuePageRow {
    return this.#atOneMoment(() => this.#queue.page(filter, after, limit));
  }

  queueTotals(filter: QueueFilter, withinMs: number): QueueTotalsRow {
    return this.#atOneMoment(() => this.#totals.of(filter, withinMs));
  }

  queueBacklogs(): readonly QueueBacklog[] {
    return this.#totals.backlogs();
  }

  queueBacklogTimes(destinations: readonly string[]): readonly BacklogTimes[] {
    return this.#atOneMoment(() => this.#totals.times(destinations));
  }

  usage(account: string): Quota {
    const row = this.#sql.usage.get(account);
    return { bytes: integer(row?.bytes), messages: integer(row?.messages) };
  }

  acl(folder: number): ReadonlyMap<string, string> {
    const rows = this.#sql.acl.all(folder);
    return new Map(rows.map(({ identifier, rights }) => [text(identifier), text(rights)]));
  }

  sharedWith(identifiers: readonly string[]): readonly FolderFacts[] {
    return this.#sql.sharedWith.all(JSON.stringify(identifiers)).map(factsOf);
  }

  annotations(account: string, folder: number | undefined): ReadonlyMap<string, Uint8Array> {
    const rows = this.#sql.annotations.all(account, folder ?? 0);
    return new Map(rows.map(({ entry, value }) => [text(entry), blob(value)]));
  }

  /** Works on what an answer needs, until `isOver`: true when it can be given at once. */
  prepare(operation: string, args: readonly unknown[], isOver: () => boolean): boolean {
    if (operation === 'mails') {
      const question = args[0] as MailQuestion;
      return this.#derived.prepareMails(question, this.#listed(question), isOver);
    }
    return !slow.has(operation) || this.#derived.prepare(operation, args, isOver);
  }

  /** A slice of what can be done ahead, until `isOver`. Undefined when there is nothing more. */
  advance(isOver: () => boolean): Advanced | undefined {
    return this.#derived.advance(isOver);
  }

  /** A slice of what makes searches faster. False when there is nothing to do. */
  merge(): boolean {
    return this.#derived.merge();
  }

  /** Forgets what was derived from messages that are gone; returns where to go on, if anywhere. */
  sweep(after: number): number | undefined {
    return this.#derived.sweep(after);
  }

  /** Of folders read lately. Those that are open their readers have, too. */
  forgetColumns(): void {
    this.#cache.clear();
    this.#lists.clear();
  }

  close(): void {
    this.#derived.close();
  }

  #listed(question: MailQuestion) {
    return () => this.#atOneMoment(() => this.#lists.get(question));
  }

  /** What is remembered of the folder, brought up to date; or all of it, read anew. It stays here. */
  #columns(
    { id, modseq, messages }: Omit<FolderState, 'forgotten'>,
    forgotten: number,
  ): MailColumns {
    const known = this.#cache.get(id);
    if (known?.modseq === modseq) return known.columns;
    let columns: MailColumns | undefined;
    if (known !== undefined && known.modseq >= forgotten) {
      const changed = mailColumns(this.#sql.changed.get(id, known.modseq) as unknown as Columns);
      columns = mergeColumns(known.columns, changed, this.#vanished(id, known.modseq));
    }
    if (columns?.length !== messages)
      columns = mailColumns(this.#sql.mails.get(id) as unknown as Columns);
    this.#cache.set(id, { modseq, columns });
    return columns;
  }

  #vanished(folder: number, since: number): Uint32Array {
    const row = this.#sql.vanished.get(folder, since) as unknown as Columns;
    return Uint32Array.from(JSON.parse(text(row[0])) as readonly number[]);
  }

  /** Several statements that see the same state. */
  #atOneMoment<T>(read: () => T): T {
    this.#database.exec('BEGIN');
    try {
      return read();
    } finally {
      this.#database.exec('COMMIT');
    }
  }
}

/** What may have to read messages first. */
const slow: ReadonlySet<string> = new Set(['digests', 'search', 'sortFacts']);

const readerOperations: ReadonlySet<string> = new Set<keyof ReaderOperations>([
  ...(['owners', 'folders', 'folder', 'find', 'subscriptions', 'snapshot', 'changes'] as const),
  ...(['index', 'list', 'mails', 'counts', 'copies', 'countFrom', 'open'] as const),
  ...(['accountState', 'changedEmails', 'changedFolders'] as const),
  ...(['digests', 'headers', 'search', 'sortFacts'] as const),
  ...(['usage', 'acl', 'sharedWith', 'annotations'] as const),
  ...(['queuePage', 'queueTotals', 'queueBacklogs', 'queueBacklogTimes'] as const),
]);

export function readerCall(reader: Reader, operation: string, args: readonly unknown[]): unknown {
  assert(readerOperations.has(operation), 'the reader knows what it is asked');
  const method = reader[operation as keyof ReaderOperations] as (...args: unknown[]) => unknown;
  return method.apply(reader, [...args]);
}
