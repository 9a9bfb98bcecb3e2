// What each account called spam and what not, as a spam filter counts it: in how many messages of each kind a
// word was. Bounded for each account, and gone with it. What words are is the filter's affair.

export type SpamClass = 'spam' | 'ham';

/** Messages of each kind. */
export interface SpamCounts {
  readonly spam: number;
  readonly ham: number;
}

export interface SpamLesson {
  /** The account's primary address. */
  readonly account: string;
  /** The message: emailId(), which its copies share. */
  readonly email: string;
  readonly is: SpamClass;
  /** Each once. None: it is only remembered what the message was called. */
  readonly words: readonly string[];
}

export interface SpamLimits {
  /** Words of an account; those seen once go first, the oldest of them before others. */
  readonly words: number;
  /** Messages of an account of which is known what they were called; the oldest go first. */
  readonly lessons: number;
}

/** Limits: some 10 MiB for an account that trains for years. */
export const spamLimits: SpamLimits = { words: 200_000, lessons: 20_000 };

export interface SpamStore {
  /**
   * A message called otherwise before is taken back first, with the same words. False when it was called
   * the same before: nothing is counted twice. Flushed soon: what a power failure takes is not learnt.
   */
  learn(lesson: SpamLesson): Promise<boolean>;
  /** How much was learnt. */
  learnt(account: string): Promise<SpamCounts>;
  /** Of these words, those that are known. */
  counts(account: string, words: readonly string[]): Promise<ReadonlyMap<string, SpamCounts>>;
}
