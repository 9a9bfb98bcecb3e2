// Emails: what never changes of a stored message. Copies in other folders share one, and it goes, with
// its content, when the last of them does. Its number is never used again.

import type { DatabaseSync } from 'node:sqlite';
import { decodeEncodedWords } from '../../mail/encoded-word.ts';
import { headerValue, parseHeader } from '../../mail/header.ts';
import { ContentError } from '../content.ts';
import type { ContentTable } from './content-table.ts';
import type { ReadHead } from './message-source.ts';
import type { ContentRow } from './requests.ts';
import { blob, integer, type Row, text, textOrNull } from './row.ts';
import type { Work } from './work.ts';

// Limit: how much of a message is looked at for From and Subject, and how much of them is kept.
const headBytesMax = 32 * 2 ** 10;
const listingTextMax = 300;
// Ids are reserved in blocks, so that an append does not write a counter.
const idsPerBlock = 1000;

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  return {
    reserveIds: prepare(`UPDATE meta SET value = value + ? WHERE name = 'email' RETURNING value`),
    insertEmail: prepare(
      'INSERT INTO email (id, content, sender, subject, prefix) VALUES (?, ?, ?, ?, ?)',
    ),
    listedBefore: prepare(`SELECT value FROM meta WHERE name = 'listed_by_0_1'`),
    head: prepare('SELECT file, substr(bytes, 1, ?) AS bytes FROM content WHERE id = ?'),
    anyMail: prepare('SELECT 1 FROM mail WHERE email = ? LIMIT 1'),
    deleteEmail: prepare('DELETE FROM email WHERE id = ? RETURNING content'),
  };
}

/** What is known of a content, for listings. */
interface Head {
  readonly content: number;
  readonly size: number;
  readonly from: string;
  readonly subject: string;
}

export interface Email extends Head {
  readonly email: number;
}

export interface EmailTableParts {
  readonly database: DatabaseSync;
  readonly work: Work;
  readonly contents: ContentTable;
  /** The content row of a queued message, for sharing. */
  readonly share: (key: number) => number;
  /** The first octets of a content file. */
  readonly readHead: ReadHead;
}

export class EmailTable {
  readonly #parts: EmailTableParts;
  readonly #sql: ReturnType<typeof prepareStatements>;
  /** Up to this one they are listed as version 0.1 read them. */
  readonly #lastListedBefore: number;
  #nextId = 0;
  #idsEnd = 0;
  #lastHead: Head | undefined;
  readonly #contentIds = new WeakMap<ContentRow, number>();

  constructor(parts: EmailTableParts) {
    this.#parts = parts;
    this.#sql = prepareStatements(parts.database);
    this.#lastListedBefore = integer(this.#sql.listedBefore.get()?.value ?? 0);
  }

  /** `content` is a row, or the key of the queue's message whose content is shared. */
  insert(content: ContentRow | number, prefix: string): Email {
    const inserted = typeof content === 'number' ? undefined : content;
    const id = typeof content === 'number' ? this.#parts.share(content) : this.#contentId(content);
    const head = this.#head(id, inserted);
    const email = this.#newId();
    this.#sql.insertEmail.run(email, id, head.from, head.subject, prefix);
    const size = prefix === '' ? head.size : Buffer.byteLength(prefix) + head.size;
    return { ...head, email, size };
  }

  /** `row` has email, content, sender, and subject. */
  listing(row: Row): Pick<Head, 'from' | 'subject'> {
    const listed = { from: text(row.sender), subject: text(row.subject) };
    if (integer(row.email) > this.#lastListedBefore) return listed;
    const found = this.#sql.head.get(headBytesMax, integer(row.content));
    const file = found === undefined ? null : textOrNull(found.file);
    const head = file === null ? blob(found?.bytes ?? new Uint8Array(0)) : this.#headOfFile(file);
    return head.length === 0 ? listed : listingOf(head);
  }

  /** After a message that referred to it went. */
  release(email: number): void {
    if (this.#sql.anyMail.get(email) !== undefined) return;
    const content = this.#sql.deleteEmail.get(email)?.content;
    if (content !== undefined) this.#parts.contents.release(integer(content));
  }

  /** A settlement may put the same content, as one object, into many mailboxes one after the other. */
  #contentId(content: ContentRow): number {
    const known = this.#contentIds.get(content);
    if (known !== undefined) return known;
    const id = this.#parts.contents.insert(content);
    this.#contentIds.set(content, id);
    this.#parts.work.undo(() => this.#contentIds.delete(content));
    return id;
  }

  #newId(): number {
    if (this.#nextId >= this.#idsEnd) {
      const end = integer(this.#sql.reserveIds.get(idsPerBlock)?.value) + 1;
      this.#nextId = end - idsPerBlock;
      this.#idsEnd = end;
      // Rolled back, the block is nobody's.
      this.#parts.work.undo(() => {
        this.#idsEnd = 0;
      });
    }
    this.#nextId += 1;
    return this.#nextId - 1;
  }

  /** Read once for all the mailboxes that share it: content rows are never renumbered. */
  #head(content: number, inserted: ContentRow | undefined): Head {
    if (this.#lastHead?.content === content) return this.#lastHead;
    const { size, bytes, file } = inserted ?? this.#parts.contents.read(content);
    const head = bytes?.subarray(0, headBytesMax) ?? this.#headOfFile(file ?? '');
    const read = { content, size, ...listingOf(head) };
    this.#lastHead = read;
    // Rolled back, the number will be another content's.
    this.#parts.work.undo(() => {
      this.#lastHead = undefined;
    });
    return read;
  }

  /** Mail whose file has gone bad is listed without a sender; nothing else waits for it. */
  #headOfFile(file: string): Uint8Array {
    try {
      return this.#parts.readHead(file, headBytesMax);
    } catch (error) {
      if (error instanceof ContentError) return new Uint8Array(0);
      throw error;
    }
  }
}

function listingOf(head: Uint8Array): Pick<Head, 'from' | 'subject'> {
  const fields = parseHeader(head, { bytesMax: headBytesMax, fieldsMax: 500 });
  const from = listingText(headerValue(fields, 'from'));
  return { from, subject: listingText(headerValue(fields, 'subject')) };
}

const listingText = (value: string | undefined): string =>
  value === undefined ? '' : decodeEncodedWords(value).slice(0, listingTextMax).trim();
