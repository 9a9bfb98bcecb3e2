// What a folder may be called, whichever protocol asks: all others have to live with the name. Names are compared in NFC,
// INBOX in any case (RFC 9051 §5.1); the separator is '/'.

/** RFC 2342 §5: where IMAP shows the folders of others. */
export const othersPrefix = 'Other Users/';

/** Limit: octets of a name in UTF-8, and its levels. */
const nameOctetsMax = 1000;
const levelsMax = 32;

/** INBOX in upper case, also as the root of a hierarchy; composed. RFC 9051 §5.1, RFC 5198 §3. */
export function canonicalName(name: string): string {
  const composed = name.normalize('NFC');
  return /^inbox(?=\/|$)/i.test(composed) ? `INBOX${composed.slice(5)}` : composed;
}

/** Why the owner of a mailbox could not find a folder of that canonical name: the same, and what IMAP shows there of others. */
export const whyNotOwn = (canonical: string): string | undefined =>
  `${canonical}/`.startsWith(othersPrefix)
    ? 'mailboxes of others are shown there'
    : whyNoFolderName(canonical);

/**
 * Why no new folder may have that canonical name. RFC 9051 §5.1: no control characters. '*', '%' and a leading '#' are
 * not wise, but those who move here bring them.
 */
export function whyNoFolderName(canonical: string): string | undefined {
  const levels = canonical.split('/');
  if (levels.includes('')) return 'a level is empty';
  // Field: whoever copies mailboxes into files would leave their directory.
  if (levels.includes('.') || levels.includes('..')) return "no level is called '.' or '..'";
  if (levels.length > levelsMax) return `more than ${levelsMax} levels`;
  if (Buffer.byteLength(canonical) > nameOctetsMax) return 'it is too long';
  // RFC 5198 §2: no C0 or C1 controls, no line and paragraph separators.
  if (/[\p{Cc}\u2028\u2029\ufffd]/u.test(canonical)) return 'it has control characters';
  return canonical.isWellFormed() ? undefined : 'it is not Unicode';
}
