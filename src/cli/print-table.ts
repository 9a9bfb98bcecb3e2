// Lists for people: columns that fit the terminal, with a line over them that says what they are; without a terminal
// the columns alone, whole, for the program that reads them. `--json`: one object a line.

import type { Context } from './context.ts';
import { printLines } from './context.ts';
import type { Cells } from './table.ts';
import { table, terminalWidth } from './table.ts';

export interface Columns<T> {
  readonly head: readonly string[];
  readonly row: (line: T) => Cells;
}

/** Rows whose columns are as wide as each other: a list may be long, and begins at once. */
const pageRows = 200;

/** How many there were. */
export async function printTable<T>(
  context: Context,
  lines: AsyncIterable<T> | Iterable<T>,
  json: boolean,
  { head, row }: Columns<T>,
): Promise<number> {
  if (json) return printLines(context, lines, true, String);
  const width = terminalWidth();
  let count = 0;
  let rows: Cells[] = [];
  const print = async () => {
    const text = table(head, rows, width);
    const isFirst = count <= pageRows;
    const withHead = isFirst && width !== Number.POSITIVE_INFINITY;
    await context.print(`${withHead ? text : text.slice(text.indexOf('\n') + 1)}\n`);
    rows = [];
  };
  for await (const line of lines) {
    count += 1;
    rows.push(row(line));
    if (rows.length === pageRows) await print();
  }
  if (rows.length > 0) await print();
  return count;
}
