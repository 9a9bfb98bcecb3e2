// What a server writes: strings, names of mailboxes, completions. RFC 9051 §7 and
// §9, RFC 3501 §9. Octets stand in JavaScript strings as latin1, one character each, so that a response
// is put together by concatenation and written once.

import type { Completion } from './event.ts';
import { encodeModifiedUtf7 } from './modified-utf7.ts';
import { utf8Octets, wireString } from './wire-string.ts';

/** A quoted string, or a literal where that cannot be or is too long. */
export const formatString = wireString;
/** RFC 9051 §9, astring: an atom, but for `]` and NIL, which others may read as something else; or a string. */
export const formatAstring = (octets: string): string =>
  /^(?!nil$)[^\x00-\x20\x7f-\uffff(){%*"\\\]]{1,1000}$/i.test(octets) ? octets : wireString(octets);
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
