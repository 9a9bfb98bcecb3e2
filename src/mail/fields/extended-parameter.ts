// Parameters as they are written where their values do not fit a quoted string: RFC 2231 §3 and §4, RFC 8187.

/** RFC 2231 §7: attribute-char is token without "*", "'" and "%". */
export const percentEncode = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replace(
    /[*'()]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** Limit: characters of a value on one line, which its name, and whatever is before it, go with. RFC 5322 §2.1.1 */
export const valueCharsMax = 800;

/** `name*=utf-8''…`, or `name*0*=…` and those that continue it where one line does not hold it. */
export function extendedParameter(name: string, value: string): readonly string[] {
  const encoded = percentEncode(value);
  if (encoded.length <= valueCharsMax) return [`${name}*=utf-8''${encoded}`];
  const sections = encoded.match(section) ?? [];
  return sections.map((text, i) => `${name}*${i}*=${i === 0 ? "utf-8''" : ''}${text}`);
}

// An escape is three characters, and is not torn.
const section = new RegExp(`(?:%..|[^%]){1,${Math.floor(valueCharsMax / 3)}}`, 'g');
