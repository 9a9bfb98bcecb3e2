// Names as the DNS takes them: lower-case A-labels without the final dot, within the limits of
// RFC 1035 §2.3.4. What does not fit is never asked for: a codec would write it wrongly.
// SPF makes names of local parts, in which every character may be (RFC 2181 §11): only whoever says so
// asks for those.

import { domainKey } from '../mail/fields/address.ts';

/** Octets of a name in text form without the final dot; 255 on the wire. RFC 1035 §2.3.4. */
const nameLengthMax = 253;

// RFC 1035 §2.3.1, RFC 1123 §2.1: letters, digits and hyphens; labels of at most 63 octets.
// Field: underscores, in names that hold TXT and TLSA records and in those of Windows hosts.
const name =
  /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

const printable = /^(?:[ -\-/-~]{1,63}\.)*[ -\-/-~]{1,63}$/;

/** The name to ask for, or undefined when no such name can exist. */
export function queryName(domain: string, anyName = false): string | undefined {
  const isPlain = /^[a-z0-9._-]*$/.test(domain);
  const ascii = isPlain
    ? domain
    : anyName && printable.test(domain)
      ? domain.toLowerCase()
      : domainKey(domain);
  const key = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii;
  return key.length <= nameLengthMax && (anyName ? printable : name).test(key) ? key : undefined;
}
