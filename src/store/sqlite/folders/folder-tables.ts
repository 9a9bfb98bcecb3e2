// What is done with folders: what FolderStore promises to change of them, inside a transaction that
// somebody else holds. Everything is checked before anything is written, so that a refusal is an
// answer like any other and fails nobody else's request.

import type { DatabaseSync } from 'node:sqlite';
import {
  aclEntriesMax,
  annotationBytesMax,
  annotationsMax,
  foldersMax,
  pathCharactersMax,
  subscriptionsMax,
} from '../../folders/folder-limits.ts';
import { folderPath, superiorsOf } from '../../folders/folder-path.ts';
import { changeRights } from '../../folders/rights.ts';
import { integer, text } from '../../row.ts';
import { exists, limit, noFolder } from '../refusal.ts';
import type { FolderRequests, RefusedRow } from '../requests.ts';
import type { Work } from '../work.ts';
import type { ChangeLog } from './change-log.ts';
import type { MailTable } from './mail-table.ts';
import type { FolderChange, MailboxTable } from './mailbox-table.ts';

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  return {
    // What is inferior to 'a' lies between 'a/' and 'a0': '0' follows '/'.
    inferiors: prepare(`
      SELECT id, path FROM folder
      WHERE mailbox = ?1 AND path >= ?2 || '/' AND path < ?2 || '0' ORDER BY path`),
    countFolders: prepare('SELECT count(*) AS count FROM folder WHERE mailbox = ?'),
    setPath: prepare('UPDATE folder SET path = ?, changed = ? WHERE id = ?'),
    moveAll: prepare('UPDATE mail SET folder = ?, modseq = ? WHERE folder = ?'),
    takeOver: prepare(`
      UPDATE folder SET (uid_next, recent_from, modseq, messages, unseen, deleted, bytes) = (
        SELECT uid_next, recent_from, ?3, messages, unseen, deleted, bytes
        FROM folder WHERE id = ?1)
      WHERE id = ?2`),
    empty: prepare(`
      UPDATE folder SET modseq = ?, changes = changes + 1, expunges = expunges + messages, messages = 0,
        unseen = 0, deleted = 0, bytes = 0
      WHERE id = ?`),
    rememberAll: prepare(`
      INSERT INTO expunged (folder, modseq, uid) SELECT ?, ?, uid FROM mail WHERE folder = ?`),
    leaveRecent: prepare('UPDATE folder SET recent_from = ?2 WHERE id = ?1 AND recent_from < ?2'),
    countSubscriptions: prepare('SELECT count(*) AS count FROM subscription WHERE mailbox = ?'),
    subscribe: prepare('INSERT OR IGNORE INTO subscription (mailbox, path) VALUES (?, ?)'),
    unsubscribe: prepare('DELETE FROM subscription WHERE mailbox = ? AND path = ?'),
    acl: prepare(`
      SELECT count(*) AS count, coalesce(max(rights) FILTER (WHERE identifier = ?2), '') AS rights
      FROM acl WHERE folder = ?1`),
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
  readonly mails: MailTable;
  readonly mailboxes: MailboxTable;
  readonly log: ChangeLog;
}

export class FolderTables implements FolderRequests {
  readonly #parts: FolderTablesParts;
  readonly #sql: ReturnType<typeof prepareStatements>;

  constructor(parts: FolderTablesParts) {
    this.#parts = parts;
    this.#sql = prepareStatements(parts.database);
  }

  ensure(account: string, now: number): void {
    this.#parts.mailboxes.ensure(account, now);
  }

  removeMailbox(account: string): void {
    this.#parts.mailboxes.remove(account);
  }

