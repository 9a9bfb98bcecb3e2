// What is read of folders: each answer is of one moment, since it is one statement or a transaction that sees one
// state.

import type { FolderFacts, ListedMessage, MailColumns, Quota } from '../../folder-store.ts';
import { ColumnsCache, copyColumns, mergeColumns } from '../../folders/columns-cache.ts';
import { factsOf } from '../../folders/folder-facts.ts';
import { listedRow } from '../../folders/listing.ts';
import { mailColumns } from '../../folders/mail-columns.ts';
import type { MailboxCount } from '../../mail-question.ts';
import type { Row } from '../../row.ts';
import { integer, text } from '../../row.ts';
import type { Database, Queries } from '../database.ts';

/** Several statements that see the same state. */
export const atOneMoment = <T>(database: Database, read: (queries: Queries) => Promise<T>) =>
  database.transaction(async (transaction) => {
    await transaction.run('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    return read(transaction);
  });

export const facts = `SELECT folder.*, mailbox.address
  FROM folder JOIN mailbox ON mailbox.id = folder.mailbox`;

const columns = ['uid', 'email', 'modseq', 'flags', 'received', 'saved', 'size', 'keywords'];

/** Of rows of `mail` in UID order: what columnsIn() reads. */
export const aggregated = columns
  .map((name) => `coalesce(json_agg(${name}), '[]')::text AS column_${name}`)
  .join();

export const columnsIn = (row: Row): MailColumns =>
  mailColumns(columns.map((name) => row[`column_${name}`]));

/** A folder, what changed of its messages since a modseq, and which of them are gone: $1, $2. */
const folderSince = `
  SELECT folder.*, mailbox.address, changed.*, (
    SELECT coalesce(json_agg(uid), '[]')::text FROM (
      SELECT uid FROM expunged
      WHERE folder = $1 AND modseq > $2::bigint AND $2::bigint >= 0 ORDER BY uid) gone) AS vanished
  FROM folder JOIN mailbox ON mailbox.id = folder.mailbox,
    LATERAL (
      SELECT ${aggregated}
      FROM (SELECT * FROM mail
            WHERE mail.folder = $1 AND mail.modseq > $2::bigint ORDER BY uid) since) changed
  WHERE folder.id = $1`;

export interface FolderSince {
  readonly folder: FolderFacts;
  /** Expunges up to this modseq are not remembered. */
  readonly forgotten: number;
  readonly changed: MailColumns;
  readonly vanished: Uint32Array;
}

/** Of a folder whole, with nothing of what is gone. */
const fromTheBeginning = -1;

/** Undefined when the folder is gone. */
export async function readSince(
  queries: Queries,
  folder: number,
  since: number,
): Promise<FolderSince | undefined> {
  const [row] = await queries.rows(folderSince, [folder, since]);
  if (row === undefined) return undefined;
  return {
    folder: factsOf(row),
    forgotten: integer(row.forgotten),
    changed: columnsIn(row),
    vanished: Uint32Array.from(JSON.parse(text(row.vanished)) as readonly number[]),
  };
}

/** Folders as columns; those read lately cost what changed of them. */
export class FolderColumns {
  readonly #cache = new ColumnsCache();

  /** The columns are the caller's own. Undefined when the folder is gone. */
  async read(
    queries: Queries,
    id: number,
  ): Promise<{ readonly folder: FolderFacts; readonly messages: MailColumns } | undefined> {
    const known = this.#cache.get(id);
    if (known !== undefined) {
      const since = await readSince(queries, id, known.modseq);
      if (since === undefined) return undefined;
      const merged = mergedWith(known, since);
      if (merged !== undefined) return this.#keep(since.folder, merged);
    }
    const whole = await readSince(queries, id, fromTheBeginning);
    return whole && this.#keep(whole.folder, whole.changed);
  }

  #keep(folder: FolderFacts, messages: MailColumns) {
    this.#cache.set(folder.id, { modseq: folder.modseq, columns: messages });
    return { folder, messages: copyColumns(messages) };
  }
}

/** Undefined when it has to be read anew. */
function mergedWith(
  known: { readonly modseq: number; readonly columns: MailColumns },
  { folder, forgotten, changed, vanished }: FolderSince,
): MailColumns | undefined {
  if (known.modseq === folder.modseq) return known.columns;
  if (known.modseq < forgotten) return undefined;
  const merged = mergeColumns(known.columns, changed, vanished);
  return merged?.length === folder.messages ? merged : undefined;
}

export async function usageOf(queries: Queries, account: string): Promise<Quota> {
  const [row] = await queries.rows(
    `SELECT coalesce(sum(folder.bytes), 0)::bigint AS bytes,
       coalesce(sum(folder.messages), 0)::bigint AS messages
     FROM folder JOIN mailbox ON mailbox.id = folder.mailbox WHERE mailbox.address = $1`,
    [account],
  );
  return { bytes: integer(row?.bytes), messages: integer(row?.messages) };
}

export async function countsOf(queries: Queries): Promise<readonly MailboxCount[]> {
  const rows = await queries.rows(`
    SELECT mailbox.address, sum(folder.messages)::bigint AS messages,
      sum(folder.unseen)::bigint AS unseen,
      max((SELECT received FROM mail WHERE mail.folder = folder.id ORDER BY uid DESC LIMIT 1)) AS newest
    FROM folder JOIN mailbox ON mailbox.id = folder.mailbox WHERE folder.messages > 0
    GROUP BY mailbox.id ORDER BY mailbox.address`);
  return rows.map((row) => ({
    account: text(row.address),
    messages: integer(row.messages),
    unseen: integer(row.unseen),
    newest: integer(row.newest ?? 0),
  }));
}

const listedColumns = `mail.folder, mail.uid, mail.email, mail.modseq, mail.flags, mail.keywords,
  mail.received, mail.saved, mail.size, email.sender, email.subject`;

export async function listed(
  queries: Queries,
  folder: number,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly ListedMessage[]> {
  const rows = await queries.rows(
    `SELECT ${listedColumns} FROM mail JOIN email ON email.id = mail.email
     WHERE mail.folder = $1 AND mail.uid > $2 ORDER BY mail.uid LIMIT $3`,
    [folder, after, limit],
  );
  return rows.map(listedMessage);
}

export async function copiesOf(
  queries: Queries,
  account: string,
  email: number,
): Promise<readonly ListedMessage[]> {
  const rows = await queries.rows(
    `SELECT ${listedColumns}
     FROM mail JOIN email ON email.id = mail.email JOIN folder ON folder.id = mail.folder
       JOIN mailbox ON mailbox.id = folder.mailbox
     WHERE mail.email = $1 AND mailbox.address = $2 ORDER BY mail.folder, mail.uid`,
    [email, account],
  );
  return rows.map(listedMessage);
}

const listedMessage = (row: Row): ListedMessage => ({
  ...listedRow(row),
  ...{ from: text(row.sender), subject: text(row.subject) },
});
