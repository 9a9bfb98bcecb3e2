// A search for content as it is carried out: what search.db says at once, and the messages that have
// to be read to be sure, in as many goes as it takes. RFC 9051 §6.4.4.

import type { DatabaseSync } from 'node:sqlite';
import type { ContentTerm } from '../../folder-store.ts';
import { uint32Column } from '../../folders/mail-columns.ts';
import { integer, text } from '../../row.ts';
import { fieldColumns, fieldHas, isSent, textHas } from '../../search/message-tests.ts';
import { fold, sought } from '../../search/search-words.ts';
import { prepareArrays } from '../arrays.ts';
import type { MessageSource } from '../message-source.ts';
import type { SearchIndex, TextIndex } from './search-index.ts';

type Columns = readonly unknown[];
/** UID and email, in UID order. */
type Rows = readonly Columns[];

type HeaderTerm = Extract<ContentTerm, { readonly kind: 'header' }>;
type TextTerm = Extract<ContentTerm, { readonly kind: 'body' | 'text' }>;

/** One search of one folder. */
export interface Search {
  /** What is found for sure. */
  readonly known: Rows;
  /** What has to be read. */
  readonly unsure: Rows;
  /** How many of those have been, and which are found. */
  done: number;
  readonly found: Columns[];
}

// Limit: matches looked up one by one; beyond that the folder is read from end to end.
const fewMatches = 2000;

const nothing: Rows = [];

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => prepareArrays(database, sql);
  const ofFolder = `SELECT mail.uid, mail.email
    FROM mail CROSS JOIN search.facts ON facts.email = mail.email WHERE mail.folder = ?`;
  return {
    emails: prepare('SELECT uid, email FROM mail WHERE folder = ? ORDER BY uid'),
    among: prepare(`
      SELECT uid, email FROM mail
      WHERE folder = ? AND email IN (SELECT value FROM json_each(?)) ORDER BY uid`),
    before: prepare(`${ofFolder} AND facts.sent_day < ? ORDER BY mail.uid`),
    on: prepare(`${ofFolder} AND facts.sent_day = ? ORDER BY mail.uid`),
    since: prepare(`${ofFolder} AND facts.sent_day >= ? ORDER BY mail.uid`),
    fields: new Map(
      [...fieldColumns].map(([name, column]) => [
        name,
        prepare(`${ofFolder} AND instr(facts.${column}, ?) ORDER BY mail.uid`),
      ]),
    ),
    names: prepare('SELECT json_group_array(id) FROM search.field_names WHERE instr(names, ?)'),
    withNames: prepare(`
      ${ofFolder} AND facts.names IN (SELECT value FROM json_each(?)) ORDER BY mail.uid`),
  };
}

export class ContentSearch {
  readonly #index: SearchIndex;
  readonly #source: MessageSource;
  readonly #sql: ReturnType<typeof prepareStatements>;

  constructor(database: DatabaseSync, index: SearchIndex, source: MessageSource) {
    this.#index = index;
    this.#source = source;
    this.#sql = prepareStatements(database);
  }

  /** `unknown`: emails of the folder that search.db had no room for. */
  begin(folder: number, term: ContentTerm, unknown: readonly number[]): Search {
    const { known, unsure } = this.#lookUp(folder, term);
    if (unknown.length === 0) return { known, unsure, done: 0, found: [] };
    const read = new Set(unknown);
    const others = (rows: Rows) => rows.filter((row) => !read.has(row[1] as number));
    const rest = this.#rows(this.#sql.among, folder, JSON.stringify(unknown));
    return { known: others(known), unsure: [...others(unsure), ...rest], done: 0, found: [] };
  }

  /** True when nothing is unsure any more. */
  work(search: Search, term: ContentTerm, isOver: () => boolean): boolean {
    const { unsure, found } = search;
    const has = this.#predicate(term);
    for (; search.done < unsure.length && !isOver(); search.done += 1) {
      const row = unsure[search.done]!;
      if (has(integer(row[1]))) found.push(row);
    }
    return search.done === unsure.length;
  }

  #lookUp(folder: number, term: ContentTerm): Pick<Search, 'known' | 'unsure'> {
    if (term.kind === 'header') return this.#header(folder, term);
    if (term.kind === 'sent') return sure(this.#rows(this.#sql[term.is], folder, term.day));
    return this.#text(folder, term);
  }

  #header(folder: number, term: HeaderTerm): Pick<Search, 'known' | 'unsure'> {
    const name = term.name.toLowerCase();
    const needle = fold(term.text);
    const known = needle === '' ? undefined : this.#sql.fields.get(name);
    if (known !== undefined) return sure(this.#rows(known, folder, needle));
    const lists = this.#sql.names.get(` ${name} `) as unknown as Columns;
    const having = this.#rows(this.#sql.withNames, folder, text(lists[0]));
    return needle === '' ? sure(having) : { known: nothing, unsure: having };
  }

  #text(folder: number, { kind, text: value }: TextTerm): Pick<Search, 'known' | 'unsure'> {
    const all = () => this.#rows(this.#sql.emails, folder);
    const needle = fold(value);
    if (needle === '') return sure(all());
    const { words, exact } = sought(needle);
    // Nothing that the index knows of: everything has to be read.
    if (words.length === 0) return { known: nothing, unsure: all() };
    const indexes: readonly TextIndex[] = kind === 'body' ? ['bodies'] : ['bodies', 'headers'];
    const sets = indexes.map((name) => this.#index.lookUp(name, { words, exact }));
    const count = sets.reduce((sum, { size }) => sum + size, 0);
    if (exact && count <= fewMatches) {
      const emails = JSON.stringify(sets.flatMap((set) => [...set]));
      return sure(this.#rows(this.#sql.among, folder, emails));
    }
    const candidates = all().filter((row) => sets.some((set) => set.has(row[1] as number)));
    return exact ? sure(candidates) : { known: nothing, unsure: candidates };
  }

  #rows(
    statement: ReturnType<DatabaseSync['prepare']>,
    ...parameters: readonly (number | string)[]
  ): Rows {
    return statement.all(...parameters) as unknown as Rows;
  }

  #predicate(term: ContentTerm): (email: number) => boolean {
    const message = (email: number) => this.#source.message(email);
    switch (term.kind) {
      case 'header': {
        const name = term.name.toLowerCase();
        const needle = fold(term.text);
        return (email) => fieldHas(this.#source.header(email), name, needle);
      }
      case 'sent':
        return (email) => isSent(this.#source.header(email), term);
      default: {
        const needle = fold(term.text);
        return (email) => textHas(message(email), term.kind, needle);
      }
    }
  }
}

/** UIDs, ascending. */
export function uidsOf({ known, found }: Search): Uint32Array {
  if (found.length === 0) return uint32Column(known);
  return uint32Column([...known, ...found]).sort();
}

const sure = (known: Rows): Pick<Search, 'known' | 'unsure'> => ({ known, unsure: nothing });
