// What accounts called spam and what not, on PostgreSQL. Lessons of one account take turns: its row is locked.

import type { Row } from '../row.ts';
import { blob, integer } from '../row.ts';
import type { SpamCounts, SpamLesson, SpamStore } from '../spam-store.ts';
import { spamLimits } from '../spam-store.ts';
import type { Database, Queries, Transaction } from './database.ts';

// Limit: of all words, the part that goes beyond those there is no room for, so that not every lesson sweeps.
const sweptBeyond = 1 / 400;

/** An account's row while a lesson changes it. */
interface Pupil {
  readonly id: number;
  spam: number;
  ham: number;
  words: number;
  lessons: number;
}

export class PostgresSpamStore implements SpamStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  learn({ account, email, is, words }: SpamLesson): Promise<boolean> {
    const isSpam = is === 'spam';
    return this.#database.transaction(async (transaction) => {
      const pupil = await pupilOf(transaction, account);
      const [before] = await transaction.rows(
        'SELECT spam, counted FROM spam_learnt WHERE account = $1 AND email = $2',
        [pupil.id, email],
      );
      if (before?.spam === isSpam) return false;
      pupil.lessons += 1;
      if (before?.counted === true)
        await count(transaction, { pupil, words, isSpam: !isSpam, by: -1, wordsMax: 0 });
      await makeRoom(transaction, pupil, words, spamLimits.words);
      if (words.length > 0)
        await count(transaction, { pupil, words, isSpam, by: 1, wordsMax: spamLimits.words });
      await transaction.run(
        `INSERT INTO spam_learnt (account, email, spam, counted, lesson) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account, email) DO UPDATE
         SET spam = excluded.spam, counted = excluded.counted, lesson = excluded.lesson`,
        [pupil.id, email, isSpam, words.length > 0, pupil.lessons],
      );
      await transaction.run('DELETE FROM spam_learnt WHERE account = $1 AND lesson <= $2', [
        pupil.id,
        pupil.lessons - spamLimits.lessons,
      ]);
      await transaction.run(
        'UPDATE spam_account SET spam = $2, ham = $3, words = $4, lessons = $5 WHERE id = $1',
        [pupil.id, pupil.spam, pupil.ham, pupil.words, pupil.lessons],
      );
      return true;
    });
  }

  async learnt(account: string): Promise<SpamCounts> {
    const sql = 'SELECT spam, ham FROM spam_account WHERE account = $1';
    const [row] = await this.#database.rows(sql, [account]);
    return row === undefined ? { spam: 0, ham: 0 } : countsOf(row);
  }

  async counts(
    account: string,
    words: readonly string[],
  ): Promise<ReadonlyMap<string, SpamCounts>> {
    const rows = await this.#database.rows(
      `SELECT word, spam_word.spam, spam_word.ham
       FROM spam_account JOIN spam_word ON spam_word.account = spam_account.id
       WHERE spam_account.account = $1 AND word = ANY($2::bytea[])`,
      [account, words.map((word) => Buffer.from(word))],
    );
    return new Map(rows.map((row) => [wordOf(row), countsOf(row)]));
  }
}

/** Whoever has the address next learns anew. */
export async function forgetSpam(queries: Queries, account: string): Promise<void> {
  await queries.run(
    `WITH gone AS (DELETE FROM spam_account WHERE account = $1 RETURNING id),
       words AS (DELETE FROM spam_word USING gone WHERE spam_word.account = gone.id)
     DELETE FROM spam_learnt USING gone WHERE spam_learnt.account = gone.id`,
    [account],
  );
}

async function pupilOf(transaction: Transaction, account: string): Promise<Pupil> {
  const [row] = await transaction.rows(
    `INSERT INTO spam_account (account) VALUES ($1)
     ON CONFLICT (account) DO UPDATE SET account = excluded.account RETURNING *`,
    [account],
  );
  return {
    id: integer(row?.id),
    ...countsOf(row ?? {}),
    words: integer(row?.words),
    lessons: integer(row?.lessons),
  };
}

interface Counting {
  readonly pupil: Pupil;
  readonly words: readonly string[];
  readonly isSpam: boolean;
  readonly by: 1 | -1;
  /** Without room, what is new is left out. */
  readonly wordsMax: number;
}

/** One message more, or less, of a kind. */
async function count(transaction: Transaction, counting: Counting): Promise<void> {
  const { pupil, words, isSpam, by, wordsMax } = counting;
  const [spam, ham] = isSpam ? [by, 0] : [0, by];
  pupil.spam = Math.max(0, pupil.spam + spam);
  pupil.ham = Math.max(0, pupil.ham + ham);
  const known = await knownWords(transaction, pupil, words);
  const room = Math.max(0, wordsMax - pupil.words);
  const added = words.filter((word) => !known.has(word)).slice(0, room);
  const counted = [...words.filter((word) => known.has(word)), ...added];
  await transaction.run(
    `INSERT INTO spam_word (account, word, spam, ham, lesson)
     SELECT $1, word, greatest($3::bigint, 0), greatest($4::bigint, 0), $5
     FROM unnest($2::bytea[]) AS word
     ON CONFLICT (account, word) DO UPDATE SET spam = greatest(spam_word.spam + $3::bigint, 0),
       ham = greatest(spam_word.ham + $4::bigint, 0), lesson = excluded.lesson`,
    [pupil.id, counted.map((word) => Buffer.from(word)), spam, ham, pupil.lessons],
  );
  const gone = await transaction.run(
    'DELETE FROM spam_word WHERE account = $1 AND word = ANY($2::bytea[]) AND spam + ham = 0',
    [pupil.id, words.map((word) => Buffer.from(word))],
  );
  pupil.words += added.length - gone;
}

async function makeRoom(
  transaction: Transaction,
  pupil: Pupil,
  words: readonly string[],
  wordsMax: number,
): Promise<void> {
  if (pupil.words + words.length <= wordsMax) return;
  const known = await knownWords(transaction, pupil, words);
  const surplus = pupil.words + words.length - known.size - wordsMax;
  if (surplus <= 0) return;
  pupil.words -= await transaction.run(
    `DELETE FROM spam_word WHERE account = $1 AND word IN (
       SELECT word FROM spam_word WHERE account = $1 AND spam + ham <= 1 ORDER BY lesson LIMIT $2)`,
    [pupil.id, surplus + Math.floor(wordsMax * sweptBeyond)],
  );
}

async function knownWords(
  transaction: Transaction,
  { id }: Pupil,
  words: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await transaction.rows(
    'SELECT word FROM spam_word WHERE account = $1 AND word = ANY($2::bytea[])',
    [id, words.map((word) => Buffer.from(word))],
  );
  return new Set(rows.map(wordOf));
}

const wordOf = (row: Row): string => Buffer.from(blob(row.word)).toString();

const countsOf = (row: Row): SpamCounts => ({ spam: integer(row.spam), ham: integer(row.ham) });
