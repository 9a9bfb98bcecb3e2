// Text as it is compared and as it is indexed for search. A word is what stands between white space,
// punctuation and symbols; what is searched for may be any part of a word, or of several.

import { casemap } from '../../mail/text/casemap.ts';

/**
 * RFC 9051 §6.4.4: without case, as i;unicode-casemap has it (RFC 5051); ASCII in lower case, since
 * that is what the index makes of it. One text contains another if this of it does.
 */
export function fold(text: string): string {
  if (!/[^\x00-\x7f]/.test(text)) return text.toLowerCase();
  return casemap(text).replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

// Limit: longer words (languages without spaces, encoded data) are indexed in pieces that overlap, so
// that any part of half a piece is within one of them.
const pieceMax = 100;
const halfPiece = pieceMax / 2;
const longWord = /[0-9a-z\x80-\uffff]{101,}/g;

/** What the index is given of a folded text: its words with spaces between them. */
export function indexed(folded: string): string {
  const text = /[^\x01-\x7f]/.test(folded) ? folded.replace(separators, spaces) : folded;
  return hasLongWord(text) ? text.replace(longWord, pieces) : text;
}

/** A long word covers one of every so many positions. */
function hasLongWord(text: string): boolean {
  for (let at = pieceMax; at < text.length; at += pieceMax) {
    let start = at;
    while (start > 0 && isWord(text.charCodeAt(start))) start -= 1;
    let end = at;
    while (end - start <= pieceMax + 1 && end < text.length && isWord(text.charCodeAt(end)))
      end += 1;
    if (end - start > pieceMax) return true;
  }
  return false;
}

const isWord = (code: number): boolean =>
  code >= 0x80 || (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39);

const separators = /[\p{P}\p{S}\p{Z}\p{C}]/gu;
// Positions stay: some are two code units long.
const spaces = (found: string): string => ' '.repeat(found.length);

function pieces(word: string): string {
  const found: string[] = [];
  for (let at = 0; at + halfPiece < word.length; at += halfPiece)
    found.push(whole(word, at, Math.min(at + pieceMax, word.length)));
  return found.join(' ');
}

/** No half of a surrogate pair at either end: a piece may be a little longer. */
function whole(word: string, start: number, end: number): string {
  const first = isLow(word, start) ? start - 1 : start;
  return word.slice(first, isLow(word, end) ? end + 1 : end);
}

const isLow = (word: string, at: number): boolean => (word.charCodeAt(at) & 0xfc00) === 0xdc00;

export interface SoughtWord {
  readonly word: string;
  /** Whether it must begin, or end, a word of the index. */
  readonly begins: boolean;
  readonly ends: boolean;
}

export interface Sought {
  /** Each of them is in every text that contains what is sought. */
  readonly words: readonly SoughtWord[];
  /** Every text with these words contains it: nothing to verify. */
  readonly exact: boolean;
}

/** What to look up for a folded text. */
export function sought(folded: string): Sought {
  const text = folded.replace(separators, spaces).replace(/[\x00-\x2f\x3a-\x60\x7b-\x7f]/g, ' ');
  const words: SoughtWord[] = [];
  for (const { 0: word, index } of text.matchAll(/[^ ]+/g)) {
    const long = word.length > halfPiece;
    words.push({
      word: long ? whole(word, 0, halfPiece - 1) : word,
      begins: !long && index > 0,
      ends: !long && index + word.length < text.length,
    });
  }
  return { words, exact: words.length === 1 && words[0]!.word === folded };
}
