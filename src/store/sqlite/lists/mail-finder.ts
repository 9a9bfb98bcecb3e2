// Which messages of a list a question is about. What the columns say is looked at first, then what search.db
// knows of header fields and words; what only the message itself can tell is read last, in as many goes as it
// takes, and only of messages that fit in everything else.

import type { DatabaseSync } from 'node:sqlite';
import { leafParts } from '../../../mail/digest/leaf-parts.ts';
import { messageFacts } from '../../../mail/digest/message-facts.ts';
import type { MailRows } from '../../lists/mail-rows.ts';
import { type ContentTest, columnOf, columnTest, isContentTerm } from '../../lists/mail-tests.ts';
import type { MailQuestion, MailTerm } from '../../mail-question.ts';
import { text } from '../../row.ts';
import { fieldHas, textHas } from '../../search/message-tests.ts';
import { fold, sought } from '../../search/search-words.ts';
import { prepareArrays } from '../arrays.ts';
import type { MessageSource } from '../message-source.ts';
import type { SearchIndex } from '../search/search-index.ts';

/** A question on its way to its answer. */
export interface Finding {
  readonly rows: MailRows;
  /** Places that match, newest first, and those of which `pending` says. */
  readonly fits: Places;
  /** By place: what the message has to be read for. */
  readonly pending: Map<number, readonly Content[]>;
  /** Those of `fits` that have been looked at for `pending`. */
  done: number;
  found: Places;
}

/** Numbers of places: all that a list has, or some. */
export type Places = Uint32Array | readonly number[];

/** One term, looked up: whether an email has it; undefined where the message has to be read. */
interface Content {
  readonly not: boolean;
  readonly has: (email: number) => boolean | undefined;
  readonly read: (email: number) => boolean;
}

// Limit: emails that are looked up one by one; more, and the whole table is looked through.
const fewEmails = 2000;

export class MailFinder {
  readonly #database: DatabaseSync;
  readonly #index: SearchIndex;
  readonly #source: MessageSource;

  constructor(database: DatabaseSync, index: SearchIndex, source: MessageSource) {
    this.#database = database;
    this.#index = index;
    this.#source = source;
  }

  /** Those for which something has to be derived, if anything has. */
  candidates({ terms }: Pick<MailQuestion, 'terms'>, rows: MailRows): Places {
    const tests = terms.flatMap((term) =>
      isContentTerm(term) ? [] : [{ not: term.not, test: columnTest(term) }],
    );
    if (tests.length === 0) return rows.places;
    const fits: number[] = [];
    for (const place of rows.places) {
      const row = rows.row(place);
      if (tests.every(({ not, test }) => test(row) !== not)) fits.push(place);
    }
    return fits;
  }

  /** `candidates` of it; `unknown`: emails that search.db has no room for. */
  begin(
    { terms }: Pick<MailQuestion, 'terms'>,
    rows: MailRows,
    { candidates, unknown }: { readonly candidates: Places; readonly unknown: ReadonlySet<number> },
  ): Finding {
    let fits = candidates;
    const pending = new Map<number, Content[]>();
    for (const term of terms) {
      if (!isContentTerm(term)) continue;
      const content = this.#lookUp(
        term,
        fits.length <= fewEmails ? emailsOf(rows, fits) : undefined,
      );
      const left: number[] = [];
      // By index: a typed array of 100,000 has no iterator worth its time.
      for (let i = 0; i < fits.length; i += 1) {
        const place = fits[i]!;
        const email = rows.email(place);
        const has = unknown.size > 0 && unknown.has(email) ? undefined : content.has(email);
        if (has === undefined) pending.set(place, [...(pending.get(place) ?? []), content]);
        if (has !== term.not) left.push(place);
      }
      fits = left;
    }
    return { rows, fits, pending, done: 0, found: [] };
  }

  /** True when nothing is pending any more: then `found` has them all. */
  work(finding: Finding, isOver: () => boolean): boolean {
    const { rows, fits, pending } = finding;
    if (pending.size === 0) {
      finding.found = fits;
      return true;
    }
    const found = finding.found as number[];
    for (; finding.done < fits.length; finding.done += 1) {
      const place = fits[finding.done]!;
      const left = pending.get(place);
      if (left === undefined) {
        found.push(place);
        continue;
      }
      if (isOver()) return false;
      const email = rows.email(place);
      if (left.every(({ read, not }) => read(email) !== not)) found.push(place);
    }
    return true;
  }

  #lookUp(term: MailTerm & ContentTest, among: readonly number[] | undefined): Content {
    const { not } = term;
    switch (term.kind) {
      case 'has': {
        const found = this.#facts(`${term.what}s > 0`, [], among);
        return {
          not,
          has: (email) => found.has(email),
          read: (email) => this.#has(email, term.what),
        };
      }
      case 'header': {
        const needle = fold(term.text);
        const where = term.fields.map((field) => `instr(${columnOf[field]}, ?)`).join(' OR ');
        const found = this.#facts(
          `(${where})`,
          term.fields.map(() => needle),
          among,
        );
        const read = (email: number) =>
          term.fields.some((field) => fieldHas(this.#source.header(email), field, needle));
        return { not, has: (email) => found.has(email), read };
      }
      case 'text':
        return { not, ...this.#text(fold(term.text)) };
    }
  }

  #text(needle: string): Omit<Content, 'not'> {
    const read = (email: number) => textHas(this.#source.message(email), 'text', needle);
    const { words, exact } = sought(needle);
    // Nothing that the index knows of: everything has to be read.
    if (words.length === 0) return { has: () => undefined, read };
    const sets = (['bodies', 'headers'] as const).map((name) =>
      this.#index.lookUp(name, { words, exact }),
    );
    const has = (email: number) => sets.some((set) => set.has(email));
    return { has: exact ? has : (email) => (has(email) ? undefined : false), read };
  }

  #has(email: number, what: 'attachment' | 'inline'): boolean {
    const message = this.#source.message(email);
    if (message === undefined) return false;
    return leafParts(messageFacts(message).digest.body).some(({ kind }) => kind === what);
  }

  #facts(
    where: string,
    needles: readonly string[],
    among: readonly number[] | undefined,
  ): ReadonlySet<number> {
    const some = among === undefined ? '' : 'AND email IN (SELECT value FROM json_each(?))';
    const sql = `SELECT json_group_array(email) FROM search.facts WHERE ${where} ${some}`;
    const statement = prepareArrays(this.#database, sql);
    const given = among === undefined ? needles : [...needles, JSON.stringify(among)];
    const [emails] = statement.get(...given) as unknown as readonly unknown[];
    return new Set(JSON.parse(text(emails)) as readonly number[]);
  }
}

const emailsOf = (rows: MailRows, places: Places): readonly number[] =>
  Array.from(places, (place) => rows.email(place));
