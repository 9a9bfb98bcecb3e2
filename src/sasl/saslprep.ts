// SASLprep (RFC 4013) for user names and passwords, so that what was typed on one keyboard is what
// was typed on another. Control characters and the like are refused.
//
// Deviation: RFC 4013's rule on right-to-left text and its ban of characters that Unicode 3.2 did not
// have are left out, as its successor left them out (RFC 8265 §4.2.2): an Arabic password may end in a
// digit and one may hold an emoji. NFKC stays, for it is what the clients' SCRAM does.

const plainAscii = /^[\x20-\x7e]*$/;

// RFC 3454 table C.1.2: spaces that become U+0020.
const otherSpaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;

// RFC 3454 table B.1: commonly mapped to nothing.
const invisible =
  /\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200c\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;

// RFC 3454 tables C.2.1 to C.9: controls, private use, non-characters, surrogates, and what changes
// how a text looks rather than what it says. (U+0340 and U+0341 do not survive NFKC.)
const prohibited =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u06dd\u070f\u180e\u2028\u2029\u2061-\u2063\ufff9-\ufffd\u2ff0-\u2ffb\u200e\u200f\u202a-\u202e\u206a-\u206f\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/** The prepared text, or undefined where it holds what must not be in a name or password. */
export function saslprep(text: string): string | undefined {
  if (plainAscii.test(text)) return text;
  const mapped = text.replace(otherSpaces, ' ').replace(invisible, '').normalize('NFKC');
  return prohibited.test(mapped) ? undefined : mapped;
}
