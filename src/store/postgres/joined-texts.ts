// Many texts as one value: an array's text has a backslash before every quote, and lines of JSON are full of quotes, so
// that writing it would cost as much as all else.

/** Between texts, and in place of null: control characters that JSON has as escapes only. */
const separator = '\x1e';
const none = '\x15';

export const joinedTexts = (texts: readonly (string | null)[]): string =>
  texts.map((text) => (text === null ? none : cleaned(text))).join(separator);

/** The array again, of the value with that number. A single empty text is no element: to be read as null. */
export const splitTexts = (number: number): string =>
  `string_to_array($${number}::text, E'\\x1e', E'\\x15')`;

const cleaned = (text: string): string =>
  text.includes(separator) || text.includes(none)
    ? text.replaceAll(separator, ' ').replaceAll(none, ' ')
    : text;
