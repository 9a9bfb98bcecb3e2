// What is derived from messages: digests, search, sort keys. Kept in search.db, which may be thrown
// away at any time; the truth is the messages alone.

import type { DatabaseSync } from 'node:sqlite';
import { messageFacts } from '../../../mail/digest/message-facts.ts';
import { type DigestText, digestForm, digestSeparator, digestText } from '../../digest-text.ts';
import type { ContentTerm } from '../../folder-store.ts';
import type { MailPageRow } from '../../lists/mail-pages.ts';
import { mailPageRow } from '../../lists/mail-pages.ts';
import type { MailRows } from '../../lists/mail-rows.ts';
import { isContentTerm } from '../../lists/mail-tests.ts';
import type { MailQuestion } from '../../mail-question.ts';
import { integer, text } from '../../row.ts';
import type { DigestsRow, SortFactsRow } from '../../search/derived-rows.ts';
import { digestsRow, digestTexts, sortFactsRow, sortingOf } from '../../search/derived-rows.ts';
import { prepareArrays } from '../arrays.ts';
import { codeOf, isNoRoom, sqliteCode } from '../database.ts';
import { type Finding, MailFinder, type Places } from '../lists/mail-finder.ts';
import { MessageSource, type ReadHead } from '../message-source.ts';
import { ContentSearch, type Search, uidsOf } from './content-search.ts';
import {
  attachSearchDatabase,
  attachSmallSearchDatabase,
  closeSearchDatabase,
  replaceSearchDatabase,
  withDigest,
} from './search-database.ts';
import { type Advanced, type Job, leftOf, SearchIndex, type Stage } from './search-index.ts';

type Columns = readonly unknown[];
type Rows = readonly Columns[];

const separator = digestSeparator.charCodeAt(0);

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => prepareArrays(database, sql);
  const sorting = `
    SELECT mail.uid, mail.received, sorting.sent_ms, sorting.is_reply, sorting.subject,
      sorting.sender, sorting.recipient, sorting.cc, sorting.display_from, sorting.display_to,
      sorting.message_id, sorting.refs
    FROM mail CROSS JOIN search.sorting ON sorting.email = mail.email WHERE mail.folder = ?`;
  return {
    emailOf: prepare('SELECT email FROM mail WHERE folder = ? AND uid = ?'),
    withoutDigest: prepare(`
      SELECT DISTINCT mail.email
      FROM mail LEFT JOIN ${withDigest('mail')}
      WHERE mail.folder = ? AND mail.uid IN (SELECT value FROM json_each(?))
        AND digest.email IS NULL`),
    // One row for all: what is read and handed over is three long texts, not some for each message.
    digests: prepare(`
      SELECT json_group_array(mail.uid), ${['envelope', 'body', 'preview']
        .map((column) => `group_concat(coalesce(digest.${column}, ''), char(${separator}))`)
        .join(', ')}, total(digest.email IS NULL)
      FROM mail LEFT JOIN ${withDigest('mail')}
      WHERE mail.folder = ? AND mail.uid IN (SELECT value FROM json_each(?))`),
    digestOf: prepare(`
      SELECT envelope, body, preview FROM search.digest WHERE email = ? AND form = ${digestForm}`),
    among: prepare(`
      SELECT uid, received, email FROM mail
      WHERE folder = ? AND email IN (SELECT value FROM json_each(?))`),
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
  readonly contents: ContentSearch;
  readonly finder: MailFinder;
  readonly questions: WeakMap<MailQuestion, Asked>;
  /** What has been begun, by its arguments: another search.db knows nothing of it. */
  readonly jobs: WeakMap<readonly unknown[], Job>;
  readonly searches: WeakMap<ContentTerm, Search>;
  /** Digests that were all there, by the UIDs that are asked for. */
  readonly pages: WeakMap<readonly number[], DigestsRow>;
  readonly sql: ReturnType<typeof prepareStatements>;
}

/** A question about lists, as far as it has come. */
interface Asked {
  readonly rows: MailRows;
  readonly candidates: Places;
  readonly job: Job | undefined;
  finding: Finding | undefined;
}

export class Derived {
  readonly #parts: DerivedParts;
  readonly #source: MessageSource;
  #kept: Kept | undefined;
  /** Since when search.db is one in memory. */
  #roomless: number | undefined;

  constructor(parts: DerivedParts) {
    this.#parts = parts;
    this.#source = new MessageSource(parts.database, parts.readHead);
  }

