// Tags of messages are keywords of IMAP (RFC 9051 §2.3.2), so that every client sees them and can change them. A
// keyword has no spaces: a tag's are tildes there, which no tag has.

/** Limit: what is longer is cut. */
const tagMax = 100;

/** What is left of a text as a tag: letters, digits, `-`, `.`, `_` and single spaces. '' is none. */
export const tagOf = (text: string): string =>
  text
    .replace(/[^A-Za-z0-9\-._ ]+/g, '')
    .replace(/ +/g, ' ')
    .trim()
    .slice(0, tagMax)
    .trim();

export const keywordOf = (tag: string): string => tag.replaceAll(' ', '~');

/** Keywords with a `$` have a meaning of their own: RFC 5788 §3. */
export const tagsOf = (flags: readonly string[]): readonly string[] =>
  flags
    .filter((flag) => !flag.startsWith('\\') && !flag.startsWith('$'))
    .map(tagName)
    .sort();

export const tagName = (keyword: string): string => keyword.replaceAll('~', ' ');

/** Each once, whatever their case; at most as many as a message can have. */
export function cleanTags(texts: readonly string[]): readonly string[] {
  const found = new Map<string, string>();
  for (const tag of texts.map(tagOf))
    if (tag !== '' && !found.has(tag.toLowerCase())) found.set(tag.toLowerCase(), tag);
  return [...found.values()].slice(0, tagsMax).sort();
}

/** Limit: a message can have 64 keywords in all. */
const tagsMax = 50;
