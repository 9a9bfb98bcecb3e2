// Emails: what never changes of a stored message. Copies in other folders share one, and it goes, with
// its content, when the last of them does. Its number is never used again.

import type { DatabaseSync } from 'node:sqlite';
import { type Listing, listedBytesMax, listingOf } from '../../folders/listing.ts';
import { integer } from '../../row.ts';
import type { ContentTable } from '../content-table.ts';
import type { ReadHead } from '../message-source.ts';
import type { ContentRow } from '../requests.ts';
import type { Work } from '../work.ts';
import { listedHead } from './listings.ts';

// Ids are reserved in blocks, so that an append does not write a counter.
const idsPerBlock = 1000;

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  return {
    reserveIds: prepare(`UPDATE meta SET value = value + ? WHERE name = 'email' RETURNING value`),
    insertEmail: prepare(
      'INSERT INTO email (id, content, sender, subject, prefix) VALUES (?, ?, ?, ?, ?)',
    ),
    anyMail: prepare('SELECT 1 FROM mail WHERE email = ? LIMIT 1'),
    deleteEmail: prepare('DELETE FROM email WHERE id = ? RETURNING content'),
  };
}

/** What is known of a content, for listings. */
interface Head extends Listing {
  readonly content: number;
  readonly size: number;
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
  #nextId = 0;
  #idsEnd = 0;
  #lastHead: Head | undefined;
  readonly #contentIds = new WeakMap<ContentRow, number>();

  constructor(parts: EmailTableParts) {
    this.#parts = parts;
    this.#sql = prepareStatements(parts.database);
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
    const head = bytes?.subarray(0, listedBytesMax) ?? listedHead(this.#parts.readHead, file ?? '');
    const read = { content, size, ...listingOf(head) };
    this.#lastHead = read;
    // Rolled back, the number will be another content's.
    this.#parts.work.undo(() => {
      this.#lastHead = undefined;
    });
    return read;
  }
}
