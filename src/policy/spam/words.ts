// The words by which a message is told from others: those of its text, its subject and its sender, each once, as
// the filter counts them. Pure and total; the same octets give the same words, so that what was learnt can be
// taken back. Fields that are put in front on the way are left alone: what is delivered has others than what comes.

import { decodeEncodedWords } from '../../mail/fields/encoded-word.ts';
import type { HeaderField } from '../../mail/header/header.ts';
import { parseHeader } from '../../mail/header/header.ts';
import { parseMime } from '../../mail/mime/mime.ts';
import { bodyText } from '../../mail/text/body-text.ts';

/** Limits: octets of a message that are looked at, of text decoded, and words that count. */
export const looksAtBytes = 128 * 1024;
const textBytesMax = 64 * 1024;
const wordsMax = 1500;
/** Limit: longer ones are data, or languages without spaces, which count by pairs of characters. */
const wordCharactersMax = 30;
const wordCharactersMin = 3;

/** Field, and what stands in front of its words. The words of others vary, or are ours. */
const fields: ReadonlyMap<string, string> = new Map([
  ['from', 'from:'],
  ['reply-to', 'reply:'],
  ['subject', 'subject:'],
  ['x-mailer', 'mailer:'],
  ['user-agent', 'mailer:'],
  ['list-id', 'list:'],
]);
const names = new Set(fields.keys());

/** Of the beginning of a message. */
export function wordsOf(message: Uint8Array): readonly string[] {
  const start = message.subarray(0, looksAtBytes);
  const found = new Set<string>();
  for (const field of parseHeader(start, { names })) collectField(found, field);
  for (const { text } of bodyText(start, parseMime(start), textBytesMax)) collect(found, text, '');
  return [...found];
}

function collectField(found: Set<string>, { lowerName, value }: HeaderField): void {
  collect(found, decodeEncodedWords(value), fields.get(lowerName)!);
}

const word = /[\p{L}\p{N}\p{M}$€£%]+(?:['.@_-][\p{L}\p{N}\p{M}$€£%]+)*/gu;
const withoutSpaces = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

function collect(found: Set<string>, text: string, prefix: string): void {
  for (const [match] of text.matchAll(word)) {
    if (found.size >= wordsMax) return;
    const each = match.toLowerCase();
    if (withoutSpaces.test(each)) collectPairs(found, each, prefix);
    else if (isTelling(each)) found.add(prefix + each);
  }
}

function collectPairs(found: Set<string>, text: string, prefix: string): void {
  const characters = [...text];
  for (let at = 1; at < characters.length && found.size < wordsMax; at += 1)
    found.add(`${prefix}${characters[at - 1]}${characters[at]}`);
}

/** Numbers alone tell nothing: they are another one each time. */
const isTelling = (each: string): boolean =>
  each.length >= wordCharactersMin &&
  (each.length <= wordCharactersMax || each.includes('@')) &&
  each.length <= 2 * wordCharactersMax &&
  !/^[\d.-]+$/.test(each);
