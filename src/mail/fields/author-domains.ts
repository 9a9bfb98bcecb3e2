// Whose a message says it is: everybody in From, and their domains.

import { parseHeader } from '../header/header.ts';
import type { Mailbox } from './address.ts';
import { mailboxesOf, parseAddressList } from './structured.ts';

/** Of all From fields: one more does not hide the first. As they are written. */
export function authorsOf(head: Uint8Array): readonly Mailbox[] {
  const fields = parseHeader(head, { names: new Set(['from']) });
  return fields.flatMap(({ value }) => mailboxesOf(parseAddressList(value)));
}

export const authorDomains = (head: Uint8Array): readonly string[] =>
  authorsOf(head).map(({ domain }) => domain);
