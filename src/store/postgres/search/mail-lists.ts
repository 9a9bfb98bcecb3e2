// Lists of messages of many folders, and which of them a question is about: what the columns say is looked at
// first, then what is kept of header fields and words; what only the message can tell is read last.

import type { ContentTerm } from '../../folder-store.ts';
import { type MailPageRow, mailPageRow } from '../../lists/mail-pages.ts';
import { MailRows } from '../../lists/mail-rows.ts';
import { type ContentTest, columnOf, columnTest, isContentTerm } from '../../lists/mail-tests.ts';
import type { MailQuestion, MailTerm } from '../../mail-question.ts';
import { integer, text } from '../../row.ts';
import { fold } from '../../search/search-words.ts';
import type { Database, Queries } from '../database.ts';
import { atOneMoment, type FolderColumns } from '../folders/reading.ts';
import { storable, storablePath } from '../folders/texts.ts';
import type { ContentSearch, Lookup } from './content-search.ts';
import { wordsLookup } from './content-search.ts';
import type { Derived } from './derived.ts';

export interface MailListsParts {
  readonly database: Database;
  readonly columns: FolderColumns;
  readonly derived: Derived;
  readonly search: ContentSearch;
}

export class MailLists {
  readonly #parts: MailListsParts;

  constructor(parts: MailListsParts) {
    this.#parts = parts;
  }

  async page(question: MailQuestion): Promise<MailPageRow> {
    const { database, columns, derived } = this.#parts;
    const rows = await atOneMoment(database, (queries) => listOf(queries, question, columns));
    const found = await this.#find(question, rows);
    const { start, limit } = question;
    const places = found.slice(start, start + limit);
    const digests = await derived.digestsOf(places.map((place) => rows.email(place)));
    return mailPageRow(rows, {
      found: rows.countOf(found),
      places,
      digestOf(email) {
        const row = digests.get(email);
        if (row === undefined) return undefined;
        return { envelope: text(row.envelope), body: text(row.body), preview: text(row.preview) };
      },
    });
  }

  async #find({ terms }: MailQuestion, rows: MailRows): Promise<readonly number[]> {
    const tests = terms.flatMap((term) =>
      isContentTerm(term) ? [] : [{ not: term.not, test: columnTest(term) }],
    );
    let fits = Array.from(rows.places).filter((place) => {
      const row = rows.row(place);
      return tests.every(({ not, test }) => test(row) !== not);
    });
    const contentTerms = terms.filter(isContentTerm);
    if (contentTerms.length === 0) return fits;
    const unread = await this.#parts.derived.completeOf(fits.map((place) => rows.email(place)));
    for (const term of contentTerms) {
      const emails = fits.map((place) => rows.email(place));
      const having = await this.#having(term, emails, unread);
      fits = fits.filter((place) => having.has(rows.email(place)) !== term.not);
    }
    return fits;
  }

  /** Those of the emails that have it. */
  async #having(
    term: MailTerm & ContentTest,
    emails: readonly number[],
    unread: ReadonlyMap<number, unknown>,
  ): Promise<ReadonlySet<number>> {
    const { where, values, isSure } = lookupOf(term);
    const rows = await this.#parts.database.rows(
      `SELECT email FROM derived WHERE email = ANY($1::bigint[]) AND (${where})`,
      [emails, ...values],
    );
    const found = new Set(rows.map(({ email }) => integer(email)));
    const unsure = [...(isSure ? [] : found), ...emails.filter((email) => unread.has(email))];
    if (unsure.length === 0) return found;
    for (const email of unsure) found.delete(email);
    for (const wanted of contentTermsOf(term))
      for (const email of await this.#parts.search.having(unsure, wanted)) found.add(email);
    return found;
  }
}

function lookupOf(term: ContentTest): Lookup {
  switch (term.kind) {
    case 'has':
      return { where: `derived.${term.what}s > 0`, values: [], isSure: true };
    case 'header': {
      const where = term.fields.map((field) => `strpos(derived.${columnOf[field]}, $2) > 0`);
      return { where: where.join(' OR '), values: [storable(fold(term.text))], isSure: true };
    }
    case 'text':
      return wordsLookup(term.text, ['body_words', 'header_words'], 2);
  }
}

/** As a search of one folder has it. What stands in for a message has no parts. */
function contentTermsOf(term: ContentTest): readonly ContentTerm[] {
  switch (term.kind) {
    case 'has':
      return [];
    case 'header':
      return term.fields.map((name) => ({ kind: 'header', name, text: term.text }));
    case 'text':
      return [{ kind: 'text', text: term.text }];
  }
}

/** The messages of an account, of a folder or of everybody. */
async function listOf(
  queries: Queries,
  { account, folder }: MailQuestion,
  columns: FolderColumns,
): Promise<MailRows> {
  const rows = await queries.rows(
    `SELECT folder.id, mailbox.address, folder.path
     FROM folder JOIN mailbox ON mailbox.id = folder.mailbox
     WHERE folder.messages > 0 AND ($1::text IS NULL OR mailbox.address = $1)
       AND ($2::text IS NULL OR folder.path = $2) ORDER BY folder.id`,
    [account ?? null, folder === undefined ? null : storablePath(folder)],
  );
  const folders = [];
  for (const row of rows) {
    const read = await columns.read(queries, integer(row.id));
    if (read !== undefined)
      folders.push({
        ...{ id: integer(row.id), account: text(row.address), path: text(row.path) },
        columns: read.messages,
      });
  }
  const emails = folders.flatMap((one) => [...one.columns.email]);
  const contents = await queries.rows(
    'SELECT id, content FROM email WHERE id = ANY($1::bigint[])',
    [emails],
  );
  const contentOf = new Map(contents.map((row) => [integer(row.id), integer(row.content)]));
  return new MailRows(folders, (email) => contentOf.get(email) ?? -email);
}
