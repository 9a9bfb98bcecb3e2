// What a caller of the library gave that cannot be meant: said at once, with the option's name and a
// code to branch on, before a connection is made or anything is sent.

import { nearest } from './nearest.ts';
import { isPem } from './secret.ts';

export type InputErrorCode =
  | 'UNKNOWN_OPTION'
  | 'MISSING_OPTION'
  | 'INVALID_OPTION'
  | 'INVALID_ADDRESS'
  | 'INVALID_HOSTNAME'
  | 'INVALID_PARAMETER'
  | 'INVALID_CREDENTIALS';

/** Some of them, as whoever copies options gives them: with undefined for what is not said. */
export type Given<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** Without what is undefined, which would hide a default. */
export const defined = <T extends object>(options: Given<T>): Partial<T> =>
  Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Partial<T>;

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

/** @throws InputError for what is no object, and for a name that is not known, which is most often a slip of one that is. */
export function refuseUnknown(given: object, known: readonly string[], where = ''): void {
  // `listen(2525)` of other libraries has no names at all, and would do something else than what was meant.
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new InputError(
      'INVALID_OPTION',
      where === '' ? 'options' : where,
      `must be an object with ${known.join(', ')}`,
    );
  const at = where === '' ? '' : `${where}.`;
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    const hint =
      near === undefined ? `known here: ${known.join(', ')}` : `did you mean \`${near}\`?`;
    throw new InputError('UNKNOWN_OPTION', `${at}${quoted(name)}`, `is no option; ${hint}`);
  }
}

/** Octets, counts, milliseconds: undefined is the default, Infinity no limit. @throws InputError */
export function refuseNumbersBelow(least: 0 | 1, given: object, where = ''): void {
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && !(typeof value === 'number' && value >= least))
      throw new InputError(
        'INVALID_OPTION',
        where === '' ? name : `${where}.${name}`,
        `must be a number, ${least} or more`,
      );
}

/** A value as an error shows it: short, on one line, and no key that stands in the wrong place. */
export function quoted(text: string): string {
  if (isPem(text)) return 'what is in a PEM file';
  const line = text.replace(/[\u0000-\u001f\u007f]/g, '?');
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
