// Columns for a terminal: as wide as what is in them, and together no wider than the terminal. The last column gets
// what is left, and what does not fit is cut off with an ellipsis.

import { printable } from './context.ts';

/** Numbers stand to the right, texts to the left. */
export type Cells = readonly (string | number)[];

/** Limit: characters of a column that is not the last. */
const columnMax = 40;

/** '' where there are no rows. `width` and `indent` in characters. */
export function table(
  head: readonly string[],
  rows: readonly Cells[],
  width: number,
  indent = 0,
): string {
  if (rows.length === 0) return '';
  const all = [head, ...rows];
  const widths = head
    .slice(0, -1)
    .map((_, at) => Math.min(columnMax, Math.max(...all.map((row) => shown(row[at]).length))));
  const before = widths.reduce((sum, one) => sum + one + 2, indent);
  widths.push(Math.max(10, width - before));
  return all.map((row) => `${' '.repeat(indent)}${lineOf(row, widths)}`.trimEnd()).join('\n');
}

const lineOf = (row: Cells, widths: readonly number[]): string =>
  widths.map((width, at) => cell(row[at], width, at === widths.length - 1)).join('  ');

function cell(content: string | number | undefined, width: number, isLast: boolean): string {
  const characters = shown(content);
  if (characters.length > width) return `${characters.slice(0, width - 1).join('')}…`;
  const text = characters.join('');
  if (isLast) return text;
  return typeof content === 'number' ? text.padStart(width) : text.padEnd(width);
}

const shown = (content: string | number | undefined): readonly string[] => [
  ...printable(String(content ?? '').replaceAll(/\s+/g, ' ')),
];

/** `1 message`, `2 messages`. */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;
