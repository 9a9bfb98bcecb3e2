// Whose a message says it is: everybody in From, and their domains.

import { headerBytesMax, parseHeader } from '../header/header.ts';
import type { Readable } from '../header/header-cut.ts';
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

/** A message, and where its body begins as we read it. */
export interface AuthoredMessage {
  readonly head: Uint8Array;
  readonly header: { readonly end: number };
  open(): Readable;
}

/**
 * The same with the From fields that others read where a line that is no field ends the header here
 * (header-walk.ts): Dovecot and Thunderbird go on to the empty line. Nobody hides his From behind such a line.
 */
export async function fromFieldsForAnybody(
  message: AuthoredMessage,
): Promise<ReturnType<typeof fromFieldsOf>> {
  const fields = fromFieldsOf(message.head);
  if (fields === undefined || endsWithEmptyLine(message)) return fields;
  const behind = await upToEmptyLine(message);
  const others = behind.match(/^from[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*\n?/gim) ?? [];
  if (others.length === 0) return fields;
  const read = fromFieldsOf(Buffer.from(others.join(''), 'latin1'));
  return read === undefined ? undefined : [...fields, ...read];
}

const endsWithEmptyLine = ({ head, header: { end } }: AuthoredMessage): boolean =>
  /(?:^|\n)\r?\n$/.test(Buffer.from(head.subarray(Math.max(0, end - 4), end)).toString('latin1'));

/** From where our reading ends; as latin1. */
async function upToEmptyLine({ header: { end }, open }: AuthoredMessage): Promise<string> {
  const pieces: Uint8Array[] = [];
  let left = headerBytesMax;
  let at = 0;
  for await (const piece of open().read()) {
    const behind = piece.subarray(Math.max(0, end - at), Math.max(0, end - at) + left);
    at += piece.length;
    left -= behind.length;
    pieces.push(Buffer.from(behind));
    if (left === 0 || emptyLine.test(Buffer.from(behind).toString('latin1'))) break;
  }
  const text = Buffer.concat(pieces).toString('latin1');
  const found = emptyLine.exec(text);
  return found === null ? text : text.slice(0, found.index + 1);
}

const emptyLine = /\n\r?\n/;

export const authorDomains = (head: Uint8Array): readonly string[] | undefined =>
  authorsOf(head)?.map(({ domain }) => domain);
