// What search.db knows, and how it comes to know it: a message is derived from once, when it is first
// needed or when the reader has nothing else to do.

import type { DatabaseSync } from 'node:sqlite';
import { leafParts } from '../../../mail/digest/leaf-parts.ts';
import { type MessageFacts, messageFacts } from '../../../mail/digest/message-facts.ts';
import type { HeaderField } from '../../../mail/header/header.ts';
import { digestForm, digestText } from '../../digest-text.ts';
import { integer, text } from '../../row.ts';
import { derivation } from '../../search/derivation.ts';
import { digestRow, sortingOf } from '../../search/derived-rows.ts';
import { bodyTextOf, headerFields, headerText } from '../../search/message-text.ts';
import type { Sought } from '../../search/search-words.ts';
import { fold, indexed } from '../../search/search-words.ts';
import { prepareArrays } from '../arrays.ts';
import { isNoRoom, prepareRun } from '../database.ts';
import type { MessageSource } from '../message-source.ts';
import { withDigest } from './search-database.ts';
import { Vocabulary } from './vocabulary.ts';

/** `facts`: all but the full-text indexes, which cost as much again. */
export type Stage = 'facts' | 'index';

/** A message that nothing was known of, or one that an older version has read in its own way. */
export type Advanced = 'new' | 'old';
export type TextIndex = 'bodies' | 'headers';

type Rows = readonly (readonly unknown[])[];

/** Messages to derive from, in as many goes as it takes. */
export interface Job {
  readonly stage: Stage | 'digest';
  readonly emails: readonly number[];
  done: number;
  /** There is no room for the rest of them. */
  stuck?: boolean;
  /** Those that cannot be read, perhaps only now. */
  readonly unread?: number[];
  /** What is known when it is done: everything in this folder, up to this modseq. */
  readonly folder?: number;
  readonly modseq?: number;
}

/** Emails that nothing is known of, for want of room or because they cannot be read. */
export const leftOf = ({ emails, done, unread = [] }: Job): readonly number[] => [
  ...unread,
  ...emails.slice(done),
];

const never = () => false;

