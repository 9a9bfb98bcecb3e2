// The embedded SpamStore.

import type { SpamCounts, SpamLesson, SpamLimits, SpamStore } from '../spam-store.ts';
import { spamLimits } from '../spam-store.ts';
import type { GroupCommit } from './group-commit.ts';

export class SqliteSpamStore implements SpamStore {
  readonly #commit: GroupCommit;
  readonly #limits: SpamLimits;

  constructor(commit: GroupCommit, limits = spamLimits) {
    this.#commit = commit;
    this.#limits = limits;
  }

  learn(lesson: SpamLesson): Promise<boolean> {
    return this.#commit.call('learnSpam', [lesson, this.#limits]);
  }

  learnt(account: string): Promise<SpamCounts> {
    return this.#commit.call('spamLearnt', [account]);
  }

  counts(account: string, words: readonly string[]): Promise<ReadonlyMap<string, SpamCounts>> {
    return this.#commit.call('spamCounts', [account, words]);
  }
}
