// A change of mailboxes on its way through a transaction. It has the rows of its mailboxes locked, so that nobody
// on any node changes them, and keeps in memory what it changes of them and of their folders: one statement
// writes all of it in the end. Of what is done together each step has a modseq of a mailbox.

import type { MailboxEvent } from '../../folder-store.ts';
import type { Departed } from '../../folders/account-state.ts';
import type { Row } from '../../row.ts';
import { integer, text } from '../../row.ts';
import type { Transaction } from '../database.ts';
import { lockRoom } from '../deliveries.ts';
import {
  type FolderState,
  folderState,
  type MailboxState,
  mailboxState,
  writeFolders,
  writeMailboxes,
} from './states.ts';
import { buryEmails, buryFolder, forgetTombstones } from './tombstones.ts';

/** What a change is about, known before it begins. */
export interface Needs {
  readonly accounts?: readonly string[];
  /** Whose mailboxes are made if there are none. */
  readonly make?: readonly string[];
  readonly folders?: readonly number[];
  /** Folders whose owners' room is added up. */
  readonly rooms?: readonly number[];
}

export interface ChangeOptions {
  readonly transaction: Transaction;
  /** Of this process: what it changed it need not look for. */
  readonly session: number;
  readonly now: number;
}

export class Change {
  readonly transaction: Transaction;
  readonly now: number;
  readonly #session: number;
  readonly #mailboxes = new Map<string, MailboxState>();
  readonly #byId = new Map<number, MailboxState>();
  readonly #folders = new Map<number, FolderState>();
  /** Whose folders are all here. */
  readonly #complete = new Set<MailboxState>();
  readonly #touched = new Map<string, MailboxEvent>();

  constructor({ transaction, session, now }: ChangeOptions) {
    this.transaction = transaction;
    this.#session = session;
    this.now = now;
  }

  /** Everybody's whom it is about, in one order for all. */
  async lock({ accounts = [], make = [], folders = [], rooms = [] }: Needs): Promise<void> {
    if (rooms.length > 0) await lockRoom(this.transaction, await ownersOf(this.transaction, rooms));
    const owners = folders.length === 0 ? [] : await ownersOf(this.transaction, folders);
    await this.#lockRows([...new Set([...accounts, ...make, ...owners])].sort());
    await this.#make(make.filter((account) => !this.#mailboxes.has(account)));
    const named = [...new Set([...accounts, ...make])];
    await this.#loadAll(named.flatMap((account) => this.#mailboxes.get(account) ?? []));
    await this.load(folders);
  }

