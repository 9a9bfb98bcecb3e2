// What takes the place of messages whose content is lost, inside a transaction that somebody else holds.
// RFC 9051 §2.3.1.1: a UID never changes its message, so that it is a new one, and the old is expunged.

import type { DatabaseSync } from 'node:sqlite';
import { formatDate } from '../../mail/fields/date.ts';
import { encodeHeaderText } from '../../mail/fields/encoded-word.ts';
import { foldHeader } from '../../mail/header/header.ts';
import type { Row } from '../row.ts';
import { integer, text } from '../row.ts';
import type { EmailTable } from './folders/email-table.ts';
import type { MailTable } from './folders/mail-table.ts';
import type { RepairRequests } from './requests.ts';

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  return {
    file: prepare('SELECT file, size FROM content WHERE id = ? AND file IS NOT NULL'),
    emails: prepare('SELECT id, sender, subject, prefix FROM email WHERE content = ? ORDER BY id'),
    mails: prepare(`
      SELECT folder, uid, flags, keywords, received FROM mail
      WHERE email = ? ORDER BY folder, uid`),
  };
}

export interface ContentRepairParts {
  readonly database: DatabaseSync;
  readonly emails: EmailTable;
  readonly mails: MailTable;
}

export class ContentRepair implements RepairRequests {
  readonly #parts: ContentRepairParts;
  readonly #sql: ReturnType<typeof prepareStatements>;

  constructor(parts: ContentRepairParts) {
    this.#parts = parts;
    this.#sql = prepareStatements(parts.database);
  }

  contentFile(content: number): { key: string; size: number } | undefined {
    const row = this.#sql.file.get(content);
    return row === undefined ? undefined : { key: text(row.file), size: integer(row.size) };
  }

  replaceContent(content: number, now: number): number {
    let replaced = 0;
    for (const email of this.#sql.emails.all(content)) replaced += this.#replace(email, now);
    return replaced;
  }

  #replace(old: Row, now: number): number {
    const { emails, mails } = this.#parts;
    const rows = this.#sql.mails.all(integer(old.id));
    const [first] = rows;
    if (first === undefined) return 0;
    const bytes = noticeOf(old, integer(first.received), now);
    const content = { bytes, size: bytes.length, file: null };
    const { email, size } = emails.insert(content, text(old.prefix));
    // When it came to each account whose folders it is in.
    const came = new Map<number | undefined, number>();
    for (const { folder, uid, flags, keywords, received } of rows) {
      const kept = { bits: integer(flags), keywords: text(keywords) };
      const mailbox = mails.mailbox(integer(folder));
      const created = came.get(mailbox);
      const mail = { email, size, flags: kept, received: integer(received) };
      const row = created === undefined ? mail : { ...mail, created };
      const arrived = mails.append(integer(folder), [row], now);
      if (created === undefined && arrived !== undefined) came.set(mailbox, arrived.modseq);
      mails.remove(integer(folder), [integer(uid)], false);
    }
    return rows.length;
  }
}

/** RFC 5322 §3.3: no year before 1900 is written. APPEND takes any date. */
const firstWritten = Date.UTC(1900, 0, 1);

function noticeOf({ sender, subject }: Row, received: number, now: number): Buffer {
  const field = (name: string, value: string) =>
    value === '' ? '' : foldHeader(name, encodeHeaderText(value));
  const header =
    field('From', text(sender)) +
    field('Subject', text(subject)) +
    field('Date', formatDate(Math.max(received, firstWritten))) +
    field('MIME-Version', '1.0') +
    field('Content-Type', 'text/plain; charset=us-ascii');
  return Buffer.from(
    `${header}
The content of this message was lost on the server; sender and subject are
all that is left of it. The postmaster gave it up on ${new Date(now).toISOString().slice(0, 10)}.
`.replace(/\r?\n/g, '\r\n'),
  );
}
