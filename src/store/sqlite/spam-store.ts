// The embedded SpamStore.

import type { SpamCounts, SpamLesson, SpamStore } from '../spam-store.ts';
import { spamLimits } from '../spam-store.ts';
import type { GroupCommit } from './group-commit.ts';

export class SqliteSpamStore implements SpamStore {
  readonly #commit: GroupCommit;

  constructor(commit: GroupCommit) {
    this.#commit = commit;
  }

  learn(lesson: SpamLesson): Promise<boolean> {
    return this.#commit.call('learnSpam', [lesson, spamLimits]);
  }

  learnt(account: string): Promise<SpamCounts> {
    return this.#commit.call('spamLearnt', [account]);
  }

  counts(account: string, words: readonly string[]): Promise<ReadonlyMap<string, SpamCounts>> {
    return this.#commit.call('spamCounts', [account, words]);
  }
}
