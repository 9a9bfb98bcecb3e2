// What a server writes: strings, names of mailboxes, flags, dates, sets, completions. RFC 9051 §7 and
// §9, RFC 3501 §9. Octets stand in JavaScript strings as latin1, one character each, so that a response
// is put together by concatenation and written once.

import type { Range } from './command.ts';
import type { Completion } from './event.ts';
import { encodeModifiedUtf7 } from './modified-utf7.ts';
import { rangesOf } from './sequence-set.ts';
import { utf8Octets, wireNstring, wireString } from './wire-string.ts';

/** A quoted string, or a literal where that cannot be or is too long. */
export const formatString = wireString;
/** undefined: NIL. */
export const formatNstring = wireNstring;

// RFC 9051 §9: ASTRING-CHAR.
const atomic = /^[^\x00-\x20\x7f-\uffff(){%*"\\]+$/;

/** An atom where it can be one, and is not taken for NIL; a string otherwise. */
export const formatAstring = (octets: string): string =>
  octets.length <= 200 && atomic.test(octets) && !/^nil$/i.test(octets)
    ? octets
    : wireString(octets);

/** RFC 9051 §4.3: as a literal in any case; RFC 9051 §4.3.1: as literal8 where it holds a NUL. */
export const formatLiteral = (octets: string): string =>
  `${octets.includes('\0') ? '~' : ''}{${octets.length}}\r\n${octets}`;

/**
 * `utf8`: whether IMAP4rev2 or UTF8=ACCEPT was enabled. RFC 6855 §3, RFC 9051 §5.1: quoted UTF-8
 * then; RFC 3501 §5.1.3: modified UTF-7 otherwise.
 */
export function formatMailbox(name: string, { utf8 }: { readonly utf8: boolean }): string {
  if (!utf8) return wireString(encodeModifiedUtf7(name));
  const octets = utf8Octets(name);
  // RFC 9051 §9: QUOTED-CHAR has no NUL, CR or LF, which no mailbox has either.
  return /[\0\r\n]/.test(octets) ? wireString(octets) : `"${octets.replace(/["\\]/g, '\\$&')}"`;
}

/** RFC 9051 §9: flag-list. */
export const formatFlags = (flags: Iterable<string>): string => `(${[...flags].join(' ')})`;

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (number: number): string => String(number).padStart(2, '0');

/** RFC 9051 §9: date-time of milliseconds since the epoch, in UTC. The year has four digits. */
export function formatDateTime(time: number): string {
  const date = new Date(Math.min(Math.max(time, yearZero), yearLast));
  const day = String(date.getUTCDate()).padStart(2);
  const year = String(date.getUTCFullYear()).padStart(4, '0');
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
  return `"${day}-${months[date.getUTCMonth()]}-${year} ${clock.map(two).join(':')} +0000"`;
}

const yearZero = Date.parse('0000-01-01T00:00:00Z');
const yearLast = Date.UTC(9999, 11, 31, 23, 59, 59);

/** RFC 9051 §9: sequence-set of resolved ranges. '' for none, which is no sequence-set. */
export const formatRanges = (ranges: readonly Range[]): string =>
  ranges.map(({ from, to }) => (from === to ? String(from) : `${from}:${to}`)).join(',');

/** Ascending numbers as uid-set or sequence-set: `1:3,5`. */
export const formatUidSet = (numbers: Iterable<number>): string => formatRanges(rangesOf(numbers));

/** RFC 9051 §7.1: resp-text is of at least one character, printable ASCII as we write it. */
export const formatText = (text: string): string =>
  text === '' ? '-' : text.replace(/[^\x20-\x7e]/g, '?');

/** The tagged response, with its CRLF; `tag` '*' for an untagged one. */
export function formatCompletion(
  tag: string,
  { status, code, text }: Pick<Completion, 'status' | 'code' | 'text'>,
): string {
  // A text that begins with '[' would be read as a response code.
  const shown = formatText(text).replace(/^\[/, '(');
  return code === undefined || code === ''
    ? `${tag} ${status} ${shown}\r\n`
    : `${tag} ${status} [${code.replace(/[\r\n\0]/g, ' ')}] ${shown}\r\n`;
}
