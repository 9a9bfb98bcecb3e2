// The history that nodes share. Each writes what it does into files of its own, which are the truth and never wait; from
// there it is copied to where all can ask for it, within a second or so, once.

import type { HistoryStore } from './history.ts';
import type { HistorySearch } from './history-search.ts';

export interface SharedHistory
  extends HistorySearch,
    Pick<HistoryStore, 'find' | 'findRefused'>,
    AsyncDisposable {
  /** Something was written into this node's files. */
  wrote(bytes: number): void;
  /** How long what happened is known, in milliseconds. */
  keep(ms: number): void;
}

export interface OwnDiary {
  /** Of this node's files; refusals have a folder of their own in it. */
  readonly directory: string;
  /** How long what happened is known, in milliseconds. */
  readonly keptMs: number;
}