// Limit: messages of one transaction, and words of one question to the index.
const messagesPerTransaction = 500;
const wordsPerMatch = 250;

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => prepareArrays(database, sql);
  const run = (sql: string) => prepareRun(database, sql);
  return {
    begin: run('BEGIN'),
    commit: run('COMMIT'),
    stage: prepare(`
      SELECT facts.indexed, facts.derivation, digest.email
      FROM search.facts LEFT JOIN ${withDigest('facts')} WHERE facts.email = ?`),
    missing: prepare(`
      SELECT DISTINCT mail.email
      FROM mail INDEXED BY mail_modseq LEFT JOIN search.facts ON facts.email = mail.email
      WHERE mail.folder = ? AND mail.modseq > ? AND coalesce(facts.indexed, -1) < ?`),
    missingOf: prepare(`
      SELECT value FROM json_each(?) LEFT JOIN search.facts ON facts.email = value
      WHERE coalesce(facts.indexed, 0) < 1`),
    highest: prepare('SELECT modseq FROM folder WHERE id = ?'),
    names: prepare('SELECT id FROM search.field_names WHERE names = ?'),
    insertNames: prepare('INSERT INTO search.field_names (names) VALUES (?) RETURNING id'),
    insertFacts: run(`
      INSERT INTO search.facts (email, indexed, names, sent_day, subject, sender, recipient, cc, bcc,
        message_id, in_reply_to, refs, reply_to, attachments, inlines, derivation)
      VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${derivation})`),
    insertSorting: run(`
      INSERT INTO search.sorting (email, sent_ms, is_reply, subject, sender, recipient, cc,
        display_from, display_to, message_id, refs)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    insertDigest: run(`
      INSERT OR REPLACE INTO search.digest (email, form, envelope, body, preview)
      VALUES (?, ${digestForm}, ?, ?, ?)`),
    insertBody: run('INSERT INTO search.bodies (rowid, text) VALUES (?, ?)'),
    insertHeader: run('INSERT INTO search.headers (rowid, text) VALUES (?, ?)'),
    setIndexed: run('UPDATE search.facts SET indexed = 1 WHERE email = ?'),
    // One text for all: 100,000 rows take twice the time.
    bodies: prepare('SELECT json_group_array(rowid) FROM search.bodies WHERE bodies MATCH ?'),
    headers: prepare('SELECT json_group_array(rowid) FROM search.headers WHERE headers MATCH ?'),
    mergeBodies: run(`INSERT INTO search.bodies (bodies, rank) VALUES ('merge', ?)`),
    mergeHeaders: run(`INSERT INTO search.headers (headers, rank) VALUES ('merge', ?)`),
    changes: prepare('SELECT total_changes()'),
    cursor: prepare('SELECT cursor FROM search.about'),
    setCursor: run('UPDATE search.about SET cursor = ?'),
    next: prepare('SELECT id FROM email WHERE id > ? ORDER BY id LIMIT 1'),
    someFacts: prepare(`
      SELECT facts.email, email.id
      FROM search.facts LEFT JOIN email ON email.id = facts.email
      WHERE facts.email > ? ORDER BY facts.email LIMIT ?`),
    forget: ['facts', 'sorting', 'digest'].map((table) =>
      run(`DELETE FROM search.${table} WHERE email = ?`),
    ),
    forgetText: ['bodies', 'headers'].map((table) =>
      run(`DELETE FROM search.${table} WHERE rowid = ?`),
    ),
  };
}

export class SearchIndex {
  readonly #database: DatabaseSync;
  readonly #source: MessageSource;
  readonly #sql: ReturnType<typeof prepareStatements>;
  readonly #vocabularies: Readonly<Record<TextIndex, Vocabulary>>;
  readonly #names = new Map<string, number>();
  /** Up to which modseq of a folder all of its messages are known. */
  readonly #known = { facts: new Map<number, number>(), index: new Map<number, number>() };

  /** Up to which email it was looked when nobody waited, and those of them that could not be read, ascending. */
  #looked: number | undefined;
  readonly #unread = new Set<number>();

  constructor(database: DatabaseSync, source: MessageSource) {
    this.#database = database;
    this.#source = source;
    this.#sql = prepareStatements(database);
    this.#vocabularies = {
      bodies: this.#vocabulary('bodies'),
      headers: this.#vocabulary('headers'),
    };
  }

  /** Everything that is in the folder now; returns the emails that there is no room for. */
  complete(folder: number, stage: Stage): readonly number[] {
    const job = this.jobOf(folder, stage);
    if (job === undefined) return [];
    this.work(job, never);
    return leftOf(job);
  }

  /** What is missing for that; undefined if nothing is. */
  jobOf(folder: number, stage: Stage): Job | undefined {
    const row = this.#sql.highest.get(folder) as unknown as readonly unknown[] | undefined;
    if (row === undefined) return undefined;
    const since = this.#known[stage].get(folder) ?? 0;
    const modseq = integer(row[0]);
    if (since >= modseq) return undefined;
    const wanted = stage === 'facts' ? 0 : 1;
    const missing = this.#sql.missing.all(folder, since, wanted) as unknown as Rows;
    const emails = missing.map(([email]) => integer(email));
    return { stage, emails, done: 0, unread: [], folder, modseq };
  }

  /** True when it is done, or stuck; false when it was over before. */
  work(job: Job, isOver: () => boolean): boolean {
    if (job.stuck) return true;
    try {
      return this.#work(job, isOver);
    } catch (error) {
      if (!isNoRoom(error)) throw error;
      job.stuck = true;
      return true;
    }
  }

  #work(job: Job, isOver: () => boolean): boolean {
    const { emails, stage, folder, modseq, unread } = job;
    while (job.done < emails.length) {
      const end = Math.min(job.done + messagesPerTransaction, emails.length);
      job.done = this.#transaction(() => {
        let at = job.done;
        for (; at < end && !isOver(); at += 1)
          if (!this.#derive(emails[at]!, stage)) unread?.push(emails[at]!);
          else if (stage === 'index') this.#unread.delete(emails[at]!);
        return at;
      });
      if (job.done < emails.length && isOver()) return false;
    }
    if (stage === 'digest' || folder === undefined || modseq === undefined) return true;
    if (unread?.length !== 0) return true;
    const known = this.#known[stage];
    if (known.size >= foldersKnownMax) known.clear();
    known.set(folder, modseq);
    return true;
  }

  /** What the indexes lack of all the emails; undefined if nothing is. */
  jobFor(emails: () => readonly number[]): Job | undefined {
    const looked = this.#cursor();
    const isAll = this.#unread.size === 0 && this.#sql.next.get(looked) === undefined;
    if (isAll) return undefined;
    const later = emails().filter((email) => email > looked || this.#unread.has(email));
    if (later.length === 0) return undefined;
    const rows = this.#sql.missingOf.all(JSON.stringify(later)) as unknown as Rows;
    if (rows.length === 0) return undefined;
    return { stage: 'index', emails: rows.map(([email]) => integer(email)), done: 0, unread: [] };
  }

  /** Everything up to this email was derived from when nobody waited, but for what could not be read. */
  #cursor(): number {
    this.#looked ??= integer((this.#sql.cursor.get() as unknown as readonly unknown[])[0]);
    return this.#looked;
  }

  /** Emails with a word, or the words, in one of the indexes. */
  lookUp(index: TextIndex, { words }: Sought): ReadonlySet<number> {
    let found: Set<number> | undefined;
    for (const word of words) {
      const emails = this.#emailsWith(index, this.#vocabularies[index].matching(word));
      if (found === undefined) found = emails;
      else for (const email of found) if (!emails.has(email)) found.delete(email);
      if (found.size === 0) break;
    }
    return found ?? new Set();
  }

  /** A slice of what can be done ahead; tells what it came to last, or undefined: nothing is left. */
  advance(isOver: () => boolean): Advanced | undefined {
    let cursor = this.#cursor();
    const result = this.#transaction(() => {
      let advanced: Advanced | undefined;
      do {
        const row = this.#sql.next.get(cursor) as unknown as readonly unknown[] | undefined;
        if (row === undefined) advanced = undefined;
        else {
          cursor = integer(row[0]);
          advanced = this.#isOld(cursor) ? 'old' : 'new';
          if (!this.#derive(cursor, 'index')) this.#unread.add(cursor);
        }
      } while (advanced !== undefined && !isOver());
      // What could not be read is looked at again when it is opened the next time.
      const [first = Number.POSITIVE_INFINITY] = this.#unread;
      this.#sql.setCursor.run(Math.min(cursor, first - 1));
      return advanced;
    });
    this.#looked = cursor;
    return result;
  }

  #isOld(email: number): boolean {
    const row = this.#sql.stage.get(email) as unknown as readonly unknown[] | undefined;
    return row !== undefined && (row[1] !== derivation || row[2] === null);
  }

  /** A slice of what makes the indexes smaller and faster. False when there is nothing to do. */
  merge(): boolean {
    const changes = () => integer((this.#sql.changes.get() as unknown as readonly unknown[])[0]);
    const before = changes();
    this.#sql.mergeBodies.run(pagesPerMerge);
    this.#sql.mergeHeaders.run(pagesPerMerge);
    // https://www.sqlite.org/fts5.html#the_merge_command: one of each says that nothing was done.
    return changes() - before > 2;
  }

  /** Forgets those of the next rows whose email is gone; returns where to go on, if anywhere. */
  sweep(after: number): number | undefined {
    const rows = this.#sql.someFacts.all(after, rowsPerSweep) as unknown as Rows;
    this.#transaction(() => {
      for (const [email, there] of rows) if (there === null) this.#forget(integer(email));
    });
    return rows.length < rowsPerSweep ? undefined : integer(rows.at(-1)![0]);
  }

  #forget(email: number): void {
    for (const statement of [...this.#sql.forget, ...this.#sql.forgetText]) statement.run(email);
  }

  /** False: it cannot be read, and nothing is kept that would outlive its return. */
  #derive(email: number, stage: Job['stage']): boolean {
    const row = this.#sql.stage.get(email) as unknown as readonly unknown[] | undefined;
    const isOld = row !== undefined && row[1] !== derivation;
    const hasDigest = row !== undefined && row[2] !== null;
    // What was derived by another reading of messages does for whoever waits.
    if (row !== undefined && stage === 'facts') return true;
    if (hasDigest && (stage === 'digest' || (row[0] === 1 && !isOld))) return true;
    const message = this.#source.find(email);
    if (message === undefined) return true;
    if (message === 'unreadable') return false;
    if (row !== undefined && stage === 'digest') {
      this.#insertDigest(email, messageFacts(message));
      return true;
    }
    if (isOld) this.#forget(email);
    const fields = headerFields(message);
    let body: string | undefined;
    if (row === undefined || isOld) body = this.#insertFacts(email, message, fields);
    else if (!hasDigest) body = this.#insertDigest(email, messageFacts(message));
    if (stage !== 'index' || (row?.[0] === 1 && !isOld)) return true;
    const bodyWords = indexed(body === undefined ? bodyTextOf(message) : fold(body));
    const headerWords = indexed(headerText(message, fields));
    this.#sql.insertBody.run(email, bodyWords);
    this.#sql.insertHeader.run(email, headerWords);
    this.#vocabularies.bodies.add(bodyWords);
    this.#vocabularies.headers.add(headerWords);
    this.#sql.setIndexed.run(email);
    return true;
  }

  /** Gives the decoded text of the body. */
  #insertFacts(email: number, message: Uint8Array, fields: readonly HeaderField[]): string {
    const facts = messageFacts(message);
    const { headerTexts: texts, digest, sortKeys } = facts;
    const header = [texts.subject, texts.from, texts.to, texts.cc, texts.bcc].map(fold);
    const ids = [texts.messageId, texts.inReplyTo, texts.references].map(fold);
    const names = this.#namesId(fields);
    const kinds = leafParts(digest.body).map(({ kind }) => kind);
    const [attachments, inlines] = (['attachment', 'inline'] as const).map(
      (wanted) => kinds.filter((kind) => kind === wanted).length,
    );
    const sent = digest.envelope.sent?.day ?? null;
    this.#sql.insertFacts.run(
      ...[email, names, sent, ...header, ...ids, fold(texts.replyTo), attachments!, inlines!],
    );
    this.#sql.insertSorting.run(email, ...sortingOf(sortKeys));
    return this.#insertDigest(email, facts);
  }

  #insertDigest(email: number, { digest, text }: MessageFacts): string {
    this.#sql.insertDigest.run(email, ...digestRow(digestText(digest)));
    return text;
  }

  #namesId(fields: readonly HeaderField[]): number {
    const names = ` ${[...new Set(fields.map(({ lowerName }) => lowerName))].join(' ')} `;
    const known = this.#names.get(names);
    if (known !== undefined) return known;
    const row = (this.#sql.names.get(names) ??
      this.#sql.insertNames.get(names)) as unknown as readonly unknown[];
    if (this.#names.size >= namesKnownMax) this.#names.clear();
    this.#names.set(names, integer(row[0]));
    return integer(row[0]);
  }

  #emailsWith(index: TextIndex, words: readonly string[]): Set<number> {
    const found = new Set<number>();
    for (let at = 0; at < words.length; at += wordsPerMatch) {
      const some = words.slice(at, at + wordsPerMatch);
      const question = some.map((word) => `"${word}"`).join(' OR ');
      const [emails] = this.#sql[index].get(question) as unknown as readonly unknown[];
      for (const email of JSON.parse(text(emails)) as readonly number[]) found.add(email);
    }
    return found;
  }

  #vocabulary(index: TextIndex): Vocabulary {
    this.#database.exec(`
      DROP TABLE IF EXISTS temp.${index}_words;
      CREATE VIRTUAL TABLE temp.${index}_words USING fts5vocab('search', '${index}', 'row')`);
    const words = prepareArrays(this.#database, `SELECT term FROM temp.${index}_words`);
    return new Vocabulary(() => (words.all() as unknown as Rows).map(([term]) => text(term)));
  }

  #transaction<T>(write: () => T): T {
    try {
      this.#sql.begin.run();
      const result = write();
      this.#sql.commit.run();
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      // Ids and words of what was rolled back.
      this.#names.clear();
      throw error;
    }
  }
}

// Limit: pages written in a slice.
const pagesPerMerge = 200;
// Limit: rows looked at in a slice; folders and lists of names kept in memory.
const rowsPerSweep = 2000;
const foldersKnownMax = 10_000;
const namesKnownMax = 10_000;
