// Whose a message says it is: the domains of everybody in From.

import { parseHeader } from './header.ts';
import { mailboxesOf, parseAddressList } from './structured.ts';

/** Of all From fields: one more does not hide the first. As they are written. */
export function authorDomains(head: Uint8Array): readonly string[] {
  const fields = parseHeader(head, { names: new Set(['from']) });
  return fields.flatMap(({ value }) =>
    mailboxesOf(parseAddressList(value)).map(({ domain }) => domain),
  );
}
