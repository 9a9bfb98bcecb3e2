// A message as its text is searched: folded, header and body apart. What is indexed and what is
// looked at to be sure are the same.

import { bodyText } from '../../mail/body-text.ts';
import { decodeEncodedWords } from '../../mail/encoded-word.ts';
import type { HeaderField } from '../../mail/header.ts';
import { findHeaderEnd, parseHeader } from '../../mail/header.ts';
import { parseMime } from '../../mail/mime.ts';
import { fold } from './search-words.ts';

// Deviation: RFC 9051 §6.4.4 TEXT looks at the whole header; nobody looks for octets of signatures,
// and each of them would be words that no other message has.
const signatureFields: ReadonlySet<string> = new Set([
  ...['dkim-signature', 'arc-seal', 'arc-message-signature', 'x-google-dkim-signature'],
]);

export const headerFields = (message: Uint8Array): readonly HeaderField[] =>
  parseHeader(message.subarray(0, findHeaderEnd(message)));

/** A line for each field. */
export const headerText = (fields: readonly HeaderField[]): string =>
  fold(
    fields
      .filter(({ lowerName }) => !signatureFields.has(lowerName))
      .map(({ name, value }) => `${name}: ${decodeEncodedWords(value)}`)
      .join('\n'),
  );

export const bodyTextOf = (message: Uint8Array): string =>
  fold(
    bodyText(message, parseMime(message))
      .map(({ text }) => text)
      .join('\n'),
  );
