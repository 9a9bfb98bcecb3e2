// Whole messages, and their headers, as the reader needs them to derive something from them. Where the
// file of one is not as it was written, something stands in for it that says so: its folder is listed
// and sorted all the same.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { findHeaderEnd, headerBytesMax, headerEndWithin } from '../../mail/header/header.ts';
import { ContentError } from '../content.ts';
import { blob, integer, text, textOrNull } from '../row.ts';
import { standIn } from '../search/stand-in.ts';
import { prepareArrays } from './arrays.ts';

/** The first octets of a file in the spool, which is to have `size`. @throws ContentError */
export type ReadHead = (file: string, bytesMax: number, size?: number) => Uint8Array;

// Limit: what is looked for a header at first; most are shorter.
const firstLookBytes = 16 * 2 ** 10;

export class MessageSource {
  readonly #readHead: ReadHead;
  readonly #whole: StatementSync;
  readonly #head: StatementSync;
  readonly #listed: StatementSync;

  constructor(database: DatabaseSync, readHead: ReadHead) {
    this.#readHead = readHead;
    this.#whole = prepareArrays(
      database,
      `
      SELECT email.prefix, content.size, content.file, content.bytes
      FROM email JOIN content ON content.id = email.content WHERE email.id = ?`,
    );
    this.#head = prepareArrays(
      database,
      `
      SELECT email.prefix, content.size, content.file, substr(content.bytes, 1, ?)
      FROM email JOIN content ON content.id = email.content WHERE email.id = ?`,
    );
    this.#listed = database.prepare('SELECT sender, subject FROM email WHERE id = ?');
  }

  /** As it is, or what stands in for it. Undefined when it is gone. */
  message(email: number): Uint8Array | undefined {
    const found = this.find(email);
    return found === 'unreadable' ? this.#standIn(email) : found;
  }

  /** Undefined when it is gone. */
  find(email: number): Uint8Array | 'unreadable' | undefined {
    const row = this.#whole.get(email) as unknown as readonly unknown[] | undefined;
    try {
      return row === undefined ? undefined : this.#octets(row);
    } catch (error) {
      if (error instanceof ContentError) return 'unreadable';
      throw error;
    }
  }

  /** The header with its empty line; the first MiB of it. */
  header(email: number): Uint8Array | undefined {
    try {
      return this.#header(email);
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
      const standIn = this.#standIn(email);
      return standIn.slice(0, findHeaderEnd(standIn));
    }
  }

  #header(email: number): Uint8Array | undefined {
    for (const bytesMax of [firstLookBytes, headerBytesMax]) {
      const row = this.#head.get(bytesMax, email);
      if (row === undefined) return undefined;
      const head = this.#octets(row as unknown as readonly unknown[], bytesMax);
      const end = head.length < bytesMax ? findHeaderEnd(head) : headerEndWithin(head);
      if (end !== undefined) return head.slice(0, end);
    }
    return this.message(email)?.slice(0, headerBytesMax);
  }

  #octets(row: readonly unknown[], bytesMax?: number): Uint8Array {
    const [prefix, size, file, bytes] = row;
    const name = textOrNull(file);
    const content = name === null ? blob(bytes) : this.#headOf(name, integer(size), bytesMax);
    return prefix === '' ? content : Buffer.concat([Buffer.from(text(prefix)), content]);
  }

  #headOf(file: string, size: number, bytesMax = size): Uint8Array {
    return this.#readHead(file, Math.min(size, bytesMax), size);
  }

  /** What is known of it without its file. */
  #standIn(email: number): Uint8Array {
    const { sender, subject } = this.#listed.get(email) ?? {};
    return standIn({ from: text(sender ?? ''), subject: text(subject ?? '') });
  }
}
