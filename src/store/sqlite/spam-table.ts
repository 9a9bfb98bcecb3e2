// The spam store's SQL: what SpamStore promises, inside a transaction that somebody else holds. Counts never
// go below none, whatever is taken back.

import type { DatabaseSync } from 'node:sqlite';
import type { Row } from '../row.ts';
import { integer } from '../row.ts';
import type { SpamCounts, SpamLesson, SpamLimits } from '../spam-store.ts';
import type { SpamRequests } from './requests.ts';

// Limit: of all words, the part that goes beyond those there is no room for, so that not every lesson sweeps.
const sweptBeyond = 1 / 400;

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  return {
    account: prepare('SELECT * FROM spam_account WHERE account = ?'),
    addAccount: prepare('INSERT INTO spam_account (account) VALUES (?) RETURNING *'),
    saveAccount: prepare(
      'UPDATE spam_account SET spam = ?, ham = ?, words = ?, lessons = ? WHERE id = ?',
    ),
    removeAccount: prepare('DELETE FROM spam_account WHERE id = ?'),
    word: prepare('SELECT spam, ham FROM spam_word WHERE account = ? AND word = ?'),
    putWord: prepare(`
      INSERT OR REPLACE INTO spam_word (account, word, spam, ham, lesson) VALUES (?, ?, ?, ?, ?)`),
    removeWord: prepare('DELETE FROM spam_word WHERE account = ? AND word = ?'),
    removeRare: prepare(`
      DELETE FROM spam_word WHERE account = ?1 AND word IN (
        SELECT word FROM spam_word WHERE account = ?1 AND spam + ham <= 1
        ORDER BY lesson LIMIT ?2)`),
    removeWords: prepare('DELETE FROM spam_word WHERE account = ?'),
    lesson: prepare('SELECT spam, counted FROM spam_learnt WHERE account = ? AND email = ?'),
    putLesson: prepare(`
      INSERT OR REPLACE INTO spam_learnt (account, email, spam, counted, lesson)
      VALUES (?, ?, ?, ?, ?)`),
    removeLessons: prepare('DELETE FROM spam_learnt WHERE account = ? AND lesson <= ?'),
  };
}

/** An account's row while a lesson changes it. */
interface Pupil {
  readonly id: number;
  spam: number;
  ham: number;
  words: number;
  lessons: number;
}

export class SpamTable implements SpamRequests {
  readonly #sql: ReturnType<typeof prepareStatements>;

  constructor(database: DatabaseSync) {
    this.#sql = prepareStatements(database);
  }

  learnSpam({ account, email, is, words }: SpamLesson, limits: SpamLimits): boolean {
    const pupil = this.#pupil(account) ?? pupilOf(this.#sql.addAccount.get(account)!);
    const isSpam = is === 'spam' ? 1 : 0;
    const before = this.#sql.lesson.get(pupil.id, email);
    if (before !== undefined && integer(before.spam) === isSpam) return false;
    pupil.lessons += 1;
    if (before !== undefined && integer(before.counted) === 1)
      this.#count(pupil, words, [-(1 - isSpam), -isSpam]);
    this.#makeRoom(pupil, words, limits.words);
    if (words.length > 0) this.#count(pupil, words, [isSpam, 1 - isSpam], limits.words);
    const counted = words.length > 0 ? 1 : 0;
    this.#sql.putLesson.run(pupil.id, email, isSpam, counted, pupil.lessons);
    this.#sql.removeLessons.run(pupil.id, pupil.lessons - limits.lessons);
    this.#sql.saveAccount.run(pupil.spam, pupil.ham, pupil.words, pupil.lessons, pupil.id);
    return true;
  }

  spamLearnt(account: string): SpamCounts {
    const { spam, ham } = this.#pupil(account) ?? { spam: 0, ham: 0 };
    return { spam, ham };
  }

  spamCounts(account: string, words: readonly string[]): ReadonlyMap<string, SpamCounts> {
    const found = new Map<string, SpamCounts>();
    const id = this.#pupil(account)?.id;
    if (id === undefined) return found;
    for (const word of words) {
      const row = this.#sql.word.get(id, word);
      if (row !== undefined) found.set(word, { spam: integer(row.spam), ham: integer(row.ham) });
    }
    return found;
  }

  /** Whoever has the address next learns anew. */
  remove(account: string): void {
    const id = this.#pupil(account)?.id;
    if (id === undefined) return;
    this.#sql.removeWords.run(id);
    this.#sql.removeLessons.run(id, Number.MAX_SAFE_INTEGER);
    this.#sql.removeAccount.run(id);
  }

  #pupil(account: string): Pupil | undefined {
    const row = this.#sql.account.get(account);
    return row === undefined ? undefined : pupilOf(row);
  }

  /** One message more, or less, of a kind. Without room, what is new is left out. */
  #count(
    pupil: Pupil,
    words: readonly string[],
    [spam, ham]: readonly [spam: number, ham: number],
    wordsMax = 0,
  ): void {
    pupil.spam = Math.max(0, pupil.spam + spam);
    pupil.ham = Math.max(0, pupil.ham + ham);
    for (const word of words) {
      const row = this.#sql.word.get(pupil.id, word);
      if (row === undefined && pupil.words >= wordsMax) continue;
      const spams = Math.max(0, (row === undefined ? 0 : integer(row.spam)) + spam);
      const hams = Math.max(0, (row === undefined ? 0 : integer(row.ham)) + ham);
      const isKept = spams + hams > 0;
      if (isKept) this.#sql.putWord.run(pupil.id, word, spams, hams, pupil.lessons);
      else this.#sql.removeWord.run(pupil.id, word);
      pupil.words += Number(isKept) - Number(row !== undefined);
    }
  }

  #makeRoom(pupil: Pupil, words: readonly string[], wordsMax: number): void {
    if (pupil.words + words.length <= wordsMax) return;
    const added = words.filter((word) => this.#sql.word.get(pupil.id, word) === undefined);
    const surplus = pupil.words + added.length - wordsMax;
    if (surplus <= 0) return;
    const swept = surplus + Math.floor(wordsMax * sweptBeyond);
    pupil.words -= Number(this.#sql.removeRare.run(pupil.id, swept).changes);
  }
}

const pupilOf = (row: Row): Pupil => ({
  id: integer(row.id),
  spam: integer(row.spam),
  ham: integer(row.ham),
  words: integer(row.words),
  lessons: integer(row.lessons),
});
