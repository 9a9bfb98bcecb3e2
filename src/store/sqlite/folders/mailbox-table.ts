// Mailboxes and the rows of their folders, inside a transaction that somebody else holds. What is done
// with folders by name is in folder-tables.ts, with messages in message-tables.ts.

import type { DatabaseSync } from 'node:sqlite';
import type { Quota } from '../../folder-store.ts';
import { folderPath, superiorsOf } from '../../folders/folder-path.ts';
import { missingFolders } from '../../folders/standard-folders.ts';
import { integer, text, textOrNull } from '../../row.ts';
import type { Work } from '../work.ts';
import type { ChangeLog } from './change-log.ts';
import type { EmailTable } from './email-table.ts';
import type { MailTable } from './mail-table.ts';

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  return {
    mailbox: prepare('SELECT id FROM mailbox WHERE address = ?'),
    // With a state that no mailbox before it had: whoever was told one of those begins anew.
    insertMailbox: prepare(`
      INSERT INTO mailbox (address, modseq, forgotten)
      SELECT ?, value, value FROM meta WHERE name = 'mailbox_modseq'`),
    raiseModseq: prepare(`
      UPDATE meta SET value = max(value, (SELECT modseq + 1 FROM mailbox WHERE id = ?))
      WHERE name = 'mailbox_modseq'`),
    // RFC 9051 §2.3.1.1: never the same again, even for a folder made anew in the same second.
    nextValidity: prepare(`
      UPDATE meta SET value = max(value + 1, ?) WHERE name = 'uid_validity' RETURNING value`),
    insertFolder: prepare(`
      INSERT INTO folder (mailbox, path, special_use, uid_validity, changed, created)
      VALUES (?1, ?2, ?3, ?4, ?5, ?5)`),
    inheritAcl: prepare(`
      INSERT INTO acl (folder, identifier, rights)
      SELECT ?, identifier, rights FROM acl WHERE folder = ?`),
    // Field: clients show what is subscribed, and nothing else unless they are told to.
    subscribe: prepare('INSERT OR IGNORE INTO subscription (mailbox, path) VALUES (?, ?)'),
    folder: prepare('SELECT id FROM folder WHERE mailbox = ? AND path = ?'),
    folderOf: prepare(`
      SELECT folder.id FROM folder JOIN mailbox ON mailbox.id = folder.mailbox
      WHERE mailbox.address = ? AND folder.path = ?`),
    folders: prepare('SELECT id, path, special_use FROM folder WHERE mailbox = ? ORDER BY id'),
    usage: prepare(`
      SELECT coalesce(sum(folder.bytes), 0) AS bytes, coalesce(sum(folder.messages), 0) AS messages
      FROM folder JOIN mailbox ON mailbox.id = folder.mailbox WHERE mailbox.address = ?`),
    emailsOf: prepare('SELECT email FROM mail WHERE folder = ?'),
    deleteMails: prepare('DELETE FROM mail WHERE folder = ?'),
    deleteExpunged: prepare('DELETE FROM expunged WHERE folder = ?'),
    deleteAcl: prepare('DELETE FROM acl WHERE folder = ?'),
    deleteFolder: prepare('DELETE FROM folder WHERE id = ?'),
    deleteSubscriptions: prepare('DELETE FROM subscription WHERE mailbox = ?'),
    deleteAnnotations: prepare('DELETE FROM annotation WHERE mailbox = ?'),
    deleteRights: prepare(`
      DELETE FROM acl WHERE identifier IN (?1, '-' || ?1)
      RETURNING folder, (SELECT mailbox FROM folder WHERE id = acl.folder) AS mailbox`),
    deleteMailbox: prepare('DELETE FROM mailbox WHERE id = ?'),
  };
}

/** One change, of as many folders as it takes. */
export interface FolderChange {
  readonly modseq: number;
  readonly now: number;
}

export interface MailboxTableParts {
  readonly database: DatabaseSync;
  readonly work: Work;
  readonly emails: EmailTable;
  readonly mails: MailTable;
  readonly log: ChangeLog;
}

