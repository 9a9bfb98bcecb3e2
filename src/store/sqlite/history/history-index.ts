// The index of a history: follows its files, forgets with them, and is asked. One at a time has it.

import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { DiaryPosition } from '../../history/diary-reader.ts';
import { diaryBegin, diaryFiles, readDiary } from '../../history/diary-reader.ts';
import type {
  HistoryPage,
  MessageFound,
  MessagesAsked,
  RefusalFound,
  RefusalsAsked,
} from '../../history-search.ts';
import { integer, text } from '../../row.ts';
import { codeOf, sqliteCode } from '../database.ts';
import type { Advanced } from '../search/search-index.ts';
import { openHistoryDatabase, removeHistoryDatabase } from './database.ts';
import { MessageRows } from './message-rows.ts';
import { RefusalRows } from './refusal-rows.ts';
import type { Found } from './search.ts';
import { searchMessages, searchRefusals } from './search.ts';

export interface HistoryIndexOptions {
  /** Of the history; refusals have a folder of their own in it. */
  readonly directory: string;
  /** ':memory:', or a file that nobody else uses. */
  readonly path: string;
  readonly now: () => number;
}

type Diary = 'messages' | 'refused';
const diaries: readonly Diary[] = ['messages', 'refused'];

/** Limit: how long a question waits for what was recorded last, and how long one page is looked for. */
const catchUpMs = 50;
const searchMs = 60;
/** Limit: rows that are forgotten at a time. */
const pruneMax = 500;

const damage: ReadonlySet<number | undefined> = new Set([
  sqliteCode.corrupt,
  sqliteCode.notADatabase,
]);

interface State {
  readonly database: DatabaseSync;
  readonly messages: MessageRows;
  readonly refusals: RefusalRows;
}

export class HistoryIndex {
  readonly #options: HistoryIndexOptions;
  /** Undefined until it is needed, and when it could not be made anew. */
  #state: State | undefined;

  constructor(options: HistoryIndexOptions) {
    this.#options = options;
  }

  messages(asked: MessagesAsked): HistoryPage<MessageFound> {
    return this.#answer((database, isOver) => searchMessages(database, asked, isOver));
  }

  refusals(asked: RefusalsAsked): HistoryPage<RefusalFound> {
    return this.#answer((database, isOver) => searchRefusals(database, asked, isOver));
  }

  /** A slice of what has been recorded since; undefined when there is nothing more. */
  advance(isOver: () => boolean): Advanced | undefined {
    let more = false;
    do more = this.#mending((state) => diaries.some((diary) => this.#read(diary, state)));
    while (more && !isOver());
    return more ? 'new' : undefined;
  }

  /** Full-text indexes of many small parts are slow. False when there is nothing to do. */
  merge(): boolean {
    return this.#mending(({ database }) => {
      let changed = 0;
      for (const table of ['message_words', 'refusal_words']) {
        const before = changesOf(database);
        database.prepare(`INSERT INTO ${table} (${table}, rank) VALUES ('merge', 200)`).run();
        // One change is the statement itself.
        if (changesOf(database) - before > 1) changed += 1;
      }
      return changed > 0;
    });
  }

  /** Forgets what files that are gone have said; undefined when that is done. */
  sweep(_from: number): number | undefined {
    const oldest = (diary: Diary) => diaryFiles(this.#directoryOf(diary))[0] ?? 0;
    const pruned = this.#mending(({ database, messages, refusals }) =>
      inTransaction(
        database,
        () =>
          messages.prune(oldest('messages'), pruneMax) +
          refusals.prune(oldest('refused'), pruneMax),
      ),
    );
    return pruned === 0 ? undefined : 0;
  }

  close(): void {
    this.#state?.database.close();
  }

  #answer<Item>(
    search: (database: DatabaseSync, isOver: () => boolean) => Found<Item>,
  ): HistoryPage<Item> {
    const upToDate = this.advance(this.#within(catchUpMs)) === undefined;
    const found = this.#mending(({ database }) => search(database, this.#within(searchMs)));
    return { ...found, upToDate };
  }

  /** A file that turns out to be damaged is made anew; what is asked is asked again. */
  #mending<T>(work: (state: State) => T): T {
    try {
      return work(this.#opened());
    } catch (error) {
      if (!damage.has(codeOf(error))) throw error;
      this.#beginAnew();
      return work(this.#opened());
    }
  }

  #opened(): State {
    this.#state ??= stateOf(openHistoryDatabase(this.#options.path));
    return this.#state;
  }

  #within(ms: number): () => boolean {
    const end = this.#options.now() + ms;
    return () => this.#options.now() >= end;
  }

  /** False when there was nothing to read. */
  #read(diary: Diary, { database, messages, refusals }: State): boolean {
    const read = readDiary(this.#directoryOf(diary), positionOf(database, diary));
    if (read === undefined) return false;
    if (read === 'lost') {
      this.#beginAnew();
      return true;
    }
    const { events, position } = read;
    const rows = diary === 'messages' ? messages : refusals;
    inTransaction(database, () => {
      rows.apply(events, position.file);
      keepPosition(database, diary, position);
    });
    return true;
  }

  #beginAnew(): void {
    this.#state?.database.close();
    this.#state = undefined;
    removeHistoryDatabase(this.#options.path);
  }

  #directoryOf(diary: Diary): string {
    const { directory } = this.#options;
    return diary === 'messages' ? directory : join(directory, 'refused');
  }
}

const stateOf = (database: DatabaseSync): State => ({
  database,
  messages: new MessageRows(database),
  refusals: new RefusalRows(database),
});

function positionOf(database: DatabaseSync, diary: Diary): DiaryPosition {
  const row = database.prepare('SELECT * FROM position WHERE diary = ?').get(diary);
  if (row === undefined) return diaryBegin;
  return { file: integer(row.file), identity: text(row.identity), offset: integer(row.offset) };
}

function keepPosition(database: DatabaseSync, diary: Diary, position: DiaryPosition): void {
  const { file, identity, offset } = position;
  database
    .prepare('INSERT OR REPLACE INTO position VALUES (?, ?, ?, ?)')
    .run(diary, file, identity, offset);
}

const changesOf = (database: DatabaseSync): number =>
  integer(database.prepare('SELECT total_changes() AS n').get()?.n);

function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite rolls back by itself when the disk is full or fails.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
