// URLs of messages and their parts, as CATENATE takes them: relative to this server, or to the mailbox
// that is selected. RFC 5092 §4 to §7, RFC 4469 §3. Pure.

import type { Partial, Section } from '../../../imap/command.ts';

export interface MessageUrl {
  /** Undefined: the one that is selected. */
  readonly mailbox: string | undefined;
  readonly uidValidity: number | undefined;
  readonly uid: number;
  readonly section: Section;
  readonly partial: Partial | undefined;
}

// imessagepart, and iuid [isection] [ipartial] of irelative-path; slashes may be missing.
const pattern =
  /^\/?(?:([^/;?][^;?]*)(?:;uidvalidity=([1-9]\d{0,9}))?)?\/?;uid=([1-9]\d{0,9})(?:\/?;section=([^;]+?))?(?:\/?;partial=(\d{1,10})(?:\.([1-9]\d{0,9}))?)?\/?$/i;

/** Undefined for what is no such URL. */
export function parseMessageUrl(url: string): MessageUrl | undefined {
  const match = pattern.exec(url);
  if (match === null) return undefined;
  const [, path, uidValidity, uid, sectionText, offset, length] = match;
  const mailbox = path === undefined ? undefined : decoded(path.replace(/\/$/, ''));
  const section = parseSection(decoded(sectionText ?? ''));
  if ((path !== undefined && mailbox === undefined) || section === undefined) return undefined;
  return {
    mailbox,
    uidValidity: uidValidity === undefined ? undefined : Number(uidValidity),
    uid: Number(uid),
    section,
    partial:
      offset === undefined
        ? undefined
        : { offset: Number(offset), length: Number(length ?? Number.MAX_SAFE_INTEGER) },
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const sectionPattern =
  /^((?:[1-9]\d{0,4}(?:\.|$)){0,100})(?:(HEADER|TEXT|MIME)|(HEADER\.FIELDS(?:\.NOT)?) \(([^()]+)\))?$/i;

function parseSection(text: string | undefined): Section | undefined {
  const match = text === undefined ? null : sectionPattern.exec(text);
  if (match === null) return undefined;
  const [, numbers, word, fieldsWord, names] = match;
  if (numbers!.endsWith('.') !== (numbers !== '' && (word ?? fieldsWord) !== undefined))
    return undefined;
  const part = numbers === '' ? [] : numbers!.replace(/\.$/, '').split('.').map(Number);
  const found = (word ?? fieldsWord)?.toUpperCase() as Section['text'];
  const fields = names === undefined ? [] : names.trim().split(/ +/);
  return { part, text: found, fields };
}