export class MailboxTable {
  readonly #parts: MailboxTableParts;
  readonly #sql: ReturnType<typeof prepareStatements>;

  constructor(parts: MailboxTableParts) {
    this.#parts = parts;
    this.#sql = prepareStatements(parts.database);
  }

  find(account: string): number | undefined {
    const row = this.#sql.mailbox.get(account);
    return row === undefined ? undefined : integer(row.id);
  }

  /** With its standard folders, those of them that are missing being made. */
  ensure(account: string, now: number): number {
    const found = this.find(account);
    const mailbox = found ?? Number(this.#sql.insertMailbox.run(account).lastInsertRowid);
    const folders = this.#sql.folders
      .all(mailbox)
      .map((row) => ({ path: text(row.path), specialUse: textOrNull(row.special_use) }));
    const missing = missingFolders(folders);
    if (missing.length === 0) return mailbox;
    const modseq = this.#parts.log.next(mailbox);
    for (const [path, specialUse] of missing) {
      this.insertFolder(mailbox, path, specialUse, { modseq, now });
      this.#sql.subscribe.run(mailbox, path);
    }
    this.#parts.work.touch({ kind: 'folders', account });
    return mailbox;
  }

  usage(account: string): Quota {
    const row = this.#sql.usage.get(account);
    return { bytes: integer(row?.bytes), messages: integer(row?.messages) };
  }

  folder(mailbox: number, path: string): number | undefined {
    const row = this.#sql.folder.get(mailbox, path);
    return row === undefined ? undefined : integer(row.id);
  }

  /** `name` as somebody gave it. */
  folderOf(account: string, name: string): number | undefined {
    const row = this.#sql.folderOf.get(account, folderPath(name));
    return row === undefined ? undefined : integer(row.id);
  }

  /** RFC 4314 §4: with the access list of the folder above it. */
  insertFolder(
    mailbox: number,
    path: string,
    specialUse: string | null,
    { modseq, now }: FolderChange,
  ): number {
    const row = this.#sql.nextValidity.get(Math.floor(now / 1000));
    const validity = integer(row?.value);
    const made = this.#sql.insertFolder.run(mailbox, path, specialUse, validity, modseq);
    const id = Number(made.lastInsertRowid);
    const above = this.folder(mailbox, superiorsOf(path).at(-1) ?? '');
    if (above !== undefined) this.#sql.inheritAcl.run(id, above);
    return id;
  }

  /** With its messages. */
  removeFolder(mailbox: number, folder: number): void {
    this.#parts.log.folderGoes(mailbox, folder);
    this.#deleteFolder(folder);
  }

  /** With all its folders. */
  remove(account: string): void {
    // Whoever has the address next inherits nothing.
    for (const { mailbox, folder } of this.#sql.deleteRights.all(account))
      if (mailbox !== null) this.#parts.log.folderChanged(integer(mailbox), integer(folder));
    const mailbox = this.find(account);
    if (mailbox === undefined) return;
    for (const row of this.#sql.folders.all(mailbox)) this.#deleteFolder(integer(row.id));
    this.#sql.deleteSubscriptions.run(mailbox);
    this.#sql.deleteAnnotations.run(mailbox);
    this.#sql.raiseModseq.run(mailbox);
    this.#parts.log.mailboxGoes(mailbox);
    this.#sql.deleteMailbox.run(mailbox);
    this.#parts.work.touch({ kind: 'folders', account });
  }

  #deleteFolder(folder: number): void {
    const account = this.#parts.mails.owner(folder);
    if (account === undefined) return;
    const emails = this.#sql.emailsOf.all(folder).map((mail) => integer(mail.email));
    this.#sql.deleteMails.run(folder);
    this.#sql.deleteExpunged.run(folder);
    this.#sql.deleteAcl.run(folder);
    this.#sql.deleteFolder.run(folder);
    for (const email of emails) this.#parts.emails.release(email);
    this.#parts.work.touch({ kind: 'messages', folder, account });
  }
}
