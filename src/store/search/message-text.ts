// A message as its text is searched: folded, header and body apart. What is indexed and what is
// looked at to be sure are the same.

import { decodeEncodedWords } from '../../mail/fields/encoded-word.ts';
import type { HeaderField } from '../../mail/header/header.ts';
import { parseHeader } from '../../mail/header/header.ts';
import { parseMime } from '../../mail/mime/mime.ts';
import { bodyText } from '../../mail/text/body-text.ts';
import { fold } from './search-words.ts';

// Deviation: RFC 9051 §6.4.4 TEXT looks at the whole header; nobody looks for octets of signatures,
// and each of them would be words that no other message has.
const signatureFields: ReadonlySet<string> = new Set([
  ...['dkim-signature', 'arc-seal', 'arc-message-signature', 'x-google-dkim-signature'],
]);

export const headerFields = (message: Uint8Array): readonly HeaderField[] => parseHeader(message);

/** A line for each field, and what lines there are that are no fields. */
export function headerText(message: Uint8Array, fields: readonly HeaderField[]): string {
  const texts: string[] = [];
  let at = 0;
  for (const { name, lowerName, value, offset, length } of fields) {
    if (offset > at) texts.push(decodeEncodedWords(octetsText(message, at, offset)));
    at = offset + length;
    if (!signatureFields.has(lowerName)) texts.push(`${name}: ${decodeEncodedWords(value)}`);
  }
  return fold(texts.join('\n'));
}

const octetsText = (message: Uint8Array, start: number, end: number): string =>
  Buffer.from(message.buffer, message.byteOffset, message.byteLength).toString('utf8', start, end);

export const bodyTextOf = (message: Uint8Array): string =>
  fold(
    bodyText(message, parseMime(message))
      .map(({ text }) => text)
      .join('\n'),
  );
