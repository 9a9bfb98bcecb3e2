// The folders' SQL: what FolderStore promises to change, inside a transaction that somebody else
// holds. Everything is checked before anything is written, so that a refusal is an answer like any
// other and fails nobody else's request.

import type { DatabaseSync } from 'node:sqlite';
import type { CopyResult, Quota, StoreResult } from '../folder-store.ts';
import type { EmailTable } from './email-table.ts';
import { flagsRefusal, storedFlags } from './flags.ts';
import { folderPath, superiorsOf } from './folder-path.ts';
import { columnBuffers, columnsSql, mailColumns } from './mail-columns.ts';
import type { Arrival, MailTable } from './mail-table.ts';
import type { MailboxTables } from './mailbox-tables.ts';
import type {
  ArrivalRow,
  FlagChangeRow,
  FolderOperations,
  NewMailRow,
  RefusedRow,
  TransferRow,
} from './requests.ts';
import type { Rooms } from './rooms.ts';
import { integer, text } from './row.ts';
import type { Work } from './work.ts';

// Limit: what an account may have; a client that makes more than this is at fault.
export const foldersMax = 5000;
export const pathCharactersMax = 1000;
export const subscriptionsMax = 10_000;
// Limit: RFC 5464 §4.3: annotations of one folder or account, and octets of one of them.
export const annotationsMax = 1000;
export const annotationBytesMax = 64 * 2 ** 10;

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  const changed = prepare(
    columnsSql(`
      SELECT * FROM mail WHERE folder = ? AND uid IN (SELECT value FROM json_each(?))
      ORDER BY uid`),
  );
  changed.setReturnArrays(true);
  return {
    changed,
    mailbox: prepare('SELECT id FROM mailbox WHERE address = ?'),
    folder: prepare('SELECT id, uid_next, modseq FROM folder WHERE mailbox = ? AND path = ?'),
    highest: prepare('SELECT modseq FROM folder WHERE id = ?'),
    // What is inferior to 'a' lies between 'a/' and 'a0': '0' follows '/'.
    inferiors: prepare(`
      SELECT id, path FROM folder
      WHERE mailbox = ?1 AND path >= ?2 || '/' AND path < ?2 || '0' ORDER BY path`),
    countFolders: prepare('SELECT count(*) AS count FROM folder WHERE mailbox = ?'),
    nextValidity: prepare(`
      UPDATE meta SET value = max(value + 1, ?) WHERE name = 'uid_validity' RETURNING value`),
    insertFolder: prepare(`
      INSERT INTO folder (mailbox, path, special_use, uid_validity) VALUES (?, ?, ?, ?)`),
    inheritAcl: prepare(`
      INSERT INTO acl (folder, identifier, rights)
      SELECT ?, identifier, rights FROM acl WHERE folder = ?`),
    setPath: prepare('UPDATE folder SET path = ? WHERE id = ?'),
    uidsOf: prepare('SELECT uid FROM mail WHERE folder = ?'),
    moveAll: prepare('UPDATE mail SET folder = ?, modseq = ? WHERE folder = ?'),
    takeOver: prepare(`
      UPDATE folder SET (uid_next, recent_from, modseq, messages, unseen, deleted, bytes) = (
        SELECT uid_next, recent_from, modseq + 1, messages, unseen, deleted, bytes
        FROM folder WHERE id = ?)
      WHERE id = ? RETURNING modseq`),
    empty: prepare(`
      UPDATE folder SET modseq = modseq + 1, expunges = expunges + messages, messages = 0,
        unseen = 0, deleted = 0, bytes = 0
      WHERE id = ? RETURNING modseq`),
    rememberAll: prepare(`
      INSERT INTO expunged (folder, modseq, uid) SELECT ?, ?, uid FROM mail WHERE folder = ?`),
    leaveRecent: prepare('UPDATE folder SET recent_from = ?2 WHERE id = ?1 AND recent_from < ?2'),
    countSubscriptions: prepare('SELECT count(*) AS count FROM subscription WHERE mailbox = ?'),
    subscribe: prepare('INSERT OR IGNORE INTO subscription (mailbox, path) VALUES (?, ?)'),
    unsubscribe: prepare('DELETE FROM subscription WHERE mailbox = ? AND path = ?'),
    setAcl: prepare('INSERT OR REPLACE INTO acl (folder, identifier, rights) VALUES (?, ?, ?)'),
    deleteAcl: prepare('DELETE FROM acl WHERE folder = ? AND identifier = ?'),
    entries: prepare('SELECT entry FROM annotation WHERE mailbox = ? AND folder = ?'),
    annotate: prepare(`
      INSERT OR REPLACE INTO annotation (mailbox, folder, entry, value) VALUES (?, ?, ?, ?)`),
    removeAnnotation: prepare(
      'DELETE FROM annotation WHERE mailbox = ? AND folder = ? AND entry = ?',
    ),
    removeAnnotations: prepare('DELETE FROM annotation WHERE mailbox = ? AND folder = ?'),
  };
}

