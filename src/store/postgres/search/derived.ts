// What is derived from messages, made on first need and kept for everybody. The truth is the messages alone.

import type { MessageDigest } from '../../../mail/digest/digest.ts';
import { digestForm, KeptDigest } from '../../digest-text.ts';
import type { SortFacts } from '../../folder-store.ts';
import type { Row } from '../../row.ts';
import { integer, text } from '../../row.ts';
import { derivation } from '../../search/derivation.ts';
import { sortFactsOf, sortFactsRow } from '../../search/derived-rows.ts';
import type { Database } from '../database.ts';
import { type DerivedRow, derivedRow, insertDerived } from './derived-row.ts';
import type { MessageSource } from './message-source.ts';

// Limit: messages that one statement asks for, and whose rows are in memory together.
const messagesMax = 32;
// Limit: folders that are remembered as known.
const foldersMax = 10_000;

/** By this reading of messages, or by one that a newer node has. */
const isCurrent = `derived.derivation >= ${derivation}`;

interface Made {
  readonly email: number;
  readonly row: DerivedRow;
  /** Nothing is kept of it. */
  readonly isStandIn: boolean;
}

export interface DerivedParts {
  readonly database: Database;
  readonly source: MessageSource;
}

export class Derived {
  readonly #parts: DerivedParts;
  /** Up to which modseq of a folder everything is derived from. */
  readonly #known = new Map<number, number>();

  constructor(parts: DerivedParts) {
    this.#parts = parts;
  }

  /** In the order asked for; undefined for what is gone. */
  async digests(
    folder: number,
    uids: readonly number[],
  ): Promise<readonly (MessageDigest | undefined)[]> {
    const rows = await this.#parts.database.rows(
      `SELECT mail.uid, mail.email, derived.envelope, derived.body, derived.preview
       FROM mail LEFT JOIN derived ON derived.email = mail.email AND derived.form = ${digestForm}
       WHERE mail.folder = $1 AND mail.uid = ANY($2::bigint[])`,
      [folder, uids],
    );
    const missing = rows.filter(({ envelope }) => envelope === null);
    const made = await this.#made(missing.map(({ email }) => integer(email)));
    const found = new Map<number, MessageDigest>();
    for (const row of rows) {
      const kept = row.envelope === null ? made.get(integer(row.email)) : row;
      if (kept !== undefined) found.set(integer(row.uid), digestOf(kept));
    }
    return uids.map((uid) => found.get(uid));
  }

  /** Of emails that are there. */
  async digestsOf(emails: readonly number[]): Promise<ReadonlyMap<number, Row>> {
    const rows = await this.#parts.database.rows(
      `SELECT email, envelope, body, preview FROM derived
       WHERE email = ANY($1::bigint[]) AND form = ${digestForm}`,
      [emails],
    );
    const found = new Map<number, Row>(rows.map((row) => [integer(row.email), row]));
    const made = await this.#made(emails.filter((email) => !found.has(email)));
    return new Map([...found, ...made]);
  }

  async sortFacts(
    folder: number,
    uids: readonly number[] | undefined,
  ): Promise<readonly SortFacts[]> {
    const unread = await this.complete(folder);
    const rows = await this.#parts.database.rows(
      `SELECT mail.uid, mail.received, mail.email, derived.sorting
       FROM mail LEFT JOIN derived ON derived.email = mail.email
       WHERE mail.folder = $1 ${uids === undefined ? '' : 'AND mail.uid = ANY($2::bigint[])'}
       ORDER BY mail.uid`,
      uids === undefined ? [folder] : [folder, uids],
    );
    const sorting = rows.flatMap((row) => {
      const kept = row.sorting ?? unread.get(integer(row.email))?.sorting;
      if (kept === undefined) return []; // it came just now
      return [[row.uid, row.received, ...(JSON.parse(text(kept)) as readonly unknown[])]];
    });
    return sortFactsOf(sortFactsRow(sorting));
  }

  /** Everything that is in the folder now. Gives what cannot be read, as what stands in for it says. */
  async complete(folder: number): Promise<ReadonlyMap<number, DerivedRow>> {
    const since = this.#known.get(folder) ?? 0;
    const rows = await this.#parts.database.rows(
      `SELECT folder.modseq, missing.email FROM folder LEFT JOIN LATERAL (
         SELECT DISTINCT mail.email FROM mail
           LEFT JOIN derived ON derived.email = mail.email AND ${isCurrent}
         WHERE mail.folder = folder.id AND mail.modseq > $2 AND derived.email IS NULL) missing ON true
       WHERE folder.id = $1`,
      [folder, since],
    );
    const missing = rows.flatMap(({ email }) => (email === null ? [] : [integer(email)]));
    const unread = await this.#unread(missing);
    if (unread.size > 0 || rows[0] === undefined) return unread;
    if (this.#known.size >= foldersMax) this.#known.clear();
    this.#known.set(folder, integer(rows[0].modseq));
    return unread;
  }

  /** Those of the emails that nothing is known of are derived from; gives those that cannot be read. */
  async completeOf(emails: readonly number[]): Promise<ReadonlyMap<number, DerivedRow>> {
    const rows = await this.#parts.database.rows(
      `SELECT email FROM unnest($1::bigint[]) AS email
       WHERE NOT EXISTS (SELECT FROM derived WHERE derived.email = email.email AND ${isCurrent})`,
      [emails],
    );
    return this.#unread(rows.map(({ email }) => integer(email)));
  }

  async #made(emails: readonly number[]): Promise<ReadonlyMap<number, DerivedRow>> {
    const made = new Map<number, DerivedRow>();
    for await (const { email, row } of this.#derive(emails)) made.set(email, row);
    return made;
  }

  async #unread(emails: readonly number[]): Promise<ReadonlyMap<number, DerivedRow>> {
    const unread = new Map<number, DerivedRow>();
    for await (const { email, row, isStandIn } of this.#derive(emails))
      if (isStandIn) unread.set(email, row);
    return unread;
  }

  /** Gives those that are there, once what can be read is kept. */
  async *#derive(emails: readonly number[]): AsyncGenerator<Made> {
    for (let at = 0; at < emails.length; at += messagesMax) {
      const made: Made[] = [];
      const messages = this.#parts.source.messages(emails.slice(at, at + messagesMax));
      for await (const [email, { octets, isStandIn }] of messages)
        made.push({ email, row: derivedRow(octets), isStandIn });
      const kept = made.filter(({ isStandIn }) => !isStandIn);
      const rows = new Map(kept.map(({ email, row }) => [email, row]));
      if (rows.size > 0)
        await this.#parts.database.transaction((transaction) => insertDerived(transaction, rows));
      yield* made;
    }
  }
}

const digestOf = (row: Row): MessageDigest =>
  new KeptDigest({
    ...{ envelope: text(row.envelope), body: text(row.body), preview: text(row.preview) },
  });
