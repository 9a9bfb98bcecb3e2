// Mail addresses: RFC 5321 §4.1.2 and §4.1.3, RFC 6531 §3.3, and domains compared as one name
// whether written with U-labels or A-labels (RFC 5891). Nothing here throws; text that is no address
// gives undefined. What was read can be written again, and what was written reads back the same.

import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';

/**
 * A mailbox. `local` is what it means, not how it was quoted: `"a b"@x` has the local part `a b`.
 * `domain` is as written (a name, possibly with U-labels, or a literal such as `[192.0.2.1]`);
 * it is '' only for `<postmaster>` without a domain (RFC 5321 §4.5.1).
 */
export interface Mailbox {
  readonly local: string;
  readonly domain: string;
}

/** null is the null reverse-path `<>`: mail that must never be answered. RFC 5321 §4.5.5. */
export type ReversePath = Mailbox | null;

/**
 * Limit: octets of what the local part means, without its quotes. RFC 5321 §4.5.3.1.1 asks for 64 at
 * least, and "to the maximum extent possible" for no limit at all.
 * Field: senders that write the whole address of a recipient or an earlier sender into theirs (VERP,
 * SRS) exceed 64. What a server takes is `localPart` of smtp/limits.ts.
 */
export const localBytesMax = 512;
/** Limit: RFC 5321 §4.5.3.1.2. */
const domainBytesMax = 255;
/** Limit: RFC 1035 §2.3.4, as an A-label. */
const labelBytesMax = 63;

// RFC 5321 §4.1.2: Dot-string = Atom *("." Atom); RFC 6531 §3.3: atext =/ UTF8-non-ascii
// Deviation: C1 controls (U+0080 to U+009F) are refused, they only ever serve to confuse readers.
const dotString =
  /[a-z0-9!#$%&'*+\-/=?^_`{|}~\u00a0-\uffff]+(?:\.[a-z0-9!#$%&'*+\-/=?^_`{|}~\u00a0-\uffff]+)*/iy;
// RFC 5321 §4.1.2: QcontentSMTP = qtextSMTP / quoted-pairSMTP
const quotedString = /"(?:[ !#-[\]-~\u00a0-\uffff]|\\[ -~])*"/y;
// RFC 5321 §4.1.2: sub-domain = Let-dig [Ldh-str]; RFC 6531 §3.3: sub-domain =/ U-label
// Field: `_` occurs in host names of Windows networks, and every MTA takes it.
const domainName = /[a-z0-9_\-\u00a0-\uffff]+(?:\.[a-z0-9_\-\u00a0-\uffff]+)*/iy;
// RFC 5321 §4.1.3: dcontent = %d33-90 / %d94-126
const bracketed = /\[[!-Z^-~]+\]/y;
const wholeDotString = new RegExp(`^(?:${dotString.source})$`, 'i');
const asciiDomain = /^(?!-)[a-z0-9_-]+(?<!-)(?:\.(?!-)[a-z0-9_-]+(?<!-))*$/i;
/** ASCII that no name has: a URL parser, which makes A-labels, takes a name to end there, or drops it. */
const noName = /[\x00-,/:-@[-^`{-\x7f]/;
const dottedQuad = /^\d+(?:\.\d+){3}$/;
const ascii = /^[\x00-\x7f]*$/;

/**
 * The mailbox that begins at `start`, and where it ends. For readers of longer texts. `localDomain`
 * is given to one that has none; without it such text is no mailbox.
 */
export function mailboxAt(
  text: string,
  start: number,
  localDomain?: string,
): { readonly mailbox: Mailbox; readonly end: number } | undefined {
  const quoted = text.charCodeAt(start) === 0x22;
  const afterLocal = endOf(quoted ? quotedString : dotString, text, start);
  if (afterLocal === undefined) return undefined;
  const named = text.charCodeAt(afterLocal) === 0x40;
  const end = named ? domainEnd(text, afterLocal + 1) : afterLocal;
  const domain = named ? text.slice(afterLocal + 1, end) : localDomain;
  if (end === undefined || domain === undefined) return undefined;
  const written = text.slice(start, afterLocal);
  const local = quoted ? written.slice(1, -1).replaceAll(/\\(.)/g, '$1') : written;
  if (!isLocalPart(local) || !isDomain(domain)) return undefined;
  return { mailbox: { local, domain }, end };
}

/** `local@domain` and nothing around it; `local` alone where there is a `localDomain` for it. */
export function parseMailbox(text: string, localDomain?: string): Mailbox | undefined {
  const found = mailboxAt(text, 0, localDomain);
  return found?.end === text.length ? found.mailbox : undefined;
}

/** `ann` is `ann@localDomain`; anything else is what it is. */
export function completeAddress(text: string, localDomain: string): string {
  const mailbox = parseMailbox(text, localDomain);
  return mailbox === undefined ? text : formatMailbox(mailbox);
}

/** Wire form: the local part is quoted only where the grammar asks for it. */
export function formatMailbox({ local, domain }: Mailbox): string {
  const written = wholeDotString.test(local) ? local : inQuotes(local);
  return domain === '' ? written : `${written}@${domain}`;
}

const inQuotes = (local: string): string => `"${local.replaceAll(/["\\]/g, '\\$&')}"`;

