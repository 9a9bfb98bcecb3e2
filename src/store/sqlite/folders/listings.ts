// Messages as they are listed: who they are from and what about. Read when a message is stored, and
// kept beside it.

import type { DatabaseSync } from 'node:sqlite';
import { ContentError } from '../../content.ts';
import type { ListedMessage } from '../../folder-store.ts';
import { type Listing, listedBytesMax, listedRow, listingOf } from '../../folders/listing.ts';
import { blob, integer, type Row, text, textOrNull } from '../../row.ts';
import type { ReadHead } from '../message-source.ts';

/** Mail whose file has gone bad is listed without a sender; nothing else waits for it. */
export function listedHead(readHead: ReadHead, file: string): Uint8Array {
  try {
    return readHead(file, listedBytesMax);
  } catch (error) {
    if (error instanceof ContentError) return new Uint8Array(0);
    throw error;
  }
}

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  const columns = `mail.folder, mail.uid, mail.email, mail.modseq, mail.flags, mail.keywords,
    mail.received, mail.saved, mail.size, email.content, email.sender, email.subject`;
  return {
    list: prepare(`
      SELECT ${columns} FROM mail JOIN email ON email.id = mail.email
      WHERE mail.folder = ? AND mail.uid > ? ORDER BY mail.uid LIMIT ?`),
    copies: prepare(`
      SELECT ${columns}
      FROM email CROSS JOIN mail ON mail.email = email.id CROSS JOIN folder ON folder.id = mail.folder
      CROSS JOIN mailbox ON mailbox.id = folder.mailbox
      WHERE email.id = ? AND mailbox.address = ? ORDER BY mail.folder, mail.uid`),
    listedBefore: prepare(`SELECT value FROM meta WHERE name = 'listed_by_0_1'`),
    head: prepare('SELECT file, substr(bytes, 1, ?) AS bytes FROM content WHERE id = ?'),
  };
}

export class Listings {
  readonly #readHead: ReadHead;
  readonly #sql: ReturnType<typeof prepareStatements>;
  /** Up to this email they are listed as version 0.1 read them. */
  readonly #lastListedBefore: number;

  constructor(database: DatabaseSync, readHead: ReadHead) {
    this.#readHead = readHead;
    this.#sql = prepareStatements(database);
    this.#lastListedBefore = integer(this.#sql.listedBefore.get()?.value ?? 0);
  }

  list(folder: number, after: number, limit: number): readonly ListedMessage[] {
    return this.#sql.list.all(folder, after, limit).map((row) => this.#messageOf(row));
  }

  copies(account: string, email: number): readonly ListedMessage[] {
    return this.#sql.copies.all(email, account).map((row) => this.#messageOf(row));
  }

  #messageOf(row: Row): ListedMessage {
    return { ...listedRow(row), ...this.#listing(row) };
  }

  #listing(row: Row): Listing {
    const listed = { from: text(row.sender), subject: text(row.subject) };
    if (integer(row.email) > this.#lastListedBefore) return listed;
    const found = this.#sql.head.get(listedBytesMax, integer(row.content));
    const file = found === undefined ? null : textOrNull(found.file);
    const head =
      file === null ? blob(found?.bytes ?? new Uint8Array(0)) : listedHead(this.#readHead, file);
    return head.length === 0 ? listed : listingOf(head);
  }
}