  createFolder(
    account: string,
    name: string,
    specialUse: string | null,
    now: number,
  ): number | RefusedRow {
    const path = folderPath(name);
    const mailbox = this.#mailbox(account, now);
    if (this.#parts.mailboxes.folder(mailbox, path) !== undefined) return exists(path);
    const tooMany = this.#room(mailbox, path);
    if (tooMany !== undefined) return tooMany;
    const change = { modseq: this.#parts.log.next(mailbox), now };
    this.#makeSuperiors(mailbox, path, change);
    this.#parts.work.touch({ kind: 'folders', account });
    return this.#parts.mailboxes.insertFolder(mailbox, path, specialUse, change);
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
    const source = this.#parts.mailboxes.folder(mailbox, from);
    const inferiors = from === 'INBOX' ? [] : this.#inferiors(mailbox, from);
    if (source === undefined && inferiors.length === 0) return noFolder(from);
    if (this.#parts.mailboxes.folder(mailbox, to) !== undefined) return exists(to);
    const moved = inferiors.map(({ id, path }) => ({
      ...{ id, length: path.length, path: to + path.slice(from.length) },
    }));
    if (source !== undefined) moved.push({ id: source, length: from.length, path: to });
    const longest = moved.reduce((long, { path }) => (path.length > long.length ? path : long), to);
    const tooMany = this.#room(mailbox, longest);
    if (tooMany !== undefined) return tooMany;
    const moving = new Set(moved.map(({ id }) => id));
    for (const { path } of moved) {
      const there = this.#parts.mailboxes.folder(mailbox, path);
      if (there !== undefined && !moving.has(there)) return exists(path);
    }
    if (from === 'INBOX') this.#moveInbox(mailbox, source!, to, now);
    else {
      // No path may be taken by one that has yet to move away.
      const deeper = to.startsWith(`${from}/`) ? -1 : 1;
      moved.sort((a, b) => deeper * (a.length - b.length));
      const modseq = this.#parts.log.next(mailbox);
      for (const { id, path } of moved) this.#sql.setPath.run(path, modseq, id);
      this.#makeSuperiors(mailbox, to, { modseq, now });
    }
    this.#parts.work.touch({ kind: 'folders', account });
    return undefined;
  }

  removeFolder(account: string, name: string): RefusedRow | undefined {
    const path = folderPath(name);
    const mailbox = this.#parts.mailboxes.find(account);
    const folder = mailbox === undefined ? undefined : this.#parts.mailboxes.folder(mailbox, path);
    // RFC 9051 §6.3.5: INBOX cannot be deleted.
    if (mailbox === undefined || folder === undefined || path === 'INBOX') return noFolder(path);
    this.#sql.removeAnnotations.run(mailbox, folder);
    this.#parts.mailboxes.removeFolder(mailbox, folder);
    this.#parts.work.touch({ kind: 'folders', account });
    return undefined;
  }

  subscribe(account: string, path: string, on: boolean, now: number): RefusedRow | undefined {
    const mailbox = on ? this.#mailbox(account, now) : this.#parts.mailboxes.find(account);
    if (mailbox === undefined) return undefined;
    const name = folderPath(path);
    if (!on) this.#subscribed(mailbox, name, this.#sql.unsubscribe.run(mailbox, name));
    else {
      if (path.length > pathCharactersMax) return limit('the name is too long');
      if (integer(this.#sql.countSubscriptions.get(mailbox)?.count) >= subscriptionsMax)
        return limit(`no more than ${subscriptionsMax} subscriptions`);
      this.#subscribed(mailbox, name, this.#sql.subscribe.run(mailbox, name));
    }
    this.#parts.work.touch({ kind: 'folders', account });
    return undefined;
  }

  leaveRecent(folder: number, below: number): void {
    this.#sql.leaveRecent.run(folder, below);
  }

  setAcl(
    ...[folder, identifier, by, modify]: Parameters<FolderRequests['setAcl']>
  ): RefusedRow | undefined {
    const { mails, log } = this.#parts;
    const account = mails.owner(folder);
    const mailbox = mails.mailbox(folder);
    if (account === undefined || mailbox === undefined) return noFolder(folder);
    const row = this.#sql.acl.get(folder, identifier);
    const before = text(row?.rights);
    const rights = changeRights(before, modify, by);
    if (before === '' && rights !== '' && integer(row?.count) >= aclEntriesMax)
      return limit('the access list is full');
    if (rights === '') this.#sql.deleteAcl.run(folder, identifier);
    else this.#sql.setAcl.run(folder, identifier, rights);
    log.folderChanged(mailbox, folder);
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
    if (folder !== undefined) this.#parts.log.folderChanged(mailbox, folder);
    this.#parts.work.touch({ kind: 'folders', account });
    return undefined;
  }

  /** A name need not be a folder's. */
  #subscribed(mailbox: number, path: string, { changes }: { changes: number | bigint }): void {
    if (Number(changes) === 0) return;
    const { mailboxes, log } = this.#parts;
    const folder = mailboxes.folder(mailbox, path);
    if (folder === undefined) log.next(mailbox);
    else log.folderChanged(mailbox, folder);
  }

  /** RFC 9051 §6.3.6: INBOX stays, empty; its inferiors stay where they are. */
  #moveInbox(mailbox: number, inbox: number, to: string, now: number): void {
    const modseq = this.#parts.log.next(mailbox);
    this.#makeSuperiors(mailbox, to, { modseq, now });
    const folder = this.#parts.mailboxes.insertFolder(mailbox, to, null, { modseq, now });
    const account = this.#parts.mails.owner(inbox)!;
    this.#sql.takeOver.run(inbox, folder, modseq);
    this.#sql.empty.run(modseq, inbox);
    this.#sql.rememberAll.run(inbox, modseq, inbox);
    this.#sql.moveAll.run(folder, modseq, inbox);
    this.#parts.work.touch({ kind: 'messages', folder: inbox, account });
  }

  #makeSuperiors(mailbox: number, path: string, change: FolderChange): void {
    for (const superior of superiorsOf(path))
      if (this.#parts.mailboxes.folder(mailbox, superior) === undefined)
        this.#parts.mailboxes.insertFolder(mailbox, superior, null, change);
  }

  #room(mailbox: number, path: string): RefusedRow | undefined {
    if (path.length > pathCharactersMax) return limit('the name is too long');
    const more = superiorsOf(path).length + 1;
    if (integer(this.#sql.countFolders.get(mailbox)?.count) + more <= foldersMax) return undefined;
    return limit(`no more than ${foldersMax} folders`);
  }

  #inferiors(mailbox: number, path: string): { id: number; path: string }[] {
    return this.#sql.inferiors
      .all(mailbox, path)
      .map((row) => ({ id: integer(row.id), path: text(row.path) }));
  }

  #mailbox(account: string, now: number): number {
    const { mailboxes } = this.#parts;
    return mailboxes.find(account) ?? mailboxes.ensure(account, now);
  }
}
