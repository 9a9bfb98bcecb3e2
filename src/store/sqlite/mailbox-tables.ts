// The mailboxes' SQL: what MailboxStore promises, inside a transaction that somebody else holds.
// A folder's counters and its modseq change with the rows they count.

import type { DatabaseSync } from 'node:sqlite';
import type { MailboxMessage } from '../mailbox-store.ts';
import { NoSuchFolderError } from '../mailbox-store.ts';
import type { ContentTable } from './content-table.ts';
import type { EmailTable } from './email-table.ts';
import { flagNames, storedFlags } from './flags.ts';
import { folderPath } from './folder-path.ts';
import type { MailTable } from './mail-table.ts';
import type { WholeRow } from './packed-mails.ts';
import { packMails } from './packed-mails.ts';
import type {
  AppendRow,
  FlagChangeRow,
  FolderRow,
  MailboxOperations,
  OpenedMailRow,
  PackedMailsRow,
  RefusedRow,
} from './requests.ts';
import type { Row } from './row.ts';
import { integer, text, textOrNull } from './row.ts';
import type { Work } from './work.ts';

/** RFC 6154 §2: special-use attributes of the folders every mailbox has. */
const standardFolders: readonly (readonly [path: string, specialUse: string | null])[] = [
  ['INBOX', null],
  ['Sent', 'Sent'],
  ['Drafts', 'Drafts'],
  ['Junk', 'Junk'],
  ['Trash', 'Trash'],
  ['Archive', 'Archive'],
];

const messageColumns = `mail.uid, mail.email, mail.modseq, mail.flags, mail.keywords,
  mail.received, mail.saved, mail.size, email.content, email.sender, email.subject`;

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  /** Rows as arrays, for what is read by the thousand. */
  const columns = (sql: string) => {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    return statement;
  };
  return {
    mailbox: prepare('SELECT id FROM mailbox WHERE address = ?'),
    owners: columns('SELECT address FROM mailbox ORDER BY address'),
    insertMailbox: prepare('INSERT INTO mailbox (address) VALUES (?)'),
    // RFC 9051 §2.3.1.1: never the same again, even for a folder made anew in the same second.
    nextValidity: prepare(`
      UPDATE meta SET value = max(value + 1, ?) WHERE name = 'uid_validity' RETURNING value`),
    insertFolder: prepare(`
      INSERT INTO folder (mailbox, path, special_use, uid_validity) VALUES (?, ?, ?, ?)`),
    // Field: clients show what is subscribed, and nothing else unless they are told to.
    subscribe: prepare('INSERT OR IGNORE INTO subscription (mailbox, path) VALUES (?, ?)'),
    folderId: prepare(`
      SELECT folder.id FROM folder JOIN mailbox ON mailbox.id = folder.mailbox
      WHERE mailbox.address = ? AND folder.path = ?`),
    folders: prepare(`
      SELECT folder.* FROM folder JOIN mailbox ON mailbox.id = folder.mailbox
      WHERE mailbox.address = ? ORDER BY folder.id`),
    list: prepare(`
      SELECT ${messageColumns} FROM mail JOIN email ON email.id = mail.email
      WHERE mail.folder = ? AND mail.uid > ? ORDER BY mail.uid LIMIT ?`),
    one: prepare(`
      SELECT ${messageColumns} FROM mail JOIN email ON email.id = mail.email
      WHERE mail.folder = ? AND mail.uid = ?`),
    open: prepare(`
      SELECT ${messageColumns}, email.prefix, folder.path
      FROM email JOIN mail ON mail.email = email.id JOIN folder ON folder.id = mail.folder
      JOIN mailbox ON mailbox.id = folder.mailbox
      WHERE email.id = ? AND mailbox.address = ? LIMIT 1`),
    index: columns(`
      SELECT uid, email, size FROM mail WHERE folder = ? AND uid > ? ORDER BY uid LIMIT ?`),
    whole: columns(`
      SELECT email.prefix, content.size, content.file, content.bytes
      FROM mail JOIN email ON email.id = mail.email JOIN content ON content.id = email.content
      WHERE mail.folder = ? AND mail.uid = ?`),
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
    deleteRights: prepare(`DELETE FROM acl WHERE identifier IN (?1, '-' || ?1)`),
    deleteMailbox: prepare('DELETE FROM mailbox WHERE id = ?'),
  };
}

