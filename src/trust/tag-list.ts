// Lists of tags, `v=DKIM1; k=rsa; p=…`: RFC 6376 §3.2. DKIM, ARC and DMARC write them.

/** Names as written; values without the white space around them, inner white space as it is. */
export type TagList = ReadonlyMap<string, string>;

/** Undefined where it is none: RFC 6376 §3.2 has a tag twice make all of it invalid. */
export function parseTagList(text: string): TagList | undefined {
  const tags = new Map<string, string>();
  const specs = text.split(';');
  // A semicolon may end the list.
  if (isBlank(specs.at(-1)!)) specs.pop();
  for (const spec of specs) {
    const equals = spec.indexOf('=');
    const name = spec.slice(0, Math.max(equals, 0)).replace(around, '');
    const value = spec.slice(equals + 1).replace(around, '');
    if (!/^[a-z][a-z0-9_]*$/i.test(name) || tags.has(name)) return undefined;
    // RFC 6376 §3.2: VALCHAR is a printable character but ";". RFC 8616 §3: UTF-8 too.
    if (/[^\x21-\x3a\x3c-\x7e\x80-\u{10ffff}\t\r\n ]/u.test(value)) return undefined;
    tags.set(name, value);
  }
  return tags;
}

const around = /^[ \t\r\n]+|[ \t\r\n]+$/g;
const isBlank = (text: string): boolean => /^[ \t\r\n]*$/.test(text);

/** Without the white space that folding brings into base64 and lists. */
export const withoutSpace = (value: string): string => value.replace(/[ \t\r\n]+/g, '');

/** `from : to:subject` */
export const colonList = (value: string): readonly string[] => withoutSpace(value).split(':');
