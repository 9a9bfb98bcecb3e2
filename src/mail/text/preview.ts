// The first words of a message, as lists of messages show them: RFC 8970 §3.

import type { TextPart } from './body-text.ts';

/** RFC 8970 §3.3: a preview should have at most 200 characters. */
export const previewCharsMax = 200;
/** Limit: how much text is looked at; quotes and signatures in front are stepped over. */
const lookedAtMax = 16 * 2 ** 10;

/** '' where there is no text. */
export function previewOf(parts: readonly TextPart[]): string {
  for (const kind of ['plain', 'html', 'other'] as const) {
    for (const part of parts) {
      if (part.kind !== kind) continue;
      const preview = condense(part.text.slice(0, lookedAtMax));
      if (preview !== '') return preview;
    }
  }
  return '';
}

function condense(text: string): string {
  const own = text.includes('>') ? text.replace(/^[ \t]*>.*$/gm, '') : text;
  return begin(own) || (own === text ? '' : begin(text));
}

/** Most texts show themselves in their first lines. */
function begin(text: string): string {
  const first = firstCharacters(spaced(text.slice(0, 2 * previewCharsMax)));
  return first.length >= previewCharsMax / 2 || text.length <= 2 * previewCharsMax
    ? first
    : firstCharacters(spaced(text));
}

/**
 * Runs of white space and of what cannot be seen become one space. Field: newsletters fill previews with
 * combining graphemes joiners (34F), fillers of Hangul (115F, 1160, 3164) and their like.
 */
const unseen =
  /(?:[\s\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb]|\u034f)+/g;

const spaced = (text: string): string => text.replace(unseen, ' ').trim();

function firstCharacters(text: string): string {
  if (text.length <= previewCharsMax) return text.toWellFormed();
  let end = 0;
  for (let count = 0; count < previewCharsMax && end < text.length; count += 1) {
    end += text.codePointAt(end)! > 0xffff ? 2 : 1;
  }
  return text.slice(0, end).trimEnd().toWellFormed();
}
