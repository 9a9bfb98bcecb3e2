// What is derived from messages: digests, search, sort keys. Kept in search.db, which may be thrown
// away at any time; the truth is the messages alone.

import type { DatabaseSync } from 'node:sqlite';
import { decodeEncodedWords } from '../../mail/encoded-word.ts';
import { parseHeader } from '../../mail/header.ts';
import type { ContentTerm } from '../folder-store.ts';
import { codeOf, sqliteCode } from './database.ts';
import type { DigestsRow, SortFactsRow } from './derived-rows.ts';
import { noDigest, sortFactsRow } from './derived-rows.ts';
import { uint32Column } from './mail-columns.ts';
import { MessageSource, type ReadHead } from './message-source.ts';
import { bodyTextOf, headerFields, headerText } from './message-text.ts';
import { integer, text } from './row.ts';
import {
  attachSearchDatabase,
  closeSearchDatabase,
  replaceSearchDatabase,
} from './search-database.ts';
import { type Job, SearchIndex, type TextIndex } from './search-index.ts';
import { fold, sought } from './search-words.ts';

type Columns = readonly unknown[];
type Rows = readonly Columns[];

/** Fields whose decoded text is in a column. */
const fieldColumns: ReadonlyMap<string, string> = new Map([
  ...([
    ['subject', 'subject'],
    ['from', 'sender'],
    ['to', 'recipient'],
    ['cc', 'cc'],
  ] as const),
  ...([
    ['bcc', 'bcc'],
    ['message-id', 'message_id'],
    ['in-reply-to', 'in_reply_to'],
  ] as const),
  ...([['references', 'refs']] as const),
]);

// Limit: matches looked up one by one; beyond that the folder is read from end to end.
const fewMatches = 2000;

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    return statement;
  };
  const ofFolder = `FROM mail CROSS JOIN search.facts ON facts.email = mail.email
    WHERE mail.folder = ?`;
  const sorting = `
    SELECT mail.uid, mail.received, sorting.sent_ms, sorting.is_reply, sorting.subject,
      sorting.sender, sorting.recipient, sorting.cc, sorting.display_from, sorting.display_to,
      sorting.message_id, sorting.refs
    FROM mail CROSS JOIN search.sorting ON sorting.email = mail.email WHERE mail.folder = ?`;
  return {
    emails: prepare('SELECT uid, email FROM mail WHERE folder = ? ORDER BY uid'),
    emailOf: prepare('SELECT email FROM mail WHERE folder = ? AND uid = ?'),
    withoutDigest: prepare(`
      SELECT DISTINCT mail.email
      FROM mail LEFT JOIN search.facts ON facts.email = mail.email
      WHERE mail.folder = ? AND mail.uid IN (SELECT value FROM json_each(?))
        AND facts.email IS NULL`),
    digests: prepare(`
      SELECT wire.envelope, wire.structure, wire.body, wire.preview, mail.uid
      FROM mail LEFT JOIN search.wire ON wire.email = mail.email
      WHERE mail.folder = ? AND mail.uid IN (SELECT value FROM json_each(?))`),
    among: prepare(`
      SELECT uid FROM mail
      WHERE folder = ? AND email IN (SELECT value FROM json_each(?)) ORDER BY uid`),
    before: prepare(`SELECT mail.uid ${ofFolder} AND facts.sent_day < ? ORDER BY mail.uid`),
    on: prepare(`SELECT mail.uid ${ofFolder} AND facts.sent_day = ? ORDER BY mail.uid`),
    since: prepare(`SELECT mail.uid ${ofFolder} AND facts.sent_day >= ? ORDER BY mail.uid`),
    fields: new Map(
      [...fieldColumns].map(([name, column]) => [
        name,
        prepare(`SELECT mail.uid ${ofFolder} AND instr(facts.${column}, ?) ORDER BY mail.uid`),
      ]),
    ),
    names: prepare('SELECT json_group_array(id) FROM search.field_names WHERE instr(names, ?)'),
    withNames: prepare(`
      SELECT mail.uid, mail.email ${ofFolder}
        AND facts.names IN (SELECT value FROM json_each(?)) ORDER BY mail.uid`),
    sorting: prepare(`${sorting} ORDER BY mail.uid`),
    sortingOf: prepare(
      `${sorting} AND mail.uid IN (SELECT value FROM json_each(?)) ORDER BY mail.uid`,
    ),
  };
}

