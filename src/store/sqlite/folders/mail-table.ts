// Messages in folders: the rows, the folder's counters and its modseq, which change together, and
// what is remembered of those that are gone. Used by MessageTables and FolderTables inside a
// transaction that somebody else holds. Many messages are one request: lists of UIDs travel to
// SQLite as one JSON text.

import type { DatabaseSync } from 'node:sqlite';
import type { Expunged } from '../../folder-store.ts';
import type { Departed } from '../../folders/account-state.ts';
import type { StoredFlags } from '../../folders/flags.ts';
import {
  addsKeyword,
  changedFlags,
  deletedBit,
  flagsRefusal,
  seenBit,
} from '../../folders/flags.ts';
import { expungesMax, expungesSlack } from '../../folders/folder-limits.ts';
import { integer, text } from '../../row.ts';
import { prepareArrays } from '../arrays.ts';
import type { FlagChangeRow, RefusedRow } from '../requests.ts';
import type { Work } from '../work.ts';
import type { ChangeLog } from './change-log.ts';
import type { EmailTable } from './email-table.ts';

type Rows = readonly (readonly unknown[])[];

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  const columns = (sql: string) => prepareArrays(database, sql);
  const among = 'folder = ? AND uid IN (SELECT value FROM json_each(?))';
  return {
    owner: prepare(`
      SELECT mailbox.address, folder.mailbox FROM folder JOIN mailbox ON mailbox.id = folder.mailbox
      WHERE folder.id = ?`),
    change: columns(`
      UPDATE folder SET modseq = ?, changes = changes + 1, uid_next = uid_next + ?, messages = messages + ?,
        unseen = unseen + ?, deleted = deleted + ?, bytes = bytes + ?, expunges = expunges + ?
      WHERE id = ? RETURNING uid_next, uid_validity, expunges`),
    insertMail: prepare(`
      INSERT INTO mail (folder, uid, email, modseq, flags, keywords, received, saved, size, created)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    flagsOf: columns(`SELECT uid, modseq, flags, keywords FROM mail WHERE ${among} ORDER BY uid`),
    sizesOf: columns(`SELECT uid, flags, size FROM mail WHERE ${among} ORDER BY uid`),
    // ?1 to, ?2 first UID - 1, ?3 modseq, ?4 now, ?5 from, ?6 UIDs, ?7 the mailbox of `to`.
    copyMails: prepare(`
      INSERT INTO mail (folder, uid, email, modseq, flags, keywords, received, saved, size, created)
      SELECT ?1, ?2 + row_number() OVER (ORDER BY uid), email, ?3, flags, keywords, received, ?4,
        size, coalesce(
          (SELECT min(there.created) FROM mail AS there CROSS JOIN folder ON folder.id = there.folder
           WHERE there.email = mail.email AND folder.mailbox = ?7), ?3)
      FROM mail WHERE folder = ?5 AND uid IN (SELECT value FROM json_each(?6))`),
    setFlags: prepare(`UPDATE mail SET flags = ?, keywords = ?, modseq = ? WHERE ${among}`),
    deleteMails: columns(
      `DELETE FROM mail WHERE ${among} RETURNING uid, email, flags, size, created`,
    ),
    deleteMarked: columns(`
      DELETE FROM mail WHERE ${among} AND flags & ${deletedBit}
      RETURNING uid, email, flags, size, created`),
    deleteAllMarked: columns(`
      DELETE FROM mail WHERE folder = ? AND flags & ${deletedBit}
      RETURNING uid, email, flags, size, created`),
    validity: columns('SELECT uid_validity, modseq FROM folder WHERE id = ?'),
    counters: columns('SELECT modseq, deleted FROM folder WHERE id = ?'),
    rememberGone: prepare(`
      INSERT INTO expunged (folder, modseq, uid) SELECT ?, ?, value FROM json_each(?)`),
    oldestKept: columns(`
      SELECT modseq FROM expunged WHERE folder = ? ORDER BY modseq DESC LIMIT 1 OFFSET ?`),
    forgetGone: prepare('DELETE FROM expunged WHERE folder = ? AND modseq < ?'),
    forgotten: prepare(`
      UPDATE folder SET expunges = expunges - ?, forgotten = max(forgotten, ?) WHERE id = ?`),
  };
}

export interface NewMailRow {
  readonly email: number;
  readonly size: number;
  readonly flags: StoredFlags;
  readonly received: number;
  /** When the email came to the account, if not now. */
  readonly created?: number;
}

export interface Arrival {
  readonly uidValidity: number;
  /** UID of the first; the others follow. */
  readonly uid: number;
  readonly modseq: number;
}

interface StoredChange {
  readonly present: readonly number[];
  readonly modified: readonly number[];
}

interface Counts {
  uids: number;
  messages: number;
  unseen: number;
  deleted: number;
  bytes: number;
  expunges: number;
}

const noCounts = { uids: 0, messages: 0, unseen: 0, deleted: 0, bytes: 0, expunges: 0 };

interface Owner {
  readonly address: string;
  readonly mailbox: number;
}

export interface MailTableParts {
  readonly database: DatabaseSync;
  readonly work: Work;
  readonly emails: EmailTable;
  readonly log: ChangeLog;
}

export class MailTable {
  readonly #work: Work;
  readonly #emails: EmailTable;
  readonly #log: ChangeLog;
  readonly #sql: ReturnType<typeof prepareStatements>;
  /** A folder never changes hands, and its number is never another's. */
  readonly #owners = new Map<number, Owner>();

  constructor({ database, work, emails, log }: MailTableParts) {
    this.#work = work;
    this.#emails = emails;
    this.#log = log;
    this.#sql = prepareStatements(database);
  }

  /** Undefined when there is no such folder. */
  append(folder: number, mails: readonly NewMailRow[], now: number): Arrival | undefined {
    const counts = { ...noCounts, uids: mails.length, messages: mails.length };
    for (const { size, flags } of mails) count(counts, flags.bits, size, 1);
    const changed = this.#change(folder, counts);
    if (changed === undefined) return undefined;
    const uid = changed.uidNext - mails.length;
    const { modseq, uidValidity } = changed;
    mails.forEach(({ email, size, flags, received, created = modseq }, i) => {
      this.#sql.insertMail.run(
        ...[folder, uid + i, email, modseq, flags.bits, flags.keywords, received, now, size],
        created,
      );
    });
    return { uidValidity, uid, modseq };
  }

  /** Octets and number of those of `uids` that are there. */
  sizeOf(folder: number, uids: readonly number[]): { bytes: number; messages: number } {
    const rows = this.#sql.sizesOf.all(folder, JSON.stringify(uids)) as unknown as Rows;
    return { bytes: rows.reduce((sum, row) => sum + integer(row[2]), 0), messages: rows.length };
  }

  /** `source` are the UIDs that were there. Undefined when there is no such folder. */
  copy(
    from: number,
    uids: readonly number[],
    to: number,
    now: number,
  ): (Arrival & { readonly source: readonly number[] }) | undefined {
    const list = JSON.stringify(uids);
    const rows = this.#sql.sizesOf.all(from, list) as unknown as Rows;
    const counts = { ...noCounts, uids: rows.length, messages: rows.length };
    for (const [, flags, size] of rows) count(counts, integer(flags), integer(size), 1);
    if (rows.length === 0) return this.#nothing(to);
    const changed = this.#change(to, counts);
    if (changed === undefined) return undefined;
    const uid = changed.uidNext - rows.length;
    this.#sql.copyMails.run(to, uid - 1, changed.modseq, now, from, list, changed.mailbox);
    const source = rows.map((row) => integer(row[0]));
    return { uidValidity: changed.uidValidity, uid, modseq: changed.modseq, source };
  }

  /** Of all, or of `uids`; with `marked` only those that have \Deleted. */
  remove(folder: number, uids: readonly number[] | undefined, marked: boolean): Expunged {
    const before = this.#sql.counters.get(folder) as unknown as readonly unknown[] | undefined;
    if (before === undefined) return { uids: [], modseq: 0 };
    const none = { uids: [], modseq: integer(before[0]) };
    if (marked && integer(before[1]) === 0) return none;
    const rows = this.#deleteRows(folder, uids, marked);
    if (rows.length === 0) return none;
    const counts = { ...noCounts, messages: -rows.length, expunges: rows.length };
    for (const [, , flags, size] of rows) count(counts, integer(flags), integer(size), -1);
    const { modseq, mailbox, expunges } = this.#change(folder, counts)!;
    const departed = rows.map(
      ([, email, , , created]): Departed => [integer(email), integer(created)],
    );
    this.#log.emailsGone(mailbox, modseq, departed);
    for (const [email] of departed) this.#emails.release(email);
    const gone = rows.map((row) => integer(row[0])).sort((a, b) => a - b);
    this.#sql.rememberGone.run(folder, modseq, JSON.stringify(gone));
    if (expunges > expungesMax + expungesSlack) this.#forget(folder);
    return { uids: gone, modseq };
  }

  /**
   * UIDs left alone since they changed after `unchangedSince`; those there are, ascending. What one
   * of them cannot have is refused for all: then nothing has changed.
   */
  store(
    folder: number,
    uids: readonly number[],
    changes: readonly FlagChangeRow[],
    unchangedSince = Number.MAX_SAFE_INTEGER,
  ): StoredChange | RefusedRow {
    const present: number[] = [];
    const modified: number[] = [];
    const outcomes = new Map<string, { after: StoredFlags; same: boolean; uids: number[] }>();
    const counts = { ...noCounts };
    let changed = 0;
    const rows = this.#sql.flagsOf.all(folder, JSON.stringify(uids)) as unknown as Rows;
    for (const [uid, modseq, flags, words] of rows) {
      if (integer(modseq) > unchangedSince) {
        modified.push(integer(uid));
        continue;
      }
      present.push(integer(uid));
      const before = { bits: integer(flags), keywords: text(words) };
      const key = `${before.bits} ${before.keywords}`;
      let outcome = outcomes.get(key);
      if (outcome === undefined) {
        const after = changes.reduce(changedFlags, before);
        // What has too many already, however it came to them, may lose some.
        const refusal = flagsRefusal(after);
        if (refusal !== undefined && addsKeyword(before, after))
          return { refused: 'limit', message: refusal };
        const same = after.bits === before.bits && after.keywords === before.keywords;
        outcome = { after, same, uids: [] };
        outcomes.set(key, outcome);
      }
      if (outcome.same) continue;
      changed += 1;
      outcome.uids.push(integer(uid));
      count(counts, before.bits, 0, -1);
      count(counts, outcome.after.bits, 0, 1);
    }
    if (changed > 0) {
      const { modseq } = this.#change(folder, counts)!;
      for (const { after, uids: list } of outcomes.values())
        if (list.length > 0)
          this.#sql.setFlags.run(
            ...[after.bits, after.keywords, modseq, folder, JSON.stringify(list)],
          );
    }
    return { present, modified };
  }

  /** The account's address. Undefined when there is no such folder. */
  owner(folder: number): string | undefined {
    return this.#ownerNow(folder)?.address;
  }

  /** Undefined when there is no such folder. */
  mailbox(folder: number): number | undefined {
    return this.#ownerNow(folder)?.mailbox;
  }

  #ownerNow(folder: number): Owner | undefined {
    const row = this.#sql.owner.get(folder);
    return row && { address: text(row.address), mailbox: integer(row.mailbox) };
  }

  /** Of a folder that is there; or was, and then there is nothing of it to change. */
  #knownOwner(folder: number): Owner | undefined {
    const known = this.#owners.get(folder);
    if (known !== undefined) return known;
    const owner = this.#ownerNow(folder);
    if (owner === undefined) return undefined;
    if (this.#owners.size >= ownersMax) this.#owners.clear();
    this.#owners.set(folder, owner);
    // Rolled back, the number may become another's.
    this.#work.undo(() => this.#owners.delete(folder));
    return owner;
  }

  /** The counters of a folder, with a new modseq. Undefined when there is no such folder. */
  #change(folder: number, counts: Counts) {
    const { uids, messages, unseen, deleted, bytes, expunges } = counts;
    const owner = this.#knownOwner(folder);
    if (owner === undefined) return undefined;
    const { address: account, mailbox } = owner;
    const modseq = this.#log.next(mailbox);
    const row = this.#sql.change.get(
      ...[modseq, uids, messages, unseen, deleted, bytes, expunges, folder],
    ) as unknown as readonly unknown[] | undefined;
    if (row === undefined) return undefined;
    this.#work.touch({ kind: 'messages', folder, account });
    const [uidNext, uidValidity, remembered] = row.map(integer) as [number, number, number];
    return { uidNext, modseq, mailbox, uidValidity, expunges: remembered };
  }

  #nothing(folder: number): (Arrival & { readonly source: readonly number[] }) | undefined {
    const row = this.#sql.validity.get(folder) as unknown as readonly unknown[] | undefined;
    if (row === undefined) return undefined;
    return { uidValidity: integer(row[0]), uid: 0, modseq: integer(row[1]), source: [] };
  }

  #deleteRows(folder: number, uids: readonly number[] | undefined, marked: boolean): Rows {
    const rows =
      uids === undefined
        ? this.#sql.deleteAllMarked.all(folder)
        : (marked ? this.#sql.deleteMarked : this.#sql.deleteMails).all(
            folder,
            JSON.stringify(uids),
          );
    return rows as unknown as Rows;
  }

  /** What is forgotten is of whole operations: those of one modseq stay or go together. */
  #forget(folder: number): void {
    const row = this.#sql.oldestKept.get(folder, expungesMax - 1);
    const oldest = integer((row as unknown as readonly unknown[] | undefined)?.[0]);
    const { changes } = this.#sql.forgetGone.run(folder, oldest);
    this.#sql.forgotten.run(Number(changes), oldest - 1, folder);
  }
}

// Limit: folders whose owners are kept in memory.
const ownersMax = 50_000;

function count(counts: Counts, bits: number, size: number, by: 1 | -1): void {
  if ((bits & seenBit) === 0) counts.unseen += by;
  if ((bits & deletedBit) !== 0) counts.deleted += by;
  counts.bytes += by * size;
}
