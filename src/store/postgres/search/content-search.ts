// A search for content: what is kept of the messages says it at once, or which of them have to be read to be sure.
// RFC 9051 §6.4.4.

import type { ContentTerm } from '../../folder-store.ts';
import { integer, type Row } from '../../row.ts';
import { fieldColumns, fieldHas, isSent, textHas } from '../../search/message-tests.ts';
import { fold, type Sought, sought } from '../../search/search-words.ts';
import type { Database, Value } from '../database.ts';
import { storable } from '../folders/texts.ts';
import type { Derived } from './derived.ts';
import type { MessageSource } from './message-source.ts';

/** What rows of `derived` are looked for: `where` with its values from the second on. */
export interface Lookup {
  readonly where: string;
  readonly values: readonly Value[];
  /** What is found has it for sure; otherwise it may have. */
  readonly isSure: boolean;
}

type Words = 'body_words' | 'header_words';

// Limit: messages that one statement asks for.
const messagesMax = 32;

export interface ContentSearchParts {
  readonly database: Database;
  readonly derived: Derived;
  readonly source: MessageSource;
}

export class ContentSearch {
  readonly #parts: ContentSearchParts;

  constructor(parts: ContentSearchParts) {
    this.#parts = parts;
  }

  /** UIDs, ascending. */
  async search(folder: number, term: ContentTerm): Promise<Uint32Array> {
    const unread = await this.#parts.derived.complete(folder);
    const { where, values, isSure } = lookupOf(term);
    const rows = await this.#parts.database.rows(
      `SELECT mail.uid, mail.email, derived.email IS NULL AS is_unread
       FROM mail LEFT JOIN derived ON derived.email = mail.email
       WHERE mail.folder = $1 AND (${where}${unread.size > 0 ? ' OR derived.email IS NULL' : ''})
       ORDER BY mail.uid`,
      [folder, ...values],
    );
    const isUnsure = (row: Row) => !isSure || row.is_unread === true;
    const found = await this.having(
      rows.filter(isUnsure).map(({ email }) => integer(email)),
      term,
    );
    return Uint32Array.from(
      rows.filter((row) => !isUnsure(row) || found.has(integer(row.email))),
      ({ uid }) => integer(uid),
    );
  }

  /** Those of the emails that have it, by themselves. */
  async having(emails: readonly number[], term: ContentTerm): Promise<ReadonlySet<number>> {
    const found = new Set<number>();
    const { source } = this.#parts;
    const wanted = [...new Set(emails)];
    for (let at = 0; at < wanted.length; at += messagesMax) {
      const some = wanted.slice(at, at + messagesMax);
      if (term.kind === 'header' || term.kind === 'sent') {
        for (const [email, header] of await source.headers(some))
          if (headerHas(header, term)) found.add(email);
        continue;
      }
      const needle = fold(term.text);
      for await (const [email, { octets }] of source.messages(some))
        if (textHas(octets, term.kind, needle)) found.add(email);
    }
    return found;
  }
}

function headerHas(
  header: Uint8Array,
  term: Extract<ContentTerm, { readonly kind: 'header' | 'sent' }>,
): boolean {
  if (term.kind === 'sent') return isSent(header, term);
  return fieldHas(header, term.name.toLowerCase(), fold(term.text));
}

function lookupOf(term: ContentTerm): Lookup {
  switch (term.kind) {
    case 'sent': {
      const operator = { before: '<', on: '=', since: '>=' }[term.is];
      return sure(`derived.sent_day ${operator} $2`, term.day);
    }
    case 'header': {
      const name = term.name.toLowerCase();
      const needle = storable(fold(term.text));
      const column = needle === '' ? undefined : fieldColumns.get(name);
      if (column !== undefined) return sure(`strpos(derived.${column}, $2) > 0`, needle);
      const isThere = sure('strpos(derived.names, $2) > 0', storable(` ${name} `));
      return { ...isThere, isSure: needle === '' };
    }
    case 'body':
      return wordsLookup(term.text, ['body_words'], 2);
    case 'text':
      return wordsLookup(term.text, ['body_words', 'header_words'], 2);
  }
}

const sure = (where: string, ...values: readonly Value[]): Lookup => ({
  ...{ where, values, isSure: true },
});

/** `first`: the number of the first value. */
export function wordsLookup(value: string, places: readonly Words[], first: number): Lookup {
  const needle = fold(value);
  if (needle === '') return sure('true');
  const { words, exact } = sought(needle);
  // No word at all: every message has to be read.
  if (words.length === 0) return { where: 'true', values: [], isSure: false };
  const values = words.map(patternOf);
  const having = (place: Words) =>
    `(${values.map((_, i) => `derived.${place} LIKE $${first + i}`).join(' AND ')})`;
  return { where: places.map(having).join(' OR '), values, isSure: exact };
}

/** Words have letters and digits alone: nothing that LIKE takes for something else. */
const patternOf = ({ word, begins, ends }: Sought['words'][number]): string =>
  `%${begins ? '\n' : ''}${storable(word)}${ends ? '\n' : ''}%`;