/**
 * Equal for equal mailboxes. RFC 5321 §2.4 lets only the final host compare local parts: this is
 * how we do it as that host, without regard to case and to how letters are composed.
 */
export function addressKey(address: Mailbox | string): string {
  if (typeof address !== 'string') {
    const lower = lowerCase(address.local);
    // So that a key reads back as the same key: a local part that itself begins with a quote.
    const local = lower.charCodeAt(0) === 0x22 ? inQuotes(lower) : lower;
    return address.domain === '' ? local : `${local}@${domainKey(address.domain)}`;
  }
  const mailbox = parseMailbox(address);
  return mailbox === undefined ? lowerCase(address) : addressKey(mailbox);
}

/** Equal for equal domains: A-labels in lower case, literals in one spelling. */
export function domainKey(domain: string): string {
  if (domain.charCodeAt(0) === 0x5b) return literalKey(domain);
  if (ascii.test(domain)) return domain.toLowerCase();
  return toAsciiDomain(domain) ?? lowerCase(domain);
}

/** RFC 5321 §4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`. */
export function isAddressLiteral(domain: string): boolean {
  return literalAddress(domain) !== undefined;
}

/** The address inside a literal, or undefined if it is none. */
export function literalAddress(domain: string): string | undefined {
  if (domain.charCodeAt(0) !== 0x5b || !domain.endsWith(']')) return undefined;
  const address = domain.slice(1, -1);
  if (isIPv4(address)) return address;
  // RFC 5321 §4.1.3: IPv6-address-literal = "IPv6:" IPv6-addr. The other tags the grammar allows
  // must be registered, and none has been.
  if (!/^ipv6:/i.test(address)) return undefined;
  const v6 = address.slice(5);
  return isIPv6(v6) && !v6.includes('%') ? v6 : undefined;
}

/** A name or a literal, within its limits. */
export function isDomain(domain: string): boolean {
  if (domain.charCodeAt(0) === 0x5b) return isAddressLiteral(domain);
  if (ascii.test(domain)) return isAsciiDomain(domain);
  return Buffer.byteLength(domain) <= domainBytesMax && toAsciiDomain(domain) !== undefined;
}

/** Where the domain or literal that begins at `start` ends, as far as its characters go. */
export function domainEnd(text: string, start: number): number | undefined {
  return endOf(text.charCodeAt(start) === 0x5b ? bracketed : domainName, text, start);
}

function isLocalPart(local: string): boolean {
  if (ascii.test(local)) return local.length <= localBytesMax;
  return local.isWellFormed() && Buffer.byteLength(local) <= localBytesMax;
}

function isAsciiDomain(domain: string): boolean {
  if (domain.length > domainBytesMax || !asciiDomain.test(domain)) return false;
  return (
    domain.length <= labelBytesMax ||
    domain.split('.').every((label) => label.length <= labelBytesMax)
  );
}

function toAsciiDomain(domain: string): string | undefined {
  if (!domain.isWellFormed() || noName.test(domain)) return undefined;
  const name = domainToASCII(domain);
  // A name of full-width digits would come out as an IPv4 address: it is neither.
  return isAsciiDomain(name) && !dottedQuad.test(name) ? name : undefined;
}

function literalKey(domain: string): string {
  const address = literalAddress(domain);
  if (address === undefined || isIPv4(address)) return domain.toLowerCase();
  // The URL parser writes IPv6 addresses in their one canonical form (RFC 5952).
  return `[ipv6:${new URL(`http://[${address}]`).hostname.slice(1, -1)}]`;
}

const lowerCase = (text: string): string =>
  ascii.test(text) ? text.toLowerCase() : text.toLowerCase().normalize('NFC');

function endOf(rule: RegExp, text: string, start: number): number | undefined {
  rule.lastIndex = start;
  return rule.test(text) ? rule.lastIndex : undefined;
}
