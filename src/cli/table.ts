// Columns for a terminal: as wide as what is in them, and together no wider than the terminal. The last column gets
// what is left, and what does not fit is cut off with an ellipsis.

/** Limit: characters of a column that is not the last. */
const columnMax = 40;

/** '' where there are no rows. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
): string {
  if (rows.length === 0) return '';
  const all = [head, ...rows];
  const widths = head.map((_, at) =>
    Math.min(columnMax, Math.max(...all.map((row) => [...(row[at] ?? '')].length))),
  );
  const before = widths.slice(0, -1).reduce((sum, one) => sum + one + 2, 0);
  const last = Math.max(10, width - before);
  return all.map((row) => lineOf(row, [...widths.slice(0, -1), last])).join('\n');
}

const lineOf = (row: readonly string[], widths: readonly number[]): string =>
  widths
    .map((width, at) => cell(row[at] ?? '', width, at === widths.length - 1))
    .join('  ')
    .trimEnd();

function cell(text: string, width: number, isLast: boolean): string {
  const characters = [...text.replaceAll(/\s+/g, ' ')];
  const shown =
    characters.length <= width
      ? characters.join('')
      : `${characters.slice(0, width - 1).join('')}…`;
  return isLast ? shown : shown.padEnd(width);
}
