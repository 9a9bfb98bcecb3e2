// Whose a message says it is: everybody in From, and their domains.

import { parseHeader } from '../header/header.ts';
import type { Mailbox } from './address.ts';
import { mailboxesOf, parseAddressList } from './structured.ts';

/** Limit: octets of all From fields. People have one address there; a MiB of them would be read for 200 ms. */
const fromBytesMax = 32 * 1024;

/**
 * Of all From fields: one more does not hide the first. As they are written. Undefined where they are longer than
 * anybody's: whom they name is not looked at, so that nobody hides behind others.
 */
export const authorsOf = (head: Uint8Array): readonly Mailbox[] | undefined =>
  fromFieldsOf(head)?.flatMap(mailboxesOf);

/** What stands in each From field; undefined as with `authorsOf`. */
export function fromFieldsOf(
  head: Uint8Array,
): readonly ReturnType<typeof parseAddressList>[] | undefined {
  const fields = parseHeader(head, { names: new Set(['from']) });
  if (fields.reduce((octets, { length }) => octets + length, 0) > fromBytesMax) return undefined;
  return fields.map(({ value }) => parseAddressList(value));
}

export const authorDomains = (head: Uint8Array): readonly string[] | undefined =>
  authorsOf(head)?.map(({ domain }) => domain);
