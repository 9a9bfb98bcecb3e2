// What an account's clients are to hear of since they last asked, inside a transaction that somebody
// else holds: the mailbox's count of changes, from which the modseqs of its folders are taken, and
// tombstones of what is gone. account-feed.ts reads it.

import type { DatabaseSync } from 'node:sqlite';
import { type Departed, tombstoneKind } from '../../folders/account-state.ts';
import { tombstonesMax, tombstonesSlack } from '../../folders/folder-limits.ts';
import { integer } from '../../row.ts';
import { prepareArrays } from '../arrays.ts';

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  const { folder, email } = tombstoneKind;
  const next = prepareArrays(
    database,
    'UPDATE mailbox SET modseq = modseq + 1 WHERE id = ? RETURNING modseq',
  );
  const bury = 'INSERT OR IGNORE INTO tombstone (mailbox, modseq, kind, object, created)';
  return {
    next,
    changeFolder: prepare('UPDATE folder SET changed = ? WHERE id = ?'),
    buryFolder: prepare(
      `${bury} SELECT mailbox, ?, ${folder}, id, created FROM folder WHERE id = ?`,
    ),
    buryEmail: prepare(`${bury} VALUES (?, ?, ${email}, ?, ?)`),
    buryEmails: prepare(`
      ${bury} SELECT ?, ?, ${email}, json_extract(value, '$[0]'), json_extract(value, '$[1]')
      FROM json_each(?)`),
    buryContents: prepare(
      `${bury} SELECT ?, ?, ${email}, email, created FROM mail WHERE folder = ?`,
    ),
    count: prepare(`
      UPDATE mailbox SET tombstones = tombstones + ? WHERE id = ? RETURNING tombstones`),
    oldestKept: prepare(`
      SELECT modseq FROM tombstone WHERE mailbox = ? ORDER BY modseq DESC LIMIT 1 OFFSET ?`),
    forget: prepare('DELETE FROM tombstone WHERE mailbox = ? AND modseq < ?'),
    forgotten: prepare(`
      UPDATE mailbox SET tombstones = tombstones - ?, forgotten = max(forgotten, ?) WHERE id = ?`),
    forgetAll: prepare('DELETE FROM tombstone WHERE mailbox = ?'),
  };
}

export class ChangeLog {
  readonly #sql: ReturnType<typeof prepareStatements>;
  /** Of the mailboxes that a change in several steps has come to. */
  #together: Map<number, number> | undefined;

  constructor(database: DatabaseSync) {
    this.#sql = prepareStatements(database);
  }

  /** The modseq of a change that is being made. */
  next(mailbox: number): number {
    const known = this.#together?.get(mailbox);
    if (known !== undefined) return known;
    const row = this.#sql.next.get(mailbox) as unknown as readonly unknown[] | undefined;
    const modseq = integer(row?.[0]);
    this.#together?.set(mailbox, modseq);
    return modseq;
  }

  /** What `change` does is one change of each mailbox, in different folders. */
  together<T>(change: () => T): T {
    this.#together = new Map();
    try {
      return change();
    } finally {
      this.#together = undefined;
    }
  }

  /** Something changed of a folder that is not its messages. */
  folderChanged(mailbox: number, folder: number): void {
    this.#sql.changeFolder.run(this.next(mailbox), folder);
  }

  emailsGone(mailbox: number, modseq: number, departed: readonly Departed[]): void {
    const [first] = departed;
    if (first === undefined) return;
    const { changes } =
      departed.length === 1
        ? this.#sql.buryEmail.run(mailbox, modseq, ...first)
        : this.#sql.buryEmails.run(mailbox, modseq, JSON.stringify(departed));
    this.#count(mailbox, Number(changes));
  }

  /** Before a folder goes, with its messages. */
  folderGoes(mailbox: number, folder: number): void {
    const modseq = this.next(mailbox);
    const emails = Number(this.#sql.buryContents.run(mailbox, modseq, folder).changes);
    this.#count(mailbox, emails + Number(this.#sql.buryFolder.run(modseq, folder).changes));
  }

  /** Before a mailbox goes. */
  mailboxGoes(mailbox: number): void {
    this.#sql.forgetAll.run(mailbox);
  }

  #count(mailbox: number, more: number): void {
    const tombstones = integer(this.#sql.count.get(more, mailbox)?.tombstones);
    if (tombstones <= tombstonesMax + tombstonesSlack) return;
    // What is forgotten is of whole changes: tombstones of one modseq stay or go together.
    const oldest = integer(this.#sql.oldestKept.get(mailbox, tombstonesMax - 1)?.modseq);
    const { changes } = this.#sql.forget.run(mailbox, oldest);
    this.#sql.forgotten.run(Number(changes), oldest - 1, mailbox);
  }
}
