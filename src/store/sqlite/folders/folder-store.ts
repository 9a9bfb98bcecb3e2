// The embedded FolderStore. See ../folder-store.ts for what it promises: changes go to the engine,
// where everybody's share a flush; what is only read is asked of the reader.

import { assert } from '../../../base/assert.ts';
import type { Clock } from '../../../base/clock.ts';
import type { MessageDigest } from '../../../mail/digest/digest.ts';
import type { Content } from '../../content.ts';
import {
  FolderExistsError,
  MailboxLimitError,
  NoSuchFolderError,
  OverQuotaError,
} from '../../folder-errors.ts';
import type {
  AccountChanges,
  ContentTerm,
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
import type { Rights, RightsChange } from '../../folders/rights.ts';
import { mailPageOf } from '../../lists/mail-pages.ts';
import type { MailboxCount, MailPage, MailQuestion } from '../../mail-question.ts';
import { emailOf } from '../../object-id.ts';
import { digestsOf, sortFactsOf } from '../../search/derived-rows.ts';
import type { Spool } from '../../spool.ts';
import type { GroupCommit } from '../group-commit.ts';
import { appendRow, contentRow } from '../queue/queue-rows.ts';
import type { ReaderClient } from '../reader/reader-client.ts';
import type { Remembered } from '../remembered.ts';
import type { NewMailRow, RefusedRow } from '../requests.ts';
import type { MailboxEvents } from './mailbox-events.ts';
import { unpackMails } from './packed-mails.ts';

type Transfer = Parameters<FolderStore['copy']>;

export interface SqliteFolderStoreParts {
  readonly commit: GroupCommit;
  readonly reader: ReaderClient;
  readonly events: MailboxEvents;
  /** By id: forgotten by whoever commits a change of them. */
  readonly facts: Remembered<FolderFacts>;
  readonly spool: Spool;
  readonly clock: Clock;
}

export class SqliteFolderStore implements FolderStore {
  readonly #parts: SqliteFolderStoreParts;
  #watchers = 0;

  constructor(parts: SqliteFolderStoreParts) {
    this.#parts = parts;
  }

  async ensure(account: string): Promise<void> {
    await this.#parts.commit.call('ensure', [account, this.#now()]);
  }

  owners(): Promise<readonly string[]> {
    return this.#parts.reader.call('owners');
  }

  async removeAll(account: string): Promise<void> {
    await this.#parts.commit.call('removeMailbox', [account]);
  }

  folders(account: string): Promise<readonly FolderFacts[]> {
    return this.#parts.reader.call('folders', account);
  }

  folder(id: number): Promise<FolderFacts | undefined> {
    const { reader, facts } = this.#parts;
    const read = () => reader.call('folder', id);
    // Only who watches is told of changes by other processes.
    return this.#watchers === 0 ? read() : facts.get(String(id), read);
  }

  find(account: string, path: string): Promise<FolderFacts | undefined> {
    return this.#parts.reader.call('find', account, path);
  }

  async create(
    account: string,
    path: string,
    specialUse: string | undefined,
  ): Promise<FolderFacts> {
    const id = granted(
      await this.#parts.commit.call('createFolder', [
        ...([account, path, specialUse ?? null, this.#now()] as const),
      ]),
    );
    const made = await this.folder(id);
    if (made === undefined) throw new NoSuchFolderError(`${path} is gone already`);
    return made;
  }

  async rename(account: string, from: string, to: string): Promise<void> {
    granted(await this.#parts.commit.call('renameFolder', [account, from, to, this.#now()]));
  }

  async remove(account: string, path: string): Promise<void> {
    granted(await this.#parts.commit.call('removeFolder', [account, path]));
  }

  subscriptions(account: string): Promise<readonly string[]> {
    return this.#parts.reader.call('subscriptions', account);
  }

  async subscribe(account: string, path: string, on: boolean): Promise<void> {
    granted(await this.#parts.commit.call('subscribe', [account, path, on, this.#now()]));
  }

  snapshot(
    folder: number,
  ): Promise<{ readonly folder: FolderFacts; readonly messages: MailColumns } | undefined> {
    return this.#parts.reader.call('snapshot', folder);
  }

  index(folder: number): Promise<FolderIndex | undefined> {
    return this.#parts.reader.call('index', folder);
  }

  list(
    folder: number,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): Promise<readonly ListedMessage[]> {
    return this.#parts.reader.call('list', folder, after, limit);
  }

  async copies(account: string, id: string): Promise<readonly ListedMessage[]> {
    const email = emailOf(id);
    return email === undefined ? [] : this.#parts.reader.call('copies', account, email);
  }

  async mails(question: MailQuestion): Promise<MailPage> {
    return mailPageOf(await this.#parts.reader.call('mails', question));
  }

  counts(): Promise<readonly MailboxCount[]> {
    return this.#parts.reader.call('counts');
  }

  changes(folder: number, since: number): Promise<FolderChanges | undefined> {
    return this.#parts.reader.call('changes', folder, since);
  }

  countFrom(folder: number, uid: number): Promise<number> {
    return this.#parts.reader.call('countFrom', folder, uid);
  }

  async leaveRecent(folder: number, below: number): Promise<void> {
    await this.#parts.commit.call('leaveRecent', [folder, below]);
    this.#parts.facts.forget(String(folder));
  }

  watch(listener: (event: MailboxEvent) => void): () => void {
    const { events, facts } = this.#parts;
    if (this.#watchers === 0) facts.clear();
    this.#watchers += 1;
    const unwatch = events.watch((event) => {
      if (event.kind === 'unknown') facts.clear();
      listener(event);
    });
    let isOver = false;
    return () => {
      if (!isOver) this.#watchers -= 1;
      isOver = true;
      unwatch();
    };
  }

  deliver(message: NewMailboxMessage): Promise<ListedMessage> {
    const row = appendRow(message);
    const contents = typeof row.content === 'object' ? [row.content] : [];
    return this.#parts.commit.call('deliver', [row, this.#now()], contents);
  }

  async append(
    folder: number,
    messages: readonly NewMail[],
    quota?: Quota,
  ): Promise<{ readonly uidValidity: number; readonly uids: readonly number[] }> {
    assert(messages.length > 0, 'an append has messages');
    const rows = messages.map(newMailRow);
    const contents = rows.map(({ content }) => content);
    const { uidValidity, uid } = granted(
      await this.#parts.commit.call('appendMails', [folder, rows, quota, this.#now()], contents),
    );
    return { uidValidity, uids: rows.map((_, i) => uid + i) };
  }

  copy(...transfer: Transfer): Promise<CopyResult> {
    return this.#transfer('copyMails', transfer);
  }

  move(...transfer: Transfer): Promise<CopyResult> {
    return this.#transfer('moveMails', transfer);
  }

  async #transfer(
    request: 'copyMails' | 'moveMails',
    [from, uids, to, { quota, without = [] } = {}]: Transfer,
  ): Promise<CopyResult> {
    const row = { from, uids, to, quota, without, now: this.#now() };
    return granted(await this.#parts.commit.call(request, [row]));
  }

  async replace(
    from: number,
    uid: number,
    to: number,
    message: NewMail,
    quota?: Quota,
  ): Promise<{ readonly uidValidity: number; readonly uid: number }> {
    const row = { from, uids: [uid], to, quota, without: [], now: this.#now() };
    const mail = newMailRow(message);
    return granted(await this.#parts.commit.call('replaceMail', [row, mail], [mail.content]));
  }

  async store(
    folder: number,
    uids: readonly number[],
    change: FlagChange | readonly FlagChange[],
    unchangedSince?: number,
  ): Promise<StoreResult> {
    const changes = [change].flat();
    return granted(
      await this.#parts.commit.call('storeFlags', [folder, uids, changes, unchangedSince]),
    );
  }

  expunge(folder: number, uids?: readonly number[]): Promise<Expunged> {
    return this.#parts.commit.call('expungeMarked', [folder, uids]);
  }

  removeMessages(folder: number, uids: readonly number[]): Promise<Expunged> {
    return this.#parts.commit.call('removeMails', [folder, uids]);
  }

  async open(folder: number, uids: readonly number[]): Promise<readonly (Content | undefined)[]> {
    return unpackMails(await this.#parts.reader.call('open', folder, uids), this.#parts.spool);
  }

  async digests(
    folder: number,
    uids: readonly number[],
  ): Promise<readonly (MessageDigest | undefined)[]> {
    return digestsOf(await this.#parts.reader.call('digests', folder, uids), uids);
  }

  headers(folder: number, uids: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#parts.reader.call('headers', folder, uids);
  }

  search(folder: number, term: ContentTerm): Promise<Uint32Array> {
    return this.#parts.reader.call('search', folder, term);
  }

  async sortFacts(folder: number, uids?: readonly number[]): Promise<readonly SortFacts[]> {
    return sortFactsOf(await this.#parts.reader.call('sortFacts', folder, uids));
  }

  accountState(account: string): Promise<string> {
    return this.#parts.reader.call('accountState', account);
  }

  changedEmails(account: string, since: string, limit: number): Promise<AccountChanges> {
    return this.#parts.reader.call('changedEmails', account, since, limit);
  }

  changedFolders(account: string, since: string, limit: number): Promise<FolderListChanges> {
    return this.#parts.reader.call('changedFolders', account, since, limit);
  }

  usage(account: string): Promise<Quota> {
    return this.#parts.reader.call('usage', account);
  }

  acl(folder: number): Promise<ReadonlyMap<string, string>> {
    return this.#parts.reader.call('acl', folder);
  }

  async setAcl(
    folder: number,
    identifier: string,
    rights: Rights,
    modify: RightsChange = '',
  ): Promise<void> {
    granted(await this.#parts.commit.call('setAcl', [folder, identifier, rights, modify]));
  }

  sharedWith(identifiers: readonly string[]): Promise<readonly FolderFacts[]> {
    return this.#parts.reader.call('sharedWith', identifiers);
  }

  annotations(
    account: string,
    folder: number | undefined,
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#parts.reader.call('annotations', account, folder);
  }

  async annotate(
    account: string,
    folder: number | undefined,
    entries: ReadonlyMap<string, Uint8Array | undefined>,
  ): Promise<void> {
    granted(await this.#parts.commit.call('annotate', [account, folder, entries, this.#now()]));
  }

  #now(): number {
    return this.#parts.clock.now();
  }
}

/** What a transaction changed of folders is not as it was. */
export function forgetTouched(
  facts: Remembered<FolderFacts>,
  events: readonly MailboxEvent[],
): void {
  for (const event of events)
    if (event.kind === 'messages') facts.forget(String(event.folder));
    else facts.clear();
}

const newMailRow = ({ content, flags, received }: NewMail): NewMailRow => ({
  ...{ content: contentRow(content), flags, received },
});

function granted<T>(answer: T | RefusedRow): T {
  if (!isRefusal(answer)) return answer;
  switch (answer.refused) {
    case 'no-folder':
      throw new NoSuchFolderError(answer.message);
    case 'exists':
      throw new FolderExistsError(answer.message);
    case 'over-quota':
      throw new OverQuotaError(answer.message);
    case 'limit':
      throw new MailboxLimitError(answer.message);
  }
}

const isRefusal = (answer: unknown): answer is RefusedRow =>
  typeof answer === 'object' && answer !== null && 'refused' in answer;
