// Text as a person reads it: without characters that are not seen, with one blank for any white space, and with plain
// letters for those that look the same (full width, ligatures). For rules that whoever writes the text wants to evade.

/** Unicode normalization form KC. */
export const asRead = (text: string): string =>
  // What is ASCII is so already, but for white space and controls.
  (/[^\x20-\x7e]/.test(text)
    ? text.normalize('NFKC').replace(/\p{Cf}|[^\P{Cc}\s]/gu, '')
    : text
  ).replace(/\s+/g, ' ');

/** Of a long one as many characters at its beginning, and at its end: what is put around it hides nothing. */
export const bothEnds = (text: string, max: number): string =>
  text.length <= 2 * max ? text : text.slice(0, max) + text.slice(-max);
