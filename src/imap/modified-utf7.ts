// Modified UTF-7, in which names of mailboxes travel in IMAP4rev1: RFC 3501 §5.1.3. Both ways are
// total, and decoding what was encoded gives it back, whatever the string is made of.

/** What is not printable ASCII, as UTF-16 in base64 with ',' for '/' and without padding. */
export function encodeModifiedUtf7(name: string): string {
  if (/^[\x20-\x25\x27-\x7e]*$/.test(name)) return name;
  return name.replace(/&|[^\x20-\x7e]+/g, (part) => {
    if (part === '&') return '&-';
    const base64 = Buffer.from(part, 'utf16le').swap16().toString('base64');
    return `&${base64.replaceAll('/', ',').replaceAll('=', '')}-`;
  });
}

/**
 * Field: an '&' that begins nothing readable is sent by clients that know nothing of modified UTF-7,
 * in names such as `R&D`. It stands for itself.
 */
export function decodeModifiedUtf7(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&([A-Za-z0-9+,]*)-/g, (whole, base64: string) =>
    base64 === '' ? '&' : (decodeUnits(base64) ?? whole),
  );
}

function decodeUnits(base64: string): string | undefined {
  const bytes = Buffer.from(base64.replaceAll(',', '/'), 'base64');
  // One digit more than whole octets have, or half a code unit.
  if (base64.length % 4 === 1 || bytes.length % 2 === 1) return undefined;
  return bytes.swap16().toString('utf16le');
}
