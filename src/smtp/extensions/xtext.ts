// The two encodings of parameter values: xtext (RFC 3461 §4) and the 7-bit form of internationalised
// addresses, utf-8-addr-xtext (RFC 6533 §3).

// RFC 3461 §4: xtext = *( xchar / hexchar ); xchar = "!" to "~" except "+" and "="
// Field: hexchar with lower-case digits; there is only one way to read it.
const xtext = /^(?:[!-*,-<>-~]|\+[0-9a-f]{2})*$/i;
const notXchar = /[^!-*,-<>-~]/g;
const printable = /^[ -~]*$/;
// RFC 6533 §3: 1*(QUCHAR / EmbeddedUnicodeChar)
const unitext = /^(?:[!-*,-<>-[\]-~\u0080-\uffff]|\\x\{[0-9a-f]{2,6}\})+$/i;
const notQchar = /[^!-*,-<>-[\]-~]/gu;

/** Undefined unless it is xtext of printable ASCII, which is all that a report may carry. */
export function decodeXtext(text: string): string | undefined {
  if (!xtext.test(text)) return undefined;
  const decoded = text.includes('+')
    ? text.replaceAll(/\+(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text;
  return printable.test(decoded) ? decoded : undefined;
}

export const encodeXtext = (text: string): string =>
  text.replaceAll(notXchar, (char) => `+${hex(char.charCodeAt(0))}`);

/** Any of the three forms of RFC 6533 §3; undefined unless it is one of them. */
export function decodeUnitext(text: string): string | undefined {
  if (!unitext.test(text) || !text.isWellFormed()) return undefined;
  if (!text.includes('\\')) return text;
  let valid = true;
  const decoded = text.replaceAll(/\\x\{([0-9a-f]+)\}/gi, (_, digits: string) => {
    const point = Number.parseInt(digits, 16);
    // Control characters would break the fields of a report; surrogates are no characters.
    if (point < 0x20 || point === 0x7f || (point >= 0xd800 && point < 0xe000) || point > 0x10ffff) {
      valid = false;
      return '';
    }
    return String.fromCodePoint(point);
  });
  return valid ? decoded : undefined;
}

/** utf-8-addr-xtext: ASCII only, safe with and without SMTPUTF8. */
export const encodeUnitext = (text: string): string =>
  text.replaceAll(notQchar, (char) => `\\x{${hex(char.codePointAt(0) ?? 0)}}`);

const hex = (point: number): string => point.toString(16).toUpperCase().padStart(2, '0');
