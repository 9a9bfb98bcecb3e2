// Strings as a server writes them: RFC 9051 §4.3. Octets stand in JavaScript strings as latin1, one
// character each, so that a response is put together by concatenation and written once.

// RFC 9051 §9: QUOTED-CHAR is any CHAR but CR and LF; 8-bit octets would need UTF-8 and a client that
// knows of it, a literal needs neither.
const quotable = /^[\x01-\x09\x0b\x0c\x0e-\x7f]*$/;
const special = /["\\]/;
/** Limit: longer ones are literals, which no client has to scan. */
const quotedMax = 1000;

/** A quoted string, or a literal where that cannot be. `octets` as latin1. */
export function wireString(octets: string): string {
  if (octets.length <= quotedMax && quotable.test(octets)) {
    return special.test(octets) ? `"${octets.replace(/["\\]/g, '\\$&')}"` : `"${octets}"`;
  }
  // RFC 9051 §9: CHAR8 = %x01-ff, so a literal holds no NUL.
  const literal = octets.includes('\0') ? octets.replaceAll('\0', ' ') : octets;
  return `{${literal.length}}\r\n${literal}`;
}

/** Text as UTF-8 octets, one character each. */
export const utf8Octets = (text: string): string =>
  /[^\x00-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;

/** What does not stand for itself in a quoted string, or cannot stand there at all. */
const notPlain = /["\\\r\n\0\x80-\uffff]/;

/** Text, as UTF-8. Nearly all that there is needs nothing but quotes around it. */
export const wireText = (text: string): string =>
  text.length <= quotedMax && !notPlain.test(text) ? `"${text}"` : wireString(utf8Octets(text));

/** Text each character of which stands for an octet. */
export const wireOctets = (text: string): string =>
  wireString(Buffer.from(text, 'latin1').toString('latin1'));

/** The same of words of which there are few: types, encodings, names of parameters. */
export function wireWord(word: string): string {
  const known = words.get(word);
  if (known !== undefined) return known;
  const wire = wireText(word);
  if (words.size < wordsMax && word.length <= wordCharsMax) words.set(word, wire);
  return wire;
}

const words = new Map<string, string>();
/** Limit: those that come first are remembered. */
const wordsMax = 1000;
const wordCharsMax = 40;
