// Whole messages, and their headers, as something is derived from them. Where the content of one is not as it was
// written, something stands in for it that says so: its folder is listed and sorted all the same.

import { findHeaderEnd, headerBytesMax, headerEndWithin } from '../../../mail/header/header.ts';
import { type Content, ContentError, prefixed } from '../../content.ts';
import type { Row } from '../../row.ts';
import { blob, integer, text } from '../../row.ts';
import { standIn } from '../../search/stand-in.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Database } from '../database.ts';

// Limit: what is looked for a header at first; most are shorter.
const firstLookBytes = 16 * 2 ** 10;

export interface SourcedMessage {
  readonly octets: Uint8Array;
  /** Something stands in for it. */
  readonly isStandIn: boolean;
}

export class MessageSource {
  readonly #database: Database;
  readonly #contents: ContentTable;

  constructor(database: Database, contents: ContentTable) {
    this.#database = database;
    this.#contents = contents;
  }

  /** By UID; those that are gone are missing. Small ones are read, large ones by read(). */
  async ofFolder(folder: number, uids: readonly number[]): Promise<ReadonlyMap<number, Content>> {
    const rows = await this.#database.rows(
      `SELECT mail.uid, email.prefix, content.id, content.size, content.bytes
       FROM mail JOIN email ON email.id = mail.email JOIN content ON content.id = email.content
       WHERE mail.folder = $1 AND mail.uid = ANY($2::bigint[])`,
      [folder, uids],
    );
    return new Map(rows.map((row) => [integer(row.uid), this.#contentOf(row)]));
  }

  /** By email, one after the other: a large one is read when its turn comes. Those that are gone are missing. */
  async *messages(
    emails: readonly number[],
  ): AsyncGenerator<readonly [email: number, message: SourcedMessage]> {
    const rows = await this.#database.rows(
      `SELECT email.id AS email, email.sender, email.subject, email.prefix,
         content.id, content.size, content.bytes
       FROM email LEFT JOIN content ON content.id = email.content WHERE email.id = ANY($1::bigint[])`,
      [emails],
    );
    for (const row of rows) yield [integer(row.email), await this.#messageOf(row)];
  }

  /** The header with its empty line, or the first MiB of it; by email. */
  async headers(emails: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const rows = await this.#database.rows(
      `SELECT email.id AS email, email.sender, email.subject, email.prefix, content.id, content.size,
         coalesce(substring(content.bytes FOR $2), substring(content.head FOR $2)) AS bytes,
         content.bytes IS NULL AS is_large
       FROM email LEFT JOIN content ON content.id = email.content WHERE email.id = ANY($1::bigint[])`,
      [emails, firstLookBytes],
    );
    const found = new Map<number, Uint8Array>();
    for (const row of rows) found.set(integer(row.email), await this.#headerOf(row));
    return found;
  }

  #contentOf(row: Row): Content {
    const content = this.#contents.contentOf(integer(row.id), row);
    const prefix = blob(row.prefix);
    return prefix.length === 0 ? content : prefixed(prefix, content);
  }

  async #messageOf(row: Row): Promise<SourcedMessage> {
    try {
      if (row.id === null) throw new ContentError('missing', 'its content is not there');
      const content = this.#contentOf(row);
      return { octets: content.bytes ?? (await octetsOf(content, content.size)), isStandIn: false };
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
      return { octets: standInOf(row), isStandIn: true };
    }
  }

  async #headerOf(row: Row): Promise<Uint8Array> {
    const prefix = blob(row.prefix);
    if (row.bytes !== null) {
      const head = Buffer.concat([prefix, blob(row.bytes)]);
      const isWhole = integer(row.size) <= firstLookBytes;
      const end = isWhole ? findHeaderEnd(head) : headerEndWithin(head);
      if (end !== undefined) return head.subarray(0, end);
    }
    const email = integer(row.email);
    if (row.is_large !== true) {
      const [found] = await Array.fromAsync(this.messages([email]));
      const whole = found?.[1].octets ?? standInOf(row);
      return whole.subarray(0, Math.min(findHeaderEnd(whole), headerBytesMax));
    }
    try {
      const octets = await octetsOf(this.#contentOf(row), headerBytesMax);
      const end = headerEndWithin(octets) ?? Math.min(findHeaderEnd(octets), headerBytesMax);
      return octets.subarray(0, end);
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
      const octets = standInOf(row);
      return octets.subarray(0, findHeaderEnd(octets));
    }
  }
}

const standInOf = ({ sender, subject }: Row): Uint8Array =>
  standIn({ from: text(sender), subject: text(subject) });

/** The first `bytesMax` of it. @throws ContentError */
async function octetsOf(content: Content, bytesMax: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of content.read()) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes >= bytesMax) break;
  }
  return Buffer.concat(pieces).subarray(0, bytesMax);
}