  digests(folder: number, uids: readonly number[]): DigestsRow {
    return this.#use((kept) => {
      const ready = kept.pages.get(uids);
      kept.pages.delete(uids);
      if (ready !== undefined) return ready;
      const job = this.#digestJob(folder, uids);
      if (job !== undefined) kept.index.work(job, never);
      const { row, missing } = pageOf(kept.sql, folder, uids);
      return missing === 0 ? row : this.#completed(kept.sql, folder, row);
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
      const search = this.#searchOf(kept, folder, term);
      kept.searches.delete(term);
      kept.contents.work(search, term, never);
      return uidsOf(search);
    });
  }

  mails(question: MailQuestion, rows: () => MailRows): MailPageRow {
    return this.#use((kept) => {
      const finding = this.#find(kept, { question, rows, isOver: never })!;
      kept.questions.delete(question);
      const { start, limit } = question;
      const { found } = finding;
      const places = Array.from(found.slice(start, start + limit));
      const emails = places.map((place) => finding.rows.email(place));
      kept.index.work({ stage: 'digest', emails, done: 0 }, never);
      return mailPageRow(finding.rows, {
        found: finding.rows.countOf(found),
        places,
        digestOf: (email) => this.#digestOf(kept.sql, email),
      });
    });
  }

  /** As prepare(): derives what the answer needs. */
  prepareMails(question: MailQuestion, rows: () => MailRows, isOver: () => boolean): boolean {
    return this.#use((kept) => this.#find(kept, { question, rows, isOver }) !== undefined);
  }

  sortFacts(folder: number, uids: readonly number[] | undefined): SortFactsRow {
    return this.#use(({ index, sql }) => {
      const unknown = index.complete(folder, 'facts');
      const rows = (uids === undefined
        ? sql.sorting.all(folder)
        : sql.sortingOf.all(folder, JSON.stringify(uids))) as unknown as Rows;
      if (unknown.length === 0) return sortFactsRow(rows);
      const all = [...rows, ...this.#sortingNow(sql, folder, unknown, uids)];
      return sortFactsRow(all.sort((a, b) => integer(a[0]) - integer(b[0])));
    });
  }

  /**
   * Derives what an answer needs, until `isOver`: true when everything is there. `args` are the same
   * object each time.
   */
  prepare(operation: string, args: readonly unknown[], isOver: () => boolean): boolean {
    return this.#use((kept) => {
      const { index, contents, jobs } = kept;
      if (operation === 'digests' && !jobs.has(args) && isThere(kept, args)) return true;
      let job = jobs.get(args);
      if (job === undefined) {
        job = this.#jobFor(index, operation, args);
        if (job !== undefined) jobs.set(args, job);
      }
      if (job !== undefined && !index.work(job, isOver)) return false;
      if (operation !== 'search') return true;
      const [folder, term] = args as [number, ContentTerm];
      return contents.work(this.#searchOf(kept, folder, term, job), term, isOver);
    });
  }

  /** A slice of what can be done ahead, until `isOver`. Undefined when there is nothing more. */
  advance(isOver: () => boolean): Advanced | undefined {
    this.#tryRoom();
    return this.#use(({ index }) => index.advance(isOver));
  }

  merge(): boolean {
    return this.#use(({ index }) => index.merge());
  }

  sweep(after: number): number | undefined {
    return this.#use(({ index }) => index.sweep(after));
  }

  close(): void {
    if (this.#kept !== undefined && this.#roomless === undefined)
      closeSearchDatabase(this.#parts.database);
  }

  #jobFor(index: SearchIndex, operation: string, args: readonly unknown[]): Job | undefined {
    const folder = integer(args[0]);
    switch (operation) {
      case 'digests':
        return this.#digestJob(folder, args[1] as readonly number[]);
      case 'sortFacts':
        return index.jobOf(folder, 'facts');
      case 'search':
        return index.jobOf(folder, stageOf(args[1] as ContentTerm));
      default:
        return undefined;
    }
  }

  #digestJob(folder: number, uids: readonly number[]): Job | undefined {
    const rows = this.#kept!.sql.withoutDigest.all(folder, JSON.stringify(uids));
    if (rows.length === 0) return undefined;
    const emails = (rows as unknown as Rows).map(([email]) => integer(email));
    return { stage: 'digest', emails, done: 0 };
  }

  /** The one that was begun for this term, or a new one. `job`: what has just been derived for it. */
  #searchOf(
    { index, contents, searches }: Kept,
    folder: number,
    term: ContentTerm,
    job?: Job,
  ): Search {
    const begun = searches.get(term);
    if (begun !== undefined) return begun;
    const unknown = job === undefined ? index.complete(folder, stageOf(term)) : leftOf(job);
    const search = contents.begin(folder, term, unknown);
    searches.set(term, search);
    return search;
  }

  /** Undefined when it is over before everything is found. */
  #find(
    { index, finder, questions }: Kept,
    {
      question,
      rows,
      isOver,
    }: {
      readonly question: MailQuestion;
      readonly rows: () => MailRows;
      readonly isOver: () => boolean;
    },
  ): Finding | undefined {
    let asked = questions.get(question);
    if (asked === undefined) {
      const all = rows();
      const candidates = finder.candidates(question, all);
      const emails = () => Array.from(candidates, (place) => all.email(place));
      const job = question.terms.some(isContentTerm) ? index.jobFor(emails) : undefined;
      asked = { rows: all, candidates, job, finding: undefined };
      questions.set(question, asked);
    }
    const { job, candidates } = asked;
    if (job !== undefined && !index.work(job, isOver)) return undefined;
    const unknown = new Set(job === undefined ? [] : leftOf(job));
    asked.finding ??= finder.begin(question, asked.rows, { candidates, unknown });
    return finder.work(asked.finding, isOver) ? asked.finding : undefined;
  }

  #digestOf(sql: Kept['sql'], email: number): DigestText | undefined {
    const row = sql.digestOf.get(email) as unknown as Columns | undefined;
    if (row !== undefined)
      return { envelope: text(row[0]), body: text(row[1]), preview: text(row[2]) };
    const message = this.#source.message(email);
    return message && digestText(messageFacts(message).digest);
  }

  // What there was no room for is derived for this one answer.

  #completed(sql: Kept['sql'], folder: number, row: DigestsRow): DigestsRow {
    const texts = digestTexts(row);
    const complete = texts.flatMap((text) => {
      if (text.envelope !== '') return [text];
      const found = sql.emailOf.get(folder, text.uid) as unknown as Columns | undefined;
      const message = found && this.#source.message(integer(found[0]));
      return message ? [{ uid: text.uid, ...digestText(messageFacts(message).digest) }] : [];
    });
    return digestsRow(complete);
  }

  *#sortingNow(
    sql: Kept['sql'],
    folder: number,
    unknown: readonly number[],
    uids: readonly number[] | undefined,
  ): Iterable<Columns> {
    const wanted = uids && new Set(uids);
    for (const row of sql.among.all(folder, JSON.stringify(unknown)) as unknown as Rows) {
      if (wanted !== undefined && !wanted.has(integer(row[0]))) continue;
      const message = this.#source.message(integer(row[2]));
      if (message !== undefined)
        yield [...row.slice(0, 2), ...sortingOf(messageFacts(message).sortKeys)];
    }
  }

  /**
   * Damage to what is derived is mended by deriving it again, once. Where search.db cannot be opened
   * for want of room, a small one in memory takes its place for a while.
   */
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
    try {
      attach({ database, path: searchPath });
      this.#roomless = undefined;
    } catch (error) {
      if (!isNoRoom(error)) throw error;
      attachSmallSearchDatabase(database);
      this.#roomless = performance.now();
    }
    const index = new SearchIndex(database, this.#source);
    const contents = new ContentSearch(database, index, this.#source);
    return {
      ...{ index, contents, sql: prepareStatements(database) },
      finder: new MailFinder(database, index, this.#source),
      questions: new WeakMap<MailQuestion, Asked>(),
      jobs: new WeakMap<readonly unknown[], Job>(),
      searches: new WeakMap<ContentTerm, Search>(),
      pages: new WeakMap<readonly number[], DigestsRow>(),
    };
  }

  #tryRoom(): void {
    if (this.#roomless !== undefined && performance.now() - this.#roomless > roomlessMs)
      this.#kept = undefined;
  }
}

/** What there is of the messages, and of how many of them there is no digest yet. */
function pageOf(sql: Kept['sql'], folder: number, uids: readonly number[]) {
  const columns = sql.digests.get(folder, JSON.stringify(uids)) as unknown as Columns;
  const [found, envelopes, bodies, previews, missing] = columns;
  const row: DigestsRow = {
    uids: Uint32Array.from(JSON.parse(text(found)) as readonly number[]),
    envelopes: text(envelopes ?? ''),
    bodies: text(bodies ?? ''),
    previews: text(previews ?? ''),
  };
  return { row, missing: missing as number };
}

/** Remembers them for the answer, if so. */
function isThere({ sql, pages }: Kept, args: readonly unknown[]): boolean {
  const [folder, uids] = args as [number, readonly number[]];
  const { row, missing } = pageOf(sql, folder, uids);
  if (missing === 0) pages.set(uids, row);
  return missing === 0;
}

// How long the one in memory is used before the file is tried again.
const roomlessMs = 60_000;

const never = () => false;

const stageOf = ({ kind }: ContentTerm): Stage =>
  kind === 'body' || kind === 'text' ? 'index' : 'facts';
