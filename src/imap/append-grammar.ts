// APPEND and REPLACE, read while they come: RFC 9051 §6.3.12, RFC 3502 (several messages), RFC 4469
// (CATENATE), RFC 6855 §4 (UTF8), RFC 8508 (REPLACE). Messages are not gathered: each function reads
// what stands between them, up to the `{n}` that announces the next one at the end of the text.

import type { AppendMessage, AppendTarget, CatenatePart } from './command.ts';
import { readDateTime } from './date-grammar.ts';
import { readFlagList } from './fetch-grammar.ts';
import type { Scanner } from './scanner.ts';
import { SyntaxFault } from './scanner.ts';

/** Behind the name of the command, up to the mailbox. */
export function readTarget(
  scanner: Scanner,
  name: AppendTarget['name'],
  uid: boolean,
): AppendTarget {
  scanner.space();
  if (name === 'APPEND') return { name, mailbox: scanner.mailbox() };
  const number = scanner.tryEat('*') ? 0 : scanner.nzNumber('a message number');
  scanner.space();
  return { name, uid, number, mailbox: scanner.mailbox() };
}

export interface MessageHead {
  readonly message: AppendMessage;
  /** RFC 6855 §4: a parenthesis closes the data item behind the octets. */
  readonly utf8: boolean;
}

/** From the space before the flags to the beginning of the octets, or of the first CATENATE part. */
export function readMessageHead(scanner: Scanner): MessageHead {
  scanner.space();
  let flags: readonly string[] = [];
  if (scanner.peek() === '(') {
    flags = readFlagList(scanner);
    scanner.space();
  }
  let date: number | undefined;
  if (scanner.peek() === '"') {
    date = readDateTime(scanner);
    scanner.space();
  }
  if (scanner.tryWord('CATENATE')) {
    scanner.eat(' (');
    return { message: { flags, date, octets: undefined, binary: false }, utf8: false };
  }
  const utf8 = scanner.tryWord('UTF8');
  if (utf8) scanner.eat(' (');
  const announced = scanner.tryAnnounced();
  if (announced === undefined) throw scanner.expected('a literal');
  // RFC 6855 §4: utf8-literal holds a literal8.
  if (utf8 && !announced.binary) throw scanner.expected('a literal8');
  return { message: { flags, date, ...announced }, utf8 };
}

/** The next part of a CATENATE; undefined: the list ends. `utf8` as in MessageHead. */
export function readCatenatePart(
  scanner: Scanner,
  first: boolean,
): { readonly part: CatenatePart; readonly utf8: boolean } | undefined {
  // Field: a space before the parenthesis that ends the list.
  if (!first && scanner.peek() === ' ') {
    while (scanner.tryEat(' '));
    if (scanner.peek() === ')') return readListEnd(scanner);
  } else if (!first) return readListEnd(scanner);
  const kind = scanner.word('TEXT or URL');
  if (kind === 'URL') {
    scanner.space();
    return { part: { kind: 'url', url: scanner.astring('a URL') }, utf8: false };
  }
  const utf8 = kind === 'UTF8';
  if (kind !== 'TEXT' && !utf8) throw new SyntaxFault('A part is TEXT or URL');
  scanner.eat(utf8 ? ' (' : ' ');
  const announced = scanner.tryAnnounced();
  if (announced === undefined) throw scanner.expected('a literal');
  return { part: { kind: 'text', octets: announced.octets }, utf8 };
}

function readListEnd(scanner: Scanner): undefined {
  scanner.eat(')');
}
