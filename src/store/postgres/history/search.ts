// Looks through a table of the history from its newest row on, in stretches of time that double: a search that finds what
// it wants among the newest looks at these alone, and one that finds little ends in time and says where to go on.

import { idsPerMs } from '../../message-key.ts';
import type { Row } from '../../row.ts';
import { integer } from '../../row.ts';
import type { Queries, Value } from '../database.ts';

export interface TableSearch {
  readonly table: 'history_message' | 'history_refusal';
  /** As `tsquery`; undefined: all rows. */
  readonly query: string | undefined;
  /** What else rows must be, as columns compared with values. */
  readonly filters?: readonly (readonly [sql: string, value: Value])[] | undefined;
  /** Keys from here on, and only those before. */
  readonly from: number;
  readonly before: number;
  /** The first key of today: stretches begin there. */
  readonly today: number;
  /** What is found, as it is to be given; undefined when it is not what was looked for. */
  readonly accept: (row: Row) => Row | undefined;
  readonly limit: number;
  readonly isOver: () => boolean;
}

export interface TablePage {
  readonly rows: readonly Row[];
  /** Undefined where nothing more is to be found. */
  readonly next: number | undefined;
}

/** Keys of a day. */
const dayKeys = 86_400_000 * idsPerMs;
/** Limit: rows, the newest, that are looked through before words are looked up: what is common is found there. */
const rowsFirst = 1500;

export async function searchTable(queries: Queries, search: TableSearch): Promise<TablePage> {
  const { limit, isOver, from } = search;
  const found: Row[] = [];
  let { before } = search;
  for await (const { low, isNewest } of stretches(queries, search)) {
    for (;;) {
      const rows = await rowsOf(queries, search, { low, before, isNewest });
      take(found, rows, search);
      if (found.length > limit) return page(found, limit);
      if (rows.length <= limit) break;
      before = integer(rows.at(-1)!.key);
      if (isOver()) return { rows: found, next: before };
    }
    before = low;
    if (low > from && isOver()) return { rows: found, next: low };
  }
  return { rows: found, next: undefined };
}

/** One more than is wanted says that there are more. */
const page = (found: readonly Row[], limit: number): TablePage => ({
  rows: found.slice(0, limit),
  next: integer(found[limit - 1]!.key),
});

function take(found: Row[], rows: readonly Row[], { accept, limit }: TableSearch): void {
  for (const row of rows) {
    if (found.length > limit) return;
    const accepted = accept(row);
    if (accepted !== undefined) found.push(accepted);
  }
}

interface Stretch {
  readonly low: number;
  /** Its rows are few, and looked at one by one. */
  readonly isNewest: boolean;
}

/** The newest first: some rows, what is left of today, the day before, the two before that … */
async function* stretches(queries: Queries, search: TableSearch): AsyncGenerator<Stretch> {
  const { table, query, from, before, today } = search;
  let low = before;
  if (query !== undefined) {
    const [last] = await queries.rows(
      `SELECT key FROM ${table} WHERE key >= $1 AND key < $2
       ORDER BY key DESC OFFSET ${rowsFirst - 1} LIMIT 1`,
      [from, before],
    );
    low = last === undefined ? from : integer(last.key);
    yield { low, isNewest: true };
  }
  if (today < low && low > from) {
    low = Math.max(from, today);
    yield { low, isNewest: false };
  }
  for (let days = 1; low > from; days *= 2) {
    low = Math.max(from, low - days * dayKeys);
    yield { low, isNewest: false };
  }
}

function rowsOf(
  queries: Queries,
  search: TableSearch,
  { low, before, isNewest }: Stretch & { readonly before: number },
): Promise<readonly Row[]> {
  const { table, query, limit } = search;
  const values: Value[] = [low, before];
  const range = 'key >= $1 AND key < $2';
  const where = conditions(search, values);
  const last = `ORDER BY key DESC LIMIT ${limit + 1}`;
  if (query === undefined)
    return queries.rows(`SELECT * FROM ${table} WHERE ${range} AND ${where} ${last}`, values);
  if (isNewest)
    return queries.rows(
      `SELECT * FROM (SELECT * FROM ${table} WHERE ${range} OFFSET 0) AS newest WHERE ${where} ${last}`,
      values,
    );
  // By the words, whatever the planner hopes for: what is common has been found among the newest.
  return queries.rows(
    `SELECT t.* FROM (
       SELECT key FROM (SELECT key FROM ${table} WHERE ${range} AND ${where} OFFSET 0) AS w ${last}) AS f
     JOIN ${table} AS t ON t.key = f.key AND t.key >= $1 AND t.key < $2
     ORDER BY t.key DESC`,
    values,
  );
}

/** Adds what they name to `values`. */
function conditions({ query, filters = [] }: TableSearch, values: Value[]): string {
  const add = (value: Value) => `$${values.push(value)}`;
  const all = filters.map(([sql, value]) => `${sql} ${add(value)}`);
  if (query !== undefined) all.push(`terms @@ ${add(query)}::tsquery`);
  return all.join(' AND ') || 'true';
}
