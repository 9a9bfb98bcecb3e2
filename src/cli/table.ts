// Columns for a terminal: as wide as what is in them, and together no wider than the terminal. The last column gets
// what is left, and what does not fit is cut off with an ellipsis, the widest texts first, but numbers never. Where there is
// no terminal (`width` Infinity) nothing is cut off: whoever reads it there looks for it.

import { printable } from './context.ts';

/** Numbers stand to the right, texts to the left. */
export type Cells = readonly (string | number)[];

/** Limits: characters of a column that is not the last; of the last one, and of any that has to give room, at least. */
const columnMax = 40;
const columnMin = 10;

/** '' where there are no rows. `width` and `indent` in characters. */
export function table(
  head: readonly string[],
  rows: readonly Cells[],
  width: number,
  indent = 0,
): string {
  if (rows.length === 0) return '';
  const all = [head, ...rows];
  const most = width === Number.POSITIVE_INFINITY ? width : columnMax;
  const widths = head.slice(0, -1).map((_, at) =>
    Math.min(
      most,
      all.reduce((long, row) => Math.max(long, shown(row[at]).length), 0),
    ),
  );
  const before = () => widths.reduce((sum, one) => sum + one + 2, indent);
  const isText = head.map((_, at) => rows.every((row) => typeof row[at] !== 'number'));
  while (before() + columnMin > width) {
    const widest = Math.max(...widths.filter((_, at) => isText[at]));
    if (widest <= columnMin) break;
    widths[widths.findIndex((one, at) => isText[at] && one === widest)] = widest - 1;
  }
  widths.push(Math.max(columnMin, width - before()));
  return all.map((row) => `${' '.repeat(indent)}${lineOf(row, widths)}`.trimEnd()).join('\n');
}

const lineOf = (row: Cells, widths: readonly number[]): string =>
  widths.map((width, at) => cell(row[at], width, at === widths.length - 1)).join('  ');

/** In characters; Infinity where what is printed goes elsewhere. */
export const terminalWidth = (): number => process.stdout.columns ?? Number.POSITIVE_INFINITY;

/** Lines that are no columns, cut off where the terminal ends; whole where there is none. */
export const fitted = (lines: string): string => {
  const width = terminalWidth();
  return lines
    .split('\n')
    .map((line) => cutOff([...line], width))
    .join('\n');
};

const cutOff = (characters: readonly string[], width: number): string =>
  characters.length > width ? `${characters.slice(0, width - 1).join('')}…` : characters.join('');

function cell(content: string | number | undefined, width: number, isLast: boolean): string {
  const characters = shown(content);
  const text = cutOff(characters, width);
  if (characters.length > width) return text;
  if (isLast) return text;
  return typeof content === 'number' ? text.padStart(width) : text.padEnd(width);
}

const shown = (content: string | number | undefined): readonly string[] => [
  ...printable(String(content ?? '').replaceAll(/\s+/g, ' ')),
];

/** `1 message`, `2 messages`. */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

/** `2026-11-29 21:14`, of an ISO 8601 date. */
export const minuteOf = (iso: string): string => iso.slice(0, 16).replace('T', ' ');
