// What a caller of the library gave that cannot be meant: said at once, with the option's name and a
// code to branch on, before a connection is made or anything is sent.

export type InputErrorCode =
  | 'UNKNOWN_OPTION'
  | 'MISSING_OPTION'
  | 'INVALID_OPTION'
  | 'INVALID_ADDRESS'
  | 'INVALID_HOSTNAME'
  | 'INVALID_PARAMETER'
  | 'INVALID_CREDENTIALS';

export class InputError extends TypeError {
  override readonly name = 'InputError';
  readonly code: InputErrorCode;
  /** `to[1]`, `auth.user` … */
  readonly option: string;

  constructor(code: InputErrorCode, option: string, problem: string) {
    super(`${option}: ${problem}`);
    this.code = code;
    this.option = option;
  }
}

/** How far apart two names may be for one to be a slip of the other. */
const slipsMax = 2;

/** @throws InputError for a name that is not known, which is most often a slip of one that is. */
export function refuseUnknown(given: object, known: readonly string[], where = ''): void {
  const at = where === '' ? '' : `${where}.`;
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const near = known.find((each) => distance(each, name) <= slipsMax);
    const hint =
      near === undefined ? `known here: ${known.join(', ')}` : `did you mean \`${near}\`?`;
    throw new InputError('UNKNOWN_OPTION', `${at}${quoted(name)}`, `is no option; ${hint}`);
  }
}

/** A value as an error shows it: short, and on one line. */
export function quoted(text: string): string {
  const line = text.replace(/[\u0000-\u001f\u007f]/g, '?');
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

/** Levenshtein's, without regard to case, on names of at most 40 letters. */
function distance(a: string, b: string): number {
  if (a.length > 40 || b.length > 40) return Number.POSITIVE_INFINITY;
  const [from, to] = [a.toLowerCase(), b.toLowerCase()];
  let row = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const change = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