export interface FolderTablesParts {
  readonly database: DatabaseSync;
  readonly work: Work;
  readonly emails: EmailTable;
  readonly mails: MailTable;
  readonly mailboxes: MailboxTables;
  readonly rooms: Rooms;
}

const noFolder = (what: number | string): RefusedRow => ({
  refused: 'no-folder',
  message: `there is no folder ${what}`,
});
const exists = (path: string): RefusedRow => ({
  refused: 'exists',
  message: `there is a folder ${path} already`,
});
const limit = (message: string): RefusedRow => ({ refused: 'limit', message });

function refusedFlags(mails: readonly NewMailRow[]): RefusedRow | undefined {
  for (const { flags } of mails) {
    const refusal = flagsRefusal(storedFlags(flags));
    if (refusal !== undefined) return limit(refusal);
  }
  return undefined;
}

export class FolderTables implements FolderOperations {
  readonly #parts: FolderTablesParts;
  readonly #sql: ReturnType<typeof prepareStatements>;

  constructor(parts: FolderTablesParts) {
    this.#parts = parts;
    this.#sql = prepareStatements(parts.database);
  }

  createFolder(
    account: string,
    name: string,
    specialUse: string | null,
    now: number,
  ): number | RefusedRow {
    const path = folderPath(name);
    const mailbox = this.#mailbox(account, now);
    if (this.#folder(mailbox, path) !== undefined) return exists(path);
    const tooMany = this.#room(mailbox, path);
    if (tooMany !== undefined) return tooMany;
    this.#makeSuperiors(mailbox, path, now);
    this.#parts.work.touch({ kind: 'folders', account });
    return this.#insert(mailbox, path, specialUse, now);
  }

  renameFolder(
    account: string,
    fromName: string,
    toName: string,
    now: number,
  ): RefusedRow | undefined {
    const from = folderPath(fromName);
    const to = folderPath(toName);
    const mailbox = this.#mailbox(account, now);
    const source = this.#folder(mailbox, from);
    const inferiors = from === 'INBOX' ? [] : this.#inferiors(mailbox, from);
    if (source === undefined && inferiors.length === 0) return noFolder(from);
    if (this.#folder(mailbox, to) !== undefined) return exists(to);
    const moved = inferiors.map(({ id, path }) => ({
      ...{ id, length: path.length, path: to + path.slice(from.length) },
    }));
    if (source !== undefined) moved.push({ id: source, length: from.length, path: to });
    const longest = moved.reduce((long, { path }) => (path.length > long.length ? path : long), to);
    const tooMany = this.#room(mailbox, longest);
    if (tooMany !== undefined) return tooMany;
    const moving = new Set(moved.map(({ id }) => id));
    for (const { path } of moved) {
      const there = this.#folder(mailbox, path);
      if (there !== undefined && !moving.has(there)) return exists(path);
    }
    if (from === 'INBOX') this.#moveInbox(mailbox, source!, to, now);
    else {
      // No path may be taken by one that has yet to move away.
      const deeper = to.startsWith(`${from}/`) ? -1 : 1;
      moved.sort((a, b) => deeper * (a.length - b.length));
      for (const { id, path } of moved) this.#sql.setPath.run(path, id);
      this.#makeSuperiors(mailbox, to, now);
    }
    this.#parts.work.touch({ kind: 'folders', account });
    return undefined;
  }

  removeFolder(account: string, name: string): RefusedRow | undefined {
    const path = folderPath(name);
    const mailbox = this.#knownMailbox(account);
    const folder = mailbox === undefined ? undefined : this.#folder(mailbox, path);
    // RFC 9051 §6.3.5: INBOX cannot be deleted.
    if (mailbox === undefined || folder === undefined || path === 'INBOX') return noFolder(path);
    this.#sql.removeAnnotations.run(mailbox, folder);
    this.#parts.mailboxes.removeFolderRow(folder);
    this.#parts.work.touch({ kind: 'folders', account });
    return undefined;
  }

  subscribe(account: string, path: string, on: boolean, now: number): RefusedRow | undefined {
    const mailbox = on ? this.#mailbox(account, now) : this.#knownMailbox(account);
    if (mailbox === undefined) return undefined;
    if (!on) this.#sql.unsubscribe.run(mailbox, folderPath(path));
    else {
      if (path.length > pathCharactersMax) return limit('the name is too long');
      if (integer(this.#sql.countSubscriptions.get(mailbox)?.count) >= subscriptionsMax)
        return limit(`no more than ${subscriptionsMax} subscriptions`);
      this.#sql.subscribe.run(mailbox, folderPath(path));
    }
    this.#parts.work.touch({ kind: 'folders', account });
    return undefined;
  }

  appendMails(
    folder: number,
    mails: readonly NewMailRow[],
    quota: Quota | undefined,
    now: number,
  ): ArrivalRow | RefusedRow {
    const bytes = mails.reduce((sum, { content }) => sum + content.size, 0);
    const refusal =
      refusedFlags(mails) ?? this.#refusal(folder, quota, { bytes, messages: mails.length });
    return refusal ?? this.#append(folder, mails, now);
  }

  copyMails(row: TransferRow): CopyResult | RefusedRow {
    const { from, uids, to, quota } = row;
    const more =
      quota === undefined ? { bytes: 0, messages: 0 } : this.#parts.mails.sizeOf(from, uids);
    return this.#refusal(to, quota, more) ?? this.#copy(row);
  }

  moveMails(row: TransferRow): CopyResult | RefusedRow {
    const { from, uids, to, quota } = row;
    const { mails } = this.#parts;
    // Within an account nothing is added.
    const grows = quota !== undefined && mails.owner(from) !== mails.owner(to);
    const more = grows ? mails.sizeOf(from, uids) : { bytes: 0, messages: 0 };
    const refusal = this.#refusal(to, grows ? quota : undefined, more);
    if (refusal !== undefined) return refusal;
    const copied = this.#copy(row);
    mails.remove(from, copied.source, false);
    return copied;
  }

  replaceMail(row: TransferRow, mail: NewMailRow): ArrivalRow | RefusedRow {
    const { from, uids, to, quota, now } = row;
    const { mails } = this.#parts;
    const old = mails.owner(from) === mails.owner(to) ? mails.sizeOf(from, uids) : none;
    const more = { bytes: mail.content.size - old.bytes, messages: 1 - old.messages };
    const refusal = refusedFlags([mail]) ?? this.#refusal(to, quota, more);
    if (refusal !== undefined) return refusal;
    const arrived = this.#append(to, [mail], now);
    mails.remove(from, uids, false);
    return arrived;
  }

  storeFlags(
    folder: number,
    uids: readonly number[],
    changes: readonly FlagChangeRow[],
    unchangedSince: number | undefined,
  ): StoreResult | RefusedRow {
    const stored = this.#parts.mails.store(folder, uids, changes, unchangedSince);
    if ('refused' in stored) return stored;
    const { present, modified } = stored;
    const row = this.#sql.changed.get(folder, JSON.stringify(present));
    const messages = mailColumns(row as unknown as readonly unknown[]);
    for (const buffer of columnBuffers(messages)) this.#parts.work.transfer(new Uint8Array(buffer));
    const modseq = this.#sql.highest.get(folder)?.modseq;
    return { modseq: modseq === undefined ? 0 : integer(modseq), messages, modified };
  }

  expungeMarked(
    folder: number,
    uids: readonly number[] | undefined,
  ): { readonly uids: readonly number[]; readonly modseq: number } {
    return this.#parts.mails.remove(folder, uids, true);
  }

  leaveRecent(folder: number, below: number): void {
    this.#sql.leaveRecent.run(folder, below);
  }

  setAcl(folder: number, identifier: string, rights: string): RefusedRow | undefined {
    const account = this.#parts.mails.owner(folder);
    if (account === undefined) return noFolder(folder);
    if (rights === '') this.#sql.deleteAcl.run(folder, identifier);
    else this.#sql.setAcl.run(folder, identifier, rights);
    this.#parts.work.touch({ kind: 'folders', account });
    return undefined;
  }

  annotate(
    account: string,
    folder: number | undefined,
    entries: ReadonlyMap<string, Uint8Array | undefined>,
    now: number,
  ): RefusedRow | undefined {
    if (folder !== undefined && this.#parts.mails.owner(folder) !== account)
      return noFolder(folder);
    const mailbox = this.#mailbox(account, now);
    const place = [mailbox, folder ?? 0] as const;
    const after = new Set(this.#sql.entries.all(...place).map(({ entry }) => text(entry)));
    for (const [entry, value] of entries) {
      if (value === undefined) after.delete(entry);
      else after.add(entry);
      if (value !== undefined && value.length + entry.length > annotationBytesMax)
        return limit(`no annotation over ${annotationBytesMax} octets`);
    }
    if (after.size > annotationsMax) return limit(`no more than ${annotationsMax} annotations`);
    for (const [entry, value] of entries)
      if (value === undefined) this.#sql.removeAnnotation.run(...place, entry);
      else this.#sql.annotate.run(...place, entry, value);
    this.#parts.work.touch({ kind: 'folders', account });
    return undefined;
  }

  #append(folder: number, mails: readonly NewMailRow[], now: number): Arrival {
    const rows = mails.map(({ content, flags, received }) => {
      const { email, size } = this.#parts.emails.insert(content, '');
      return { email, size, received, flags: storedFlags(flags) };
    });
    return this.#parts.mails.append(folder, rows, now)!;
  }

  #copy({ from, uids, to, without, now }: TransferRow): CopyResult {
    const { mails } = this.#parts;
    const { uidValidity, uid, source } = mails.copy(from, uids, to, now)!;
    const target = source.map((_, i) => uid + i);
    if (without.length > 0 && target.length > 0)
      mails.store(to, target, [{ kind: 'remove', flags: without }], undefined);
    return { uidValidity, source, target };
  }

  /** Why nothing more goes into `folder`. */
  #refusal(folder: number, quota: Quota | undefined, more: Quota): RefusedRow | undefined {
    const account = this.#parts.mails.owner(folder);
    if (account === undefined) return noFolder(folder);
    if (quota === undefined || (more.bytes <= 0 && more.messages <= 0)) return undefined;
    const { bytes, messages } = this.#parts.mailboxes.usage(account);
    // Mail that was accepted and is not delivered yet has its room already.
    const queued = this.#parts.rooms.takenBy(account);
    if (
      bytes + queued.bytes + more.bytes <= quota.bytes &&
      messages + queued.messages + more.messages <= quota.messages
    )
      return undefined;
    return { refused: 'over-quota', message: `${account} is over quota` };
  }

  /** RFC 9051 §6.3.6: INBOX stays, empty; its inferiors stay where they are. */
  #moveInbox(mailbox: number, inbox: number, to: string, now: number): void {
    this.#makeSuperiors(mailbox, to, now);
    const folder = this.#insert(mailbox, to, null, now);
    const account = this.#parts.mails.owner(inbox)!;
    const modseq = integer(this.#sql.takeOver.get(inbox, folder)?.modseq);
    const emptied = integer(this.#sql.empty.get(inbox)?.modseq);
    this.#sql.rememberAll.run(inbox, emptied, inbox);
    this.#sql.moveAll.run(folder, modseq, inbox);
    this.#parts.work.touch({ kind: 'messages', folder: inbox, account });
  }

  #makeSuperiors(mailbox: number, path: string, now: number): void {
    for (const superior of superiorsOf(path))
      if (this.#folder(mailbox, superior) === undefined) this.#insert(mailbox, superior, null, now);
  }

  #insert(mailbox: number, path: string, specialUse: string | null, now: number): number {
    const row = this.#sql.nextValidity.get(Math.floor(now / 1000));
    const validity = integer(row?.value);
    const made = this.#sql.insertFolder.run(mailbox, path, specialUse, validity);
    const id = Number(made.lastInsertRowid);
    const above = this.#folder(mailbox, superiorsOf(path).at(-1) ?? '');
    if (above !== undefined) this.#sql.inheritAcl.run(id, above);
    return id;
  }

  #room(mailbox: number, path: string): RefusedRow | undefined {
    if (path.length > pathCharactersMax) return limit('the name is too long');
    const more = superiorsOf(path).length + 1;
    if (integer(this.#sql.countFolders.get(mailbox)?.count) + more <= foldersMax) return undefined;
    return limit(`no more than ${foldersMax} folders`);
  }

  #folder(mailbox: number, path: string): number | undefined {
    const row = this.#sql.folder.get(mailbox, path);
    return row === undefined ? undefined : integer(row.id);
  }

  #inferiors(mailbox: number, path: string): { id: number; path: string }[] {
    return this.#sql.inferiors
      .all(mailbox, path)
      .map((row) => ({ id: integer(row.id), path: text(row.path) }));
  }

  #knownMailbox(account: string): number | undefined {
    const row = this.#sql.mailbox.get(account);
    return row === undefined ? undefined : integer(row.id);
  }

  #mailbox(account: string, now: number): number {
    const known = this.#knownMailbox(account);
    if (known !== undefined) return known;
    this.#parts.mailboxes.ensure(account, now);
    return this.#knownMailbox(account)!;
  }
}

const none: Quota = { bytes: 0, messages: 0 };
