// How names and strings are written in untagged responses: octets as latin1. Names of mailboxes are
// UTF-8 where the client asked for that (IMAP4rev2, UTF8=ACCEPT), modified UTF-7 otherwise.
// RFC 9051 §4.3 and §9, RFC 3501 §5.1.3.

import type { FolderFacts } from '../../store/folder-store.ts';
import type { CommandContext } from './context.ts';

/** Limit: what is longer is written as a literal. */
const quotedOctetsMax = 1000;

/** RFC 9051 §4.3: a quoted string, or a literal where that cannot be one. */
export function octetsText(octets: string): string {
  if (octets.length <= quotedOctetsMax && /^[\x01-\x09\x0b\x0c\x0e-\x7f]*$/.test(octets))
    return `"${octets.replace(/["\\]/g, '\\$&')}"`;
  // RFC 3516 §4.4, RFC 9051 §4.3.1: NUL goes in a literal8 only.
  return `${octets.includes('\0') ? '~' : ''}{${octets.length}}\r\n${octets}`;
}

/** A string of characters. */
export const stringText = (text: string): string =>
  octetsText(Buffer.from(text, 'utf8').toString('latin1'));

export function mailboxText(context: Pick<CommandContext, 'isEnabled'>, name: string): string {
  const utf8 = context.isEnabled('IMAP4REV2') || context.isEnabled('UTF8=ACCEPT');
  if (!utf8) return octetsText(modifiedUtf7(name));
  const octets = Buffer.from(name, 'utf8').toString('latin1');
  // RFC 9051 §4.3, RFC 6855 §3: quoted strings may hold UTF-8 then.
  return `"${octets.replace(/["\\]/g, '\\$&')}"`;
}

/** RFC 3501 §5.1.3. */
export function modifiedUtf7(name: string): string {
  return name.replace(/&|[^\x20-\x7e]+/g, (part) => {
    if (part === '&') return '&-';
    const base64 = Buffer.from(part, 'utf16le').swap16().toString('base64');
    return `&${base64.replaceAll('/', ',').replaceAll('=', '')}-`;
  });
}

/** RFC 8474 §4.1: the same for as long as the folder lives, whatever it is called. */
export const mailboxId = (folder: Pick<FolderFacts, 'id'>): string => `F${folder.id}`;