  async #make(missing: readonly string[]): Promise<void> {
    if (missing.length === 0) return;
    await this.transaction.run(
      `INSERT INTO mailbox (address, modseq, forgotten, uid_validity)
       SELECT address, modseq.value, modseq.value, validity.value
       FROM unnest($1::text[]) AS address,
         (SELECT value FROM meta WHERE name = 'mailbox_modseq' FOR SHARE) modseq,
         (SELECT value FROM meta WHERE name = 'uid_validity' FOR SHARE) validity
       ORDER BY address ON CONFLICT DO NOTHING`,
      [[...new Set(missing)].sort()],
    );
    await this.#lockRows(missing);
  }

  /** Undefined when there is none. It must be among those that are locked. */
  mailbox(account: string): MailboxState | undefined {
    return this.#mailboxes.get(account);
  }

  async folder(id: number): Promise<FolderState | undefined> {
    await this.load([id]);
    return this.#folders.get(id);
  }

  /** Those of them that are not known yet. */
  async load(ids: readonly number[]): Promise<void> {
    const missing = ids.filter((id) => !this.#folders.has(id));
    if (missing.length === 0) return;
    this.#read(
      await this.transaction.rows('SELECT * FROM folder WHERE id = ANY($1::bigint[])', [missing]),
    );
  }

  async folderAt(mailbox: MailboxState, path: string): Promise<FolderState | undefined> {
    return (await this.foldersOf(mailbox)).find((folder) => folder.path === path);
  }

  async inferiorsOf(mailbox: MailboxState, path: string): Promise<readonly FolderState[]> {
    const all = await this.foldersOf(mailbox);
    return all.filter((folder) => folder.path.startsWith(`${path}/`));
  }

  /** In the order in which they were made. */
  async foldersOf(mailbox: MailboxState): Promise<readonly FolderState[]> {
    if (!this.#complete.has(mailbox)) await this.#loadAll([mailbox]);
    return [...this.#folders.values()]
      .filter((folder) => folder.mailbox === mailbox)
      .sort((a, b) => a.id - b.id);
  }

  /**
   * What follows is asked for by somebody else: who is told of what was done before, with its modseq, does not know of it
   * yet. RFC 7162 §3.1.
   */
  nextStep(): void {
    for (const mailbox of this.#mailboxes.values()) mailbox.isTaken = false;
  }

  /** The modseq of this step. */
  modseq(mailbox: MailboxState): number {
    if (!mailbox.isTaken) mailbox.next = (mailbox.next ?? mailbox.modseq) + 1;
    mailbox.isTaken = true;
    return mailbox.next!;
  }

  /** Messages of the folder came, changed or went. */
  messagesChanged(folder: FolderState): number {
    folder.modseq = this.modseq(folder.mailbox);
    folder.changes += 1;
    folder.dirty = true;
    this.#messagesTouched(folder);
    return folder.modseq;
  }

  /** Something else of it did. */
  folderChanged(folder: FolderState): void {
    folder.changed = this.modseq(folder.mailbox);
    folder.dirty = true;
    this.foldersChanged(folder.mailbox);
  }

  /** Folders came or went, subscriptions or annotations changed. */
  foldersChanged(mailbox: MailboxState): void {
    mailbox.foldersChanged = true;
    this.#foldersTouched(mailbox);
  }

  async insertFolder(
    mailbox: MailboxState,
    path: string,
    specialUse: string | null,
  ): Promise<FolderState> {
    const modseq = this.modseq(mailbox);
    // RFC 9051 §2.3.1.1: never the same again, even for a folder made anew in the same second.
    mailbox.validity = Math.max(mailbox.validity + 1, Math.floor(this.now / 1000));
    const rows = await this.transaction.rows(
      `INSERT INTO folder (mailbox, path, special_use, uid_validity, changed, created, touched_by)
       VALUES ($1, $2, $3, $4, $5, $5, $6) RETURNING *`,
      [mailbox.id, path, specialUse, mailbox.validity, modseq, this.#session],
    );
    this.foldersChanged(mailbox);
    return this.#read(rows)[0]!;
  }

  /** Its row goes. */
  folderGone(folder: FolderState): void {
    this.#folders.delete(folder.id);
    this.#messagesTouched(folder);
  }

  mailboxGone(mailbox: MailboxState): void {
    this.#mailboxes.delete(mailbox.address);
    this.#byId.delete(mailbox.id);
    this.#foldersTouched(mailbox);
  }

  async emailsGone(folder: FolderState, departed: readonly Departed[]): Promise<void> {
    const { mailbox } = folder;
    const modseq = this.modseq(mailbox);
    mailbox.tombstones += await buryEmails(this.transaction, mailbox.id, modseq, departed);
  }

  /** Before a folder goes, with its messages. */
  async folderGoes(folder: FolderState): Promise<void> {
    const { mailbox } = folder;
    const modseq = this.modseq(mailbox);
    mailbox.tombstones += await buryFolder(this.transaction, mailbox.id, modseq, folder.id);
  }

  /** What has changed of them so far. */
  async writeFolders(): Promise<void> {
    const folders = [...this.#folders.values()].filter(({ dirty }) => dirty);
    if (folders.length > 0) await writeFolders(this.transaction, folders, this.#session);
    for (const folder of folders) folder.dirty = false;
  }

  /** Writes what has changed of mailboxes and folders; gives what whoever watches hears after the commit. */
  async finish(): Promise<readonly MailboxEvent[]> {
    await this.writeFolders();
    const mailboxes = [...this.#mailboxes.values()].filter(
      ({ next, foldersChanged }) => next !== undefined || foldersChanged,
    );
    for (const mailbox of mailboxes)
      mailbox.tombstones -= await forgetTombstones(this.transaction, mailbox);
    if (mailboxes.length > 0) await writeMailboxes(this.transaction, mailboxes, this.#session);
    return [...this.#touched.values()];
  }

  async #lockRows(accounts: readonly string[]): Promise<void> {
    if (accounts.length === 0) return;
    const rows = await this.transaction.rows(
      'SELECT * FROM mailbox WHERE address = ANY($1::text[]) ORDER BY address FOR UPDATE',
      [accounts],
    );
    for (const row of rows) {
      const mailbox = mailboxState(row);
      this.#mailboxes.set(mailbox.address, mailbox);
      this.#byId.set(mailbox.id, mailbox);
    }
  }

  async #loadAll(mailboxes: readonly MailboxState[]): Promise<void> {
    if (mailboxes.length === 0) return;
    const sql = 'SELECT * FROM folder WHERE mailbox = ANY($1::bigint[])';
    this.#read(await this.transaction.rows(sql, [mailboxes.map(({ id }) => id)]));
    for (const mailbox of mailboxes) this.#complete.add(mailbox);
  }

  /** As they are in this change, where they are known already. */
  #read(rows: readonly Row[]): readonly FolderState[] {
    return rows.flatMap((row) => {
      const known = this.#folders.get(integer(row.id));
      if (known !== undefined) return [known];
      const mailbox = this.#byId.get(integer(row.mailbox));
      if (mailbox === undefined) return [];
      const folder = folderState(row, mailbox);
      this.#folders.set(folder.id, folder);
      return [folder];
    });
  }

  #messagesTouched({ id, mailbox }: FolderState): void {
    this.#touched.set(`messages ${id}`, {
      ...{ kind: 'messages', folder: id, account: mailbox.address },
    });
  }

  #foldersTouched({ address }: MailboxState): void {
    this.#touched.set(`folders ${address}`, { kind: 'folders', account: address });
  }
}

async function ownersOf(
  transaction: Transaction,
  folders: readonly number[],
): Promise<readonly string[]> {
  const rows = await transaction.rows(
    `SELECT DISTINCT mailbox.address FROM folder JOIN mailbox ON mailbox.id = folder.mailbox
     WHERE folder.id = ANY($1::bigint[])`,
    [folders],
  );
  return rows.map(({ address }) => text(address));
}
