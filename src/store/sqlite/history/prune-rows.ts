// What the index of the history forgets: rows whose file is gone, with their words.

import type { StatementSync } from 'node:sqlite';
import { integer } from '../../row.ts';

export interface PruningStatements {
  /** Of so many rows, the oldest first: `key`, `file`. */
  readonly oldest: StatementSync;
  readonly remove: StatementSync;
  readonly forgetWords: StatementSync;
}

/** Of the oldest rows at most `limit` whose file is gone; how many that were. */
export function pruneRows(
  { oldest, remove, forgetWords }: PruningStatements,
  oldestFile: number,
  limit: number,
): number {
  let pruned = 0;
  for (const { key, file } of oldest.all(limit)) {
    if (integer(file) >= oldestFile) break;
    remove.run(integer(key));
    forgetWords.run(integer(key));
    pruned += 1;
  }
  return pruned;
}