export interface MailboxTablesParts {
  readonly database: DatabaseSync;
  readonly work: Work;
  readonly contents: ContentTable;
  readonly emails: EmailTable;
  readonly mails: MailTable;
}

export class MailboxTables implements MailboxOperations {
  readonly #parts: MailboxTablesParts;
  readonly #sql: ReturnType<typeof prepareStatements>;

  constructor(parts: MailboxTablesParts) {
    this.#parts = parts;
    this.#sql = prepareStatements(parts.database);
  }

  ensure(account: string, now: number): void {
    const found = this.#sql.mailbox.get(account)?.id;
    const mailbox =
      found === undefined
        ? Number(this.#sql.insertMailbox.run(account).lastInsertRowid)
        : integer(found);
    const folders = this.#sql.folders.all(account);
    const present = new Set(folders.map((row) => text(row.path)));
    // One that was renamed is not missing.
    const uses = new Set(folders.map((row) => row.special_use));
    let made = found === undefined;
    for (const [path, specialUse] of standardFolders)
      if (!present.has(path) && (specialUse === null || !uses.has(specialUse))) {
        const row = this.#sql.nextValidity.get(Math.floor(now / 1000));
        this.#sql.insertFolder.run(mailbox, path, specialUse, integer(row?.value));
        this.#sql.subscribe.run(mailbox, path);
        made = true;
      }
    if (made) this.#parts.work.touch({ kind: 'folders', account });
  }

  append(message: AppendRow, now: number): MailboxMessage {
    const folder = this.#folderFor(message, now);
    return this.#appendTo(folder, message.folder, message, now);
  }

  /** Inside a settlement: a folder that is gone is no reason to lose mail. RFC 5228 §2.10.2. */
  deliver(message: AppendRow, now: number): void {
    if (this.#folderId(message.account, message.folder) === undefined) {
      this.ensure(message.account, now);
      if (this.#folderId(message.account, message.folder) === undefined) {
        this.append({ ...message, folder: 'INBOX' }, now);
        return;
      }
    }
    this.append(message, now);
  }

  owners(): readonly string[] {
    return (this.#sql.owners.all() as unknown as [string][]).map(([address]) => address);
  }

  folders(account: string): readonly FolderRow[] {
    return this.#sql.folders.all(account).map((row) => ({
      path: text(row.path),
      uidValidity: integer(row.uid_validity),
      uidNext: integer(row.uid_next),
      modseq: integer(row.modseq),
      messages: integer(row.messages),
      unseen: integer(row.unseen),
      specialUse: textOrNull(row.special_use),
    }));
  }

  mails(account: string, path: string, after: number, limit: number): readonly MailboxMessage[] {
    const folder = this.#folderId(account, path);
    if (folder === undefined) return [];
    return this.#sql.list
      .all(folder, after, limit)
      .map((row) => this.#messageOf(account, path, row));
  }

  openMail(account: string, id: string): OpenedMailRow | undefined {
    const row = this.#sql.open.get(emailNumber(id) ?? -1, account);
    if (row === undefined) return undefined;
    return {
      message: this.#messageOf(account, text(row.path), row),
      prefix: text(row.prefix),
      content: this.#parts.contents.read(integer(row.content)),
    };
  }

  mailIndex(account: string, path: string, after: number, limit: number): Float64Array {
    const folder = this.#folderId(account, path);
    const rows = folder === undefined ? [] : this.#sql.index.all(folder, after, limit);
    const index = new Float64Array(rows.length * 3);
    let at = 0;
    for (const row of rows as unknown as readonly (readonly unknown[])[])
      for (const value of row) index[at++] = integer(value);
    this.#parts.work.transfer(new Uint8Array(index.buffer));
    return index;
  }

  openMails(account: string, path: string, uids: readonly number[]): PackedMailsRow {
    const folder = this.#folderId(account, path);
    const rows = uids.map((uid) =>
      folder === undefined ? undefined : this.#sql.whole.get(folder, uid),
    );
    const packed = packMails(rows as unknown as readonly WholeRow[]);
    this.#parts.work.transfer(packed.pack);
    return packed;
  }

  store(
    account: string,
    path: string,
    uids: readonly number[],
    change: FlagChangeRow,
  ): readonly MailboxMessage[] | RefusedRow {
    const folder = this.#folderId(account, path);
    if (folder === undefined) return [];
    const stored = this.#parts.mails.store(folder, uids, [change]);
    if ('refused' in stored) return stored;
    return [...new Set(uids)].flatMap((uid) => {
      const row = this.#sql.one.get(folder, uid);
      return row === undefined ? [] : [this.#messageOf(account, path, row)];
    });
  }

  expunge(account: string, path: string, uids: readonly number[]): readonly number[] {
    const folder = this.#folderId(account, path);
    return folder === undefined ? [] : this.#parts.mails.remove(folder, uids, false).uids;
  }

  usage(account: string): { bytes: number; messages: number } {
    const row = this.#sql.usage.get(account);
    return { bytes: integer(row?.bytes), messages: integer(row?.messages) };
  }

  removeMailbox(account: string): void {
    for (const row of this.#sql.folders.all(account)) this.removeFolderRow(integer(row.id));
    // Whoever has the address next inherits nothing.
    this.#sql.deleteRights.run(account);
    const mailbox = this.#sql.mailbox.get(account)?.id;
    if (mailbox === undefined) return;
    this.#sql.deleteSubscriptions.run(integer(mailbox));
    this.#sql.deleteAnnotations.run(integer(mailbox));
    this.#sql.deleteMailbox.run(integer(mailbox));
    this.#parts.work.touch({ kind: 'folders', account });
  }

  /** With its messages. */
  removeFolderRow(folder: number): void {
    const account = this.#parts.mails.owner(folder);
    if (account === undefined) return;
    const emails = this.#sql.emailsOf.all(folder).map((mail) => integer(mail.email));
    this.#sql.deleteMails.run(folder);
    for (const email of emails) this.#parts.emails.release(email);
    this.#sql.deleteExpunged.run(folder);
    this.#sql.deleteAcl.run(folder);
    this.#sql.deleteFolder.run(folder);
    this.#parts.work.touch({ kind: 'messages', folder, account });
  }

  #appendTo(folder: number, path: string, message: AppendRow, now: number): MailboxMessage {
    const { account, received } = message;
    const head = this.#parts.emails.insert(message.content, message.prefix);
    const { email, size } = head;
    const flags = storedFlags(message.flags);
    const mails = [{ email, size, flags, received }];
    const { uid, modseq } = this.#parts.mails.append(folder, mails, now)!;
    return {
      ...{ account, folder: path, uid, modseq, flags: flagNames(flags), received, saved: now },
      ...{ size, id: emailText(email), from: head.from, subject: head.subject },
    };
  }

  #messageOf(account: string, folder: string, row: Row): MailboxMessage {
    return {
      account,
      folder,
      uid: integer(row.uid),
      modseq: integer(row.modseq),
      flags: flagNames({ bits: integer(row.flags), keywords: text(row.keywords) }),
      received: integer(row.received),
      saved: integer(row.saved),
      size: integer(row.size),
      id: emailText(integer(row.email)),
      ...this.#parts.emails.listing(row),
    };
  }

  #folderFor({ account, folder }: AppendRow, now: number): number {
    const found = this.#folderId(account, folder);
    if (found !== undefined) return found;
    this.ensure(account, now);
    const made = this.#folderId(account, folder);
    if (made === undefined) throw NoSuchFolderError.of(account, folder);
    return made;
  }

  #folderId(account: string, path: string): number | undefined {
    const row = this.#sql.folderId.get(account, folderPath(path));
    return row === undefined ? undefined : integer(row.id);
  }
}

// RFC 8474 §7: objectid = 1*255(ALPHA / DIGIT / "_" / "-")
export const emailText = (email: number): string => `m${email.toString(36)}`;

function emailNumber(id: string): number | undefined {
  if (!/^m[0-9a-z]{1,11}$/.test(id)) return undefined;
  const email = Number.parseInt(id.slice(1), 36);
  return Number.isSafeInteger(email) ? email : undefined;
}
