// Text as it is compared where case does not count: i;unicode-casemap (RFC 5051). Each character in
// its title case, then decomposed. Two texts are the same if what this gives is the same.

/** RFC 5051 §2. */
export function casemap(text: string): string {
  if (!/[^\x00-\x7f]/.test(text)) return text.toUpperCase();
  let mapped = '';
  for (const character of text) {
    const upper = character.toUpperCase();
    // RFC 5051 §2: simple mappings only, of one character to one.
    mapped += upper.length === character.length ? upper : character;
  }
  return mapped.normalize('NFKD');
}
