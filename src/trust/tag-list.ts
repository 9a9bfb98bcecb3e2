// Lists of tags, `v=DKIM1; k=rsa; p=…`: RFC 6376 §3.2. DKIM, ARC and DMARC write them.

/** Names as written; values without the white space around them, inner white space as it is. */
export type TagList = ReadonlyMap<string, string>;

/** Limit: tags of a list. The standards know some fifteen. */
const tagsMax = 100;

/** Undefined where it is none: RFC 6376 §3.2 has a tag twice make all of it invalid. */
export function parseTagList(text: string): TagList | undefined {
  const tags = new Map<string, string>();
  const specs = text.split(';', tagsMax + 1);
  if (specs.length > tagsMax) return undefined;
  // A semicolon may end the list.
  if (isBlank(specs.at(-1)!)) specs.pop();
  for (const spec of specs) {
    const equals = spec.indexOf('=');
    const name = trimmed(spec.slice(0, Math.max(equals, 0)));
    const value = trimmed(spec.slice(equals + 1));
    if (!/^[a-z][a-z0-9_]*$/i.test(name) || tags.has(name)) return undefined;
    // RFC 6376 §3.2: VALCHAR is a printable character but ";". RFC 8616 §3: UTF-8 too.
    if (/[^\x21-\x3a\x3c-\x7e\x80-\u{10ffff}\t\r\n ]/u.test(value)) return undefined;
    tags.set(name, value);
  }
  return tags;
}

/** Without white space around it. A pattern for its end would look at each run of it again and again. */
export function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/** SP, HTAB, CR, LF */
const isSpace = (code: number): boolean =>
  code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a;

const isBlank = (text: string): boolean => /^[ \t\r\n]*$/.test(text);

/** Without the white space that folding brings into base64 and lists. */
export const withoutSpace = (value: string): string => value.replace(/[ \t\r\n]+/g, '');

/** `from : to:subject` */
export const colonList = (value: string): readonly string[] => withoutSpace(value).split(':');
