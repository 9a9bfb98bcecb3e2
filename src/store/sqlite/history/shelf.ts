// Looks through a table of the history from its newest row on: by words where there are some, row by row where there
// are none. What the words find is looked at once more, and a search that finds little ends in time and says
// from where on to continue.

import type { DatabaseSync } from 'node:sqlite';
import type { WordsWanted } from '../../history/asked.ts';
import { holdsAll, wordsIn } from '../../history/asked.ts';
import type { Row } from '../../row.ts';
import { integer } from '../../row.ts';

export interface ShelfSearch {
  readonly table: 'message' | 'refusal';
  readonly words: readonly WordsWanted[];
  /** Keys from here on, and only those before. */
  readonly from: number;
  readonly before: number;
  readonly accept: (row: Row) => boolean;
  readonly limit: number;
  readonly isOver: () => boolean;
}

export interface ShelfPage {
  readonly rows: readonly Row[];
  /** Undefined where nothing more is to be found. */
  readonly next: number | undefined;
}

/** Rows are counted before somebody looks at the clock. */
const rowsPerLook = 100;
/** Limit: rows that are looked through, the newest, before words that may be common are looked up. */
const rowsFirst = 1500;

export function searchShelf(database: DatabaseSync, search: ShelfSearch): ShelfPage {
  const wanted = matchOf(search.words);
  if (wanted === undefined) return pageOf(rowByRow(database, search), search);
  const beginnings = search.words.filter(({ isBeginning }) => isBeginning);
  if (beginnings.length === 0) return pageOf(byWords(database, search, wanted), search);
  // All words that begin alike are gathered before the first row comes: what is common is found sooner among the
  // newest rows, and what is rare is gathered soon.
  const holds = holdsAll(beginnings);
  const accept = (row: Row) => search.accept(row) && holds(row);
  const newest = pageOf(rowByRow(database, search, rowsFirst), {
    ...{ ...search, accept },
    isOver: () => false,
  });
  const { rows, last } = newest;
  if (newest.next !== undefined || last === undefined) return newest;
  const rest = { ...search, before: last, limit: search.limit - rows.length };
  const older = pageOf(byWords(database, rest, wanted), rest);
  return { ...older, rows: [...rows, ...older.rows] };
}

function rowByRow(
  database: DatabaseSync,
  { table, from, before }: ShelfSearch,
  most: number = Number.MAX_SAFE_INTEGER,
): Iterable<Row> {
  return database
    .prepare(`SELECT * FROM ${table} WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT ?`)
    .iterate(from, before, most) as Iterable<Row>;
}

function byWords(
  database: DatabaseSync,
  { table, from, before }: ShelfSearch,
  wanted: string,
): Iterable<Row> {
  return database
    .prepare(
      `SELECT t.* FROM ${table}_words w CROSS JOIN ${table} t ON t.key = w.rowid
       WHERE ${table}_words MATCH ? AND w.rowid >= ? AND w.rowid < ? ORDER BY w.rowid DESC`,
    )
    .iterate(wanted, from, before) as Iterable<Row>;
}

interface Page extends ShelfPage {
  /** The last that was looked at. */
  readonly last: number | undefined;
}

function pageOf(rows: Iterable<Row>, { accept, limit, isOver, before }: ShelfSearch): Page {
  const found: Row[] = [];
  let seen = 0;
  let last: number | undefined;
  for (const row of rows) {
    if (accept(row)) {
      // A page that was full before it came here goes on from there.
      if (found.length === limit) return { rows: found, next: last ?? before, last };
      found.push(row);
    }
    last = integer(row.key);
    seen += 1;
    if (seen % rowsPerLook === 0 && isOver()) return { rows: found, next: last, last };
  }
  return { rows: found, next: undefined, last };
}

/** Undefined: there is not a word in it. */
function matchOf(wanted: readonly WordsWanted[]): string | undefined {
  const parts = wanted.flatMap(({ column, text, isBeginning }) => {
    const words = wordsIn(text);
    if (words.length === 0) return [];
    const phrase = `"${words.join(' ')}"${isBeginning ? ' *' : ''}`;
    return [column === undefined ? phrase : `${column} : ${phrase}`];
  });
  return parts.length === 0 ? undefined : parts.join(' AND ');
}
