// What a move asks of the store that it comes from, and of the one that it goes to: rows as moved-tables.ts has them,
// content, and what changed meanwhile. An implementation has both, since mail may go either way.

import type { Content } from '../content.ts';
import type { MovedKey, MovedRow, MovedTable } from './moved-tables.ts';

/** Why everything cannot be moved: for the operator, in one line that says what to do. */
export class MoveError extends Error {
  override readonly name = 'MoveError';
}

/** Numbers that were given last: the next one is another, whatever was removed meanwhile. */
export interface Counters {
  readonly account: number;
  readonly mailbox: number;
  readonly folder: number;
  readonly email: number;
  readonly spamAccount: number;
  readonly content: number;
  readonly uidValidity: number;
  /** No mailbox begins with a state that one of the same address, now removed, ever had. */
  readonly mailboxModseq: number;
}

/** Rows whose first number is in it: `from` is, `to` is not. */
export interface KeyRange {
  readonly from: number;
  readonly to: number;
}

export interface MovePlace extends AsyncDisposable {
  /** For people: a directory, or an address without a password. */
  readonly name: string;
  /** In the order of its key, as the store orders it. */
  page(
    table: MovedTable,
    after: MovedKey | undefined,
    range?: KeyRange,
  ): Promise<readonly MovedRow[]>;
  /** Those of these that there are. */
  rows(table: MovedTable, keys: readonly MovedKey[]): Promise<readonly MovedRow[]>;
  count(table: MovedTable): Promise<number>;
  /** Those of these that there are. What is small may be in memory. */
  contentsOf(ids: readonly number[]): Promise<ReadonlyMap<number, Content>>;
  counters(): Promise<Counters>;
}

export interface Change {
  /** Of the note that says so. */
  readonly note: number;
  readonly table: MovedTable;
  readonly key: MovedKey;
}

/** What the store says of itself. */
export interface Left {
  /** Of the move. */
  readonly id: string;
  readonly to: string;
  readonly at: number;
}

export interface MoveSource extends MovePlace {
  /** Everything that changes from now on is noted, by whatever process; the number of the move, the same as before if it goes on. */
  watch(): Promise<string>;
  /** The oldest notes. Rows that are read after this are at least as new as these. */
  changes(limit: number): Promise<readonly Change[]>;
  forget(notes: readonly number[]): Promise<void>;
  /** Names of servers that are at work on it. */
  servers(): Promise<readonly string[]>;
  /** They finish what they have, and end; false where only they themselves can be told. */
  drain(names: readonly string[]): Promise<boolean>;
  /** Nobody else has it any more, what was half done by the last server is cleared up. @throws StoreOpenError when somebody has it */
  quiet(): Promise<void>;
  /** Whether everything was moved from here, and where to. */
  left(): Promise<Left | undefined>;
  /** From now on no server starts here. Undone by nothing but a copy from before. */
  leave(left: Left): Promise<void>;
  /** Nothing is noted any more: the move is given up. */
  unwatch(): Promise<void>;
}

export interface CopiedContent {
  readonly id: number;
  readonly size: number;
  /** SHA-256 of its octets, as they were read where it comes from. */
  readonly digest: Uint8Array;
}

export interface SmallCopy extends CopiedContent {
  readonly bytes: Uint8Array;
}

export interface LargeCopy {
  readonly id: number;
  readonly pieces: AsyncIterable<Uint8Array>;
  /** When all of them have been read. */
  readonly digest: () => CopiedContent;
}

export interface MovedRows {
  /** What is there under these goes. */
  readonly keys: readonly MovedKey[];
  readonly rows: readonly MovedRow[];
  /** How far the table has been copied then. */
  readonly cursor?: MovedKey | 'done';
}

export interface MoveTarget extends MovePlace {
  /** Nothing is here, or half of a move. @throws MoveError */
  assertFree(): Promise<void>;
  /**
   * Takes what this move brings, and goes on where it was. No server starts here until it is finished.
   * @throws MoveError when there is something else already
   */
  begin(id: string): Promise<void>;
  /** It was begun, and not finished. */
  isUnderWay(id: string): Promise<boolean>;
  /** How far the table has been copied; `done` when all of it. */
  cursor(table: MovedTable): Promise<MovedKey | 'done' | undefined>;
  /** In one transaction: what has these keys goes, these rows come, the cursor is kept. */
  write(table: MovedTable, given: MovedRows): Promise<void>;
  /** Which of these have been copied. */
  copied(ids: readonly number[]): Promise<ReadonlySet<number>>;
  /** Content that is small enough to be in memory, all of it in one transaction. */
  putSmall(contents: readonly SmallCopy[]): Promise<void>;
  putLarge(content: LargeCopy): Promise<void>;
  /** Content that was copied and not been read again here, in order. */
  unverified(after: number, limit: number): Promise<readonly CopiedContent[]>;
  verified(ids: readonly number[]): Promise<void>;
  /** How much content there is, and octets of it. */
  contents(): Promise<{ readonly contents: number; readonly bytes: number }>;
  /** Content that nothing refers to any more goes; returns what is referred to and was not copied. */
  sweep(): Promise<readonly number[]>;
  /** The numbers go on where they were; servers may start here. */
  finish(counters: Counters): Promise<void>;
  /** What makes it quick, now that servers may be at work on it. */
  optimise(): Promise<void>;
  /** Nothing of a move that was not finished is left. */
  abandon(): Promise<void>;
}
