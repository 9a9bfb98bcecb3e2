// Everything that is derived from a message, in one go: the digest, the texts that searches look at, the
// keys that lists are sorted by. Total, bounded by the limits of what it is made of; linear in the size
// of the message.

import { EnvelopeFields } from '../fields/envelope.ts';
import { parseMime } from '../mime/mime.ts';
import type { MimePart } from '../mime/mime-part.ts';
import { bodyText, type TextPart } from '../text/body-text.ts';
import { digestOf, type MessageDigest } from './digest.ts';
import { type HeaderTexts, headerTexts } from './searched-text.ts';
import { type SortKeys, sortKeysOf } from './sort-keys.ts';

export interface MessageFacts {
  readonly digest: MessageDigest;
  readonly headerTexts: HeaderTexts;
  readonly sortKeys: SortKeys;
  /** Decoded text of the body, attachments left out. */
  readonly text: string;
}

/** `root`, if the caller has it already, is parseMime of the message. */
export function messageFacts(
  message: Uint8Array,
  root: MimePart = parseMime(message),
): MessageFacts {
  const fields = new EnvelopeFields(message.subarray(root.headerStart, root.bodyStart));
  const texts = bodyText(message, root);
  const digest = digestOf({ message, root, fields, texts });
  return {
    digest,
    headerTexts: headerTexts(fields),
    sortKeys: sortKeysOf(digest.envelope),
    text: joinTexts(texts),
  };
}

function joinTexts(texts: readonly TextPart[]): string {
  return texts.length === 1 ? texts[0]!.text : texts.map(({ text }) => text).join('\n');
}