export interface DerivedParts {
  readonly database: DatabaseSync;
  readonly readHead: ReadHead;
  /** ':memory:', or where search.db lies. */
  readonly searchPath: string;
}

interface Kept {
  readonly index: SearchIndex;
  readonly sql: ReturnType<typeof prepareStatements>;
}

export class Derived {
  readonly #parts: DerivedParts;
  readonly #source: MessageSource;
  readonly #jobs = new WeakMap<readonly unknown[], Job>();
  #kept: Kept | undefined;

  constructor(parts: DerivedParts) {
    this.#parts = parts;
    this.#source = new MessageSource(parts.database, parts.readHead);
  }

  /** Envelope, structure, body and preview of each, one after the other; null for what is gone. */
  digests(folder: number, uids: readonly number[]): DigestsRow {
    return this.#use(({ index, sql }) => {
      const job = this.#digestJob(folder, uids);
      if (job !== undefined) index.work(job, () => false);
      const rows = sql.digests.all(folder, JSON.stringify(uids)) as unknown as Rows;
      const found = new Map(rows.map((row) => [row[4], row]));
      return uids.flatMap((uid) => {
        const row = found.get(uid);
        return row === undefined || row[0] === null ? noDigest : row.slice(0, 4).map(text);
      });
    });
  }

  headers(folder: number, uids: readonly number[]): readonly (Uint8Array | undefined)[] {
    return this.#use(({ sql }) =>
      uids.map((uid) => {
        const row = sql.emailOf.get(folder, uid) as unknown as Columns | undefined;
        return row === undefined ? undefined : this.#source.header(integer(row[0]));
      }),
    );
  }

  search(folder: number, term: ContentTerm): Uint32Array {
    return this.#use((kept) => {
      if (term.kind === 'header') return this.#searchHeader(kept, folder, term.name, term.text);
      if (term.kind !== 'sent') return this.#searchText(kept, folder, term.kind, fold(term.text));
      kept.index.complete(folder, 'facts');
      return uint32Column(kept.sql[term.is].all(folder, term.day));
    });
  }

  sortFacts(folder: number, uids: readonly number[] | undefined): SortFactsRow {
    return this.#use(({ index, sql }) => {
      index.complete(folder, 'facts');
      const rows =
        uids === undefined
          ? sql.sorting.all(folder)
          : sql.sortingOf.all(folder, JSON.stringify(uids));
      return sortFactsRow(rows as unknown as Rows);
    });
  }

  /**
   * Derives what an answer needs, until `isOver`: true when everything is there. `args` are the same
   * object each time.
   */
  prepare(operation: string, args: readonly unknown[], isOver: () => boolean): boolean {
    return this.#use(({ index }) => {
      let job = this.#jobs.get(args);
      if (job === undefined) {
        job = this.#jobFor(index, operation, args);
        if (job === undefined) return true;
        this.#jobs.set(args, job);
      }
      return index.work(job, isOver);
    });
  }

  /** A slice of what can be done ahead, until `isOver`. False when there is nothing more. */
  advance(isOver: () => boolean): boolean {
    return this.#use(({ index }) => index.advance(isOver));
  }

  merge(): boolean {
    return this.#use(({ index }) => index.merge());
  }

  sweep(after: number): number | undefined {
    return this.#use(({ index }) => index.sweep(after));
  }

  close(): void {
    if (this.#kept !== undefined) closeSearchDatabase(this.#parts.database);
  }

  #searchHeader({ index, sql }: Kept, folder: number, name: string, value: string): Uint32Array {
    index.complete(folder, 'facts');
    const lowerName = name.toLowerCase();
    const needle = fold(value);
    const known = needle === '' ? undefined : sql.fields.get(lowerName);
    if (known !== undefined) return uint32Column(known.all(folder, needle));
    const lists = sql.names.get(` ${lowerName} `) as unknown as Columns;
    const rows = sql.withNames.all(folder, text(lists[0])) as unknown as Rows;
    if (needle === '') return uint32Column(rows);
    return uint32Column(rows.filter((row) => this.#fieldHas(integer(row[1]), lowerName, needle)));
  }

  #fieldHas(email: number, lowerName: string, needle: string): boolean {
    const header = this.#source.header(email);
    if (header === undefined) return false;
    return parseHeader(header).some(
      (field) =>
        field.lowerName === lowerName && fold(decodeEncodedWords(field.value)).includes(needle),
    );
  }

  /** RFC 9051 §6.4.4: BODY and TEXT, any substring. */
  #searchText(
    { index, sql }: Kept,
    folder: number,
    where: 'body' | 'text',
    needle: string,
  ): Uint32Array {
    const all = () => sql.emails.all(folder) as unknown as Rows;
    if (needle === '') return uint32Column(all());
    const { words, exact } = sought(needle);
    // Nothing that the index knows of: everything has to be read.
    if (words.length === 0)
      return uint32Column(all().filter((row) => this.#textHas(integer(row[1]), where, needle)));
    index.complete(folder, 'index');
    const indexes: readonly TextIndex[] = where === 'body' ? ['bodies'] : ['bodies', 'headers'];
    const sets = indexes.map((name) => index.lookUp(name, { words, exact }));
    const count = sets.reduce((sum, { size }) => sum + size, 0);
    const emails = () => JSON.stringify(sets.flatMap((set) => [...set]));
    if (exact && count <= fewMatches) return uint32Column(sql.among.all(folder, emails()));
    const candidates = all().filter((row) => sets.some((set) => set.has(row[1] as number)));
    if (exact) return uint32Column(candidates);
    return uint32Column(candidates.filter((row) => this.#textHas(integer(row[1]), where, needle)));
  }

  #textHas(email: number, where: 'body' | 'text', needle: string): boolean {
    const message = this.#source.message(email);
    if (message === undefined) return false;
    if (where === 'text' && headerText(headerFields(message)).includes(needle)) return true;
    return bodyTextOf(message).includes(needle);
  }

  #jobFor(index: SearchIndex, operation: string, args: readonly unknown[]): Job | undefined {
    const folder = integer(args[0]);
    switch (operation) {
      case 'digests':
        return this.#digestJob(folder, args[1] as readonly number[]);
      case 'sortFacts':
        return index.jobOf(folder, 'facts');
      case 'search': {
        const { kind } = args[1] as ContentTerm;
        return index.jobOf(folder, kind === 'body' || kind === 'text' ? 'index' : 'facts');
      }
      default:
        return undefined;
    }
  }

  #digestJob(folder: number, uids: readonly number[]): Job | undefined {
    const rows = this.#kept!.sql.withoutDigest.all(folder, JSON.stringify(uids));
    if (rows.length === 0) return undefined;
    const emails = (rows as unknown as Rows).map(([email]) => integer(email));
    return { stage: 'facts', emails, done: 0 };
  }

  /** Damage to what is derived is mended by deriving it again, once. */
  #use<T>(action: (kept: Kept) => T): T {
    try {
      this.#kept ??= this.#open(attachSearchDatabase);
      return action(this.#kept);
    } catch (error) {
      const code = codeOf(error);
      if (code !== sqliteCode.corrupt && code !== sqliteCode.notADatabase) throw error;
      this.#kept = undefined;
      this.#kept = this.#open(replaceSearchDatabase);
      return action(this.#kept);
    }
  }

  #open(attach: typeof attachSearchDatabase): Kept {
    const { database, searchPath } = this.#parts;
    attach({ database, path: searchPath });
    return { index: new SearchIndex(database, this.#source), sql: prepareStatements(database) };
  }
}
