// Whole messages, and their headers, as the reader needs them to derive something from them.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { findHeaderEnd, headerBytesMax } from '../../mail/header.ts';
import { blob, integer, text, textOrNull } from './row.ts';

/** The first octets of a file in the spool. */
export type ReadHead = (file: string, bytesMax: number) => Uint8Array;

// Limit: what is looked for a header at first; most are shorter.
const firstLookBytes = 16 * 2 ** 10;

export class MessageSource {
  readonly #readHead: ReadHead;
  readonly #whole: StatementSync;
  readonly #head: StatementSync;

  constructor(database: DatabaseSync, readHead: ReadHead) {
    this.#readHead = readHead;
    this.#whole = database.prepare(`
      SELECT email.prefix, content.size, content.file, content.bytes
      FROM email JOIN content ON content.id = email.content WHERE email.id = ?`);
    this.#whole.setReturnArrays(true);
    this.#head = database.prepare(`
      SELECT email.prefix, content.size, content.file, substr(content.bytes, 1, ?)
      FROM email JOIN content ON content.id = email.content WHERE email.id = ?`);
    this.#head.setReturnArrays(true);
  }

  /** Undefined when it is gone. */
  message(email: number): Uint8Array | undefined {
    const row = this.#whole.get(email);
    return row === undefined ? undefined : this.#octets(row as unknown as readonly unknown[]);
  }

  /** The header with its empty line; the first MiB of it. */
  header(email: number): Uint8Array | undefined {
    for (const bytesMax of [firstLookBytes, headerBytesMax]) {
      const row = this.#head.get(bytesMax, email);
      if (row === undefined) return undefined;
      const head = this.#octets(row as unknown as readonly unknown[], bytesMax);
      const end = findHeaderEnd(head);
      if (end < head.length || head.length < bytesMax) return head.slice(0, end);
    }
    return this.message(email)?.slice(0, headerBytesMax);
  }

  #octets(row: readonly unknown[], bytesMax?: number): Uint8Array {
    const [prefix, size, file, bytes] = row;
    const name = textOrNull(file);
    const content =
      name === null
        ? blob(bytes)
        : this.#readHead(name, Math.min(integer(size), bytesMax ?? Number.POSITIVE_INFINITY));
    return prefix === '' ? content : Buffer.concat([Buffer.from(text(prefix)), content]);
  }
}
